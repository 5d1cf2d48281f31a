"""Import a screen given as raw counts per cell, whatever the archive's spelling."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from perturbselect.config import CellSource
from perturbselect.data.counts import as_counts
from perturbselect.data.gene_names import Aliases, unique_symbols
from perturbselect.data.labels import (
    CONTROL,
    Spelling,
    canonical_names,
    check_barcodes,
    label_targets,
    label_text,
    left_out,
    no_controls,
    require_column,
    spelling,
)
from perturbselect.data.presets import with_preset
from perturbselect.errors import InputError
from perturbselect.files import read_h5ad
from perturbselect.registry import suggestion

QUALITY = ("guide_umis", "guide_share", "total_umis", "n_genes", "mito_share")


def read_cells(
    path: str | os.PathLike, source: CellSource, aliases: Aliases, name: str
) -> tuple[AnnData, pd.DataFrame]:
    """Read raw counts from an .h5ad.

    Parameters
    ----------
    path : path of the .h5ad
    source : CellSource
        Where in the file things are and how they are spelt.
    aliases : Aliases
        Reconciles the names of measured and of perturbed genes.
    name : str
        The dataset's key in the config, for messages.

    Returns
    -------
    cells : AnnData, csr int32, shape (cells, genes)
        UMI counts; see `assemble`.
    names : DataFrame
        name, symbol, status, role (``gene`` or ``perturbation``): every name of the file and
        what became of it.

    Raises
    ------
    InputError
        If the file, a column, the controls, the barcodes or the counts are not as they
        should be.
    """
    file = read_h5ad(path)
    source = with_preset(source)
    if source.layer is not None and source.layer not in file.layers:
        raise InputError(
            f"{path}: no layer '{source.layer}' (config: datasets.{name}.source.layer); "
            + (suggestion(source.layer, list(file.layers)) if file.layers else "the file has no layers")
        )
    matrix = file.X if source.layer is None else file.layers[source.layer]
    require_matrix(matrix, path, name)
    spelt = spelling(source, file.obs.columns, file.var.columns)
    genes, where = gene_column(file.var, spelt, path, name), described(path, source)
    cells, names = assemble(matrix, file.obs, genes, spelt, aliases, where, name)
    cells.uns["simulated"] = bool(file.uns.get("simulated", False))
    return cells, names


def require_matrix(matrix: Any, path: str | os.PathLike, name: str) -> None:
    """Raise InputError if there is no matrix in X."""
    if matrix is None:
        raise InputError(
            f"{path}: X is empty; name the layer with raw counts as datasets.{name}.source.layer"
        )


def gene_column(var: pd.DataFrame, spelt: Spelling, path: str | os.PathLike, name: str) -> np.ndarray:
    """Return the names of the measured genes as spelt: a column of ``var``, or its index."""
    column = spelt.columns.gene
    if column is None:
        return var.index.astype(str).to_numpy()
    require_column(column, var.columns, f"{path}: var", f"datasets.{name}.source.columns.gene")
    return var[column].astype(str).to_numpy()


def described(path: str | os.PathLike, source: CellSource) -> str:
    """Return what messages call a screen's matrix."""
    return str(path) if source.layer is None else f"{path}: layer {source.layer}"


def assemble(
    matrix, obs: pd.DataFrame, genes: np.ndarray, spelt: Spelling, aliases: Aliases, where: str, name: str
) -> tuple[AnnData, pd.DataFrame]:
    """Check a screen's parts and put them together under the names used from here on.

    Parameters
    ----------
    matrix : sparse matrix or ndarray, shape (cells, genes)
    obs : DataFrame
        Cell table; index = barcodes.
    genes : ndarray of str
        Names of the measured genes as spelt.
    spelt : Spelling
    aliases : Aliases
    where : str
        File, for messages.
    name : str
        The dataset's key, for messages.

    Returns
    -------
    cells : AnnData, csr int32, shape (cells, genes)
        obs: ``perturbation`` (categorical, ``A``, ``A+B`` or ``control``), ``is_control``, and the
        columns the config names: ``guide`` (categorical; missing where the source has none, by the
        same words as a missing label), ``guide_umis``, ``guide_share``,
        ``total_umis``, ``n_genes``, ``mito_share`` (float32). var: index = symbol,
        ``name_in_source``. uns: ``unlabelled_cells``, the number of cells left out because
        their label is missing, empty or one of ``source.unassigned``.
    names : DataFrame
        name, symbol, status, role.
    """
    found = label_cells(obs, genes, spelt, aliases, where, name)
    cells = AnnData(
        X=as_counts(matrix, obs.index.to_numpy(), genes, where)[found.labelled],
        obs=found.obs,
        var=pd.DataFrame({"name_in_source": genes}, index=found.genes),
        uns={"simulated": False, **found.uns},
    )
    return cells, found.names


@dataclass(frozen=True)
class Labelled:
    """The cells and genes of a screen under the names used from here on, without the counts.

    Attributes
    ----------
    labelled : ndarray of bool, shape (cells of the source,)
        Whether the cell has a known target; the others are left out.
    obs : DataFrame
        One row a labelled cell; columns as `assemble` says.
    genes : Index of str
        Symbol of each measured gene, unique.
    names : DataFrame
        name, symbol, status, role.
    uns : dict
        ``unlabelled_cells``: how many were left out.
    """

    labelled: np.ndarray
    obs: pd.DataFrame
    genes: pd.Index
    names: pd.DataFrame
    uns: dict[str, int]


def label_cells(
    obs: pd.DataFrame, genes: np.ndarray, spelt: Spelling, aliases: Aliases, where: str, name: str
) -> Labelled:
    """Check all of a screen but its counts, and bring cells and genes under their names.

    Parameters and errors are those of `assemble`.
    """
    key = f"datasets.{name}.source.columns"
    for field in ("perturbation", "guide", *QUALITY):
        column = getattr(spelt.columns, field)
        if column is not None:
            require_column(column, obs.columns, f"{where}: cell table", f"{key}.{field}")
    check_barcodes(obs.index, where)
    label = label_text(obs[spelt.columns.perturbation])
    labelled = ~label.isin(spelt.unassigned).to_numpy()

    gene_table = unique_symbols(aliases.reconcile(genes))
    measured = set(genes)
    target_counts = None if spelt.target_count is None else obs.loc[labelled, spelt.target_count]
    targets = label_targets(
        label[labelled], target_counts, spelt, lambda gene: gene in measured or aliases.knows(gene)
    )
    perturbation, target_table = canonical_names(targets, aliases)
    if CONTROL not in perturbation.values():
        raise InputError(no_controls(label[labelled], spelt, where, name))

    obs = obs.loc[labelled]
    named = pd.DataFrame(index=obs.index.astype(str).rename("cell"))
    named["perturbation"] = pd.Categorical(label[labelled].map(perturbation))
    named["is_control"] = (named["perturbation"] == CONTROL).to_numpy(bool)
    if spelt.columns.guide is not None:
        guide = label_text(obs[spelt.columns.guide])
        named["guide"] = pd.Categorical(guide.where(~guide.isin(spelt.unassigned)))
    for field in QUALITY:
        column = getattr(spelt.columns, field)
        if column is not None:
            named[field] = _numbers(obs[column], where, f"{key}.{field}")
    target_table = pd.concat([target_table, left_out(label, spelt)])
    roles = {"gene": gene_table, "perturbation": target_table}
    return Labelled(
        labelled,
        named,
        pd.Index(gene_table["symbol"].astype(str), name="gene"),
        pd.concat([table.assign(role=role) for role, table in roles.items()], ignore_index=True),
        {"unlabelled_cells": int((~labelled).sum())},
    )


def _numbers(column: pd.Series, where: str, key: str) -> np.ndarray:
    """Return a quality column as float32."""
    numbers = pd.to_numeric(column.astype(object), errors="coerce")
    if numbers.isna().any():
        cell = numbers.index[numbers.isna()][0]
        raise InputError(
            f"{where}: column '{column.name}' of the cell table has '{column[cell]}' for cell {cell}, "
            f"not a number (config: {key})"
        )
    return numbers.to_numpy(np.float32)
