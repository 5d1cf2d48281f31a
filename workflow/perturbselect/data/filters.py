"""Which cells, perturbations and genes of a screen are kept, from sums over its counts.

The sums can be taken over the whole matrix or block by block, so that a screen can be checked
without holding it in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from perturbselect.config import Preprocess
from perturbselect.errors import InputError

MITOCHONDRIAL = "MT-"


class Totals:
    """Sums over the counts of n cells and G genes.

    Parameters
    ----------
    cells : int
        n.
    genes : Index of str, length G

    Attributes
    ----------
    umis, detected, mito_umis : ndarray, shape (n,)
        UMIs, genes with a count, and UMIs of mitochondrial genes of each cell.
    gene_umis : ndarray, shape (G,)
        UMIs of each gene over all cells.
    """

    def __init__(self, cells: int, genes: pd.Index) -> None:
        self.genes = genes
        self.mitochondrial = genes.str.upper().str.startswith(MITOCHONDRIAL)
        self.umis, self.mito_umis = np.zeros(cells), np.zeros(cells)
        self.detected = np.zeros(cells, dtype=int)
        self.gene_umis = np.zeros(len(genes))

    def add(
        self,
        counts: sp.csr_matrix,
        cells: slice | np.ndarray = slice(None),
        genes: slice | np.ndarray = slice(None),
    ) -> Totals:
        """Add a block of the matrix: its rows are these `cells`, its columns these `genes`.

        `counts` stores no zeros (`perturbselect.data.counts.as_counts`).
        """
        self.umis[cells] += np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
        self.detected[cells] += np.diff(counts.indptr)
        mitochondrial = counts[:, self.mitochondrial[genes]]
        self.mito_umis[cells] += np.asarray(mitochondrial.sum(axis=1), dtype=np.float64).ravel()
        self.gene_umis[genes] += np.asarray(counts.sum(axis=0), dtype=np.float64).ravel()
        return self


def filtered(
    obs: pd.DataFrame, totals: Totals, uns: Mapping[str, Any], options: Preprocess, name: str
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, list[dict]]:
    """Choose cells by the filters of `options`, then perturbations, and leave out silent genes.

    Parameters
    ----------
    obs : DataFrame, n rows
        As imported (``cells.h5ad``).
    totals : Totals
        Of the imported cells and genes.
    uns : mapping
        What the import counted: ``unlabelled_cells``, ``cells_not_in_matrix``.
    options : Preprocess
    name : str
        Name of the dataset, for messages.

    Returns
    -------
    obs : DataFrame, n rows
        With ``total_umis``, ``n_genes`` and, where it can be told, ``mito_share``.
    kept_cells : ndarray of bool, shape (n,)
    kept_genes : ndarray of bool, shape (G,)
    steps : list of dict
        What each step removed: rows of the table ``filters``.

    Raises
    ------
    InputError
        If a gene has no counts (unless they are to be dropped), a filter needs a column that
        the data lack, no control or fewer than two perturbations remain, or a kept cell is empty.
    """
    key = f"datasets.{name}.preprocess"
    steps: list[dict] = []
    _record_left_out_at_import(len(obs), uns, steps)
    obs = _with_quality(obs, totals)
    kept_genes = _genes_with_counts(totals, options, key, steps)
    kept_cells = _keep_cells(obs, options, key, steps)
    kept_cells = _keep_perturbations(obs, kept_cells, options, key, steps)
    empty = kept_cells & ~(obs["total_umis"].to_numpy(np.float64) > 0)
    if empty.any():
        raise InputError(
            f"{name}: cell '{obs.index[empty][0]}' has no UMIs; set {key}.filters.min_total_umis: 1"
        )
    return obs, kept_cells, kept_genes, steps


def perturbed_cells(obs: pd.DataFrame) -> pd.Series:
    """Perturbation of each perturbed cell."""
    return obs["perturbation"].astype(str)[~obs["is_control"].to_numpy(bool)]


def record(steps: list[dict], step: str, unit: str, before: int, removed: int, detail: str = "") -> None:
    """Add a row to the table ``filters``."""
    steps.append(
        {
            "step": step,
            "unit": unit,
            "before": int(before),
            "removed": int(removed),
            "after": int(before - removed),
            "detail": detail,
        }
    )


def _record_left_out_at_import(cells: int, uns: Mapping[str, Any], steps: list[dict]) -> None:
    """Record the cells that the import counted and left out."""
    unlabelled = int(uns.get("unlabelled_cells", 0))
    absent = int(uns.get("cells_not_in_matrix", 0))
    in_matrix = cells + unlabelled
    if absent:
        record(steps, "in the cell table, not in the matrix", "cells", in_matrix + absent, absent)
    if unlabelled:
        record(steps, "no known target", "cells", in_matrix, unlabelled)


def _with_quality(obs: pd.DataFrame, totals: Totals) -> pd.DataFrame:
    """Add total_umis, n_genes and mito_share where the source gave none."""
    obs = obs.copy()
    if "mito_share" not in obs and totals.mitochondrial.any():
        obs["mito_share"] = totals.mito_umis / np.maximum(totals.umis, 1)
    if "n_genes" not in obs:
        obs["n_genes"] = totals.detected
    if "total_umis" not in obs:
        obs["total_umis"] = totals.umis
    return obs


def _genes_with_counts(totals: Totals, options: Preprocess, key: str, steps: list[dict]) -> np.ndarray:
    """Return which genes have counts; an error, or a step, where some have none."""
    kept = totals.gene_umis > 0
    empty = list(totals.genes[~kept])
    if empty and options.all_zero_genes == "error":
        shown = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
        raise InputError(
            f"{key}: {len(empty)} gene(s) have no count in any cell ({shown}); "
            f"set {key}.all_zero_genes: drop, or take them out of the file"
        )
    if empty:
        record(steps, "no count in any cell", "genes", len(kept), len(empty), ", ".join(empty))
    return kept


def _keep_cells(obs: pd.DataFrame, options: Preprocess, key: str, steps: list[dict]) -> np.ndarray:
    """Return which cells pass the filters of cells and guides."""
    filters = options.filters
    kept = np.ones(len(obs), dtype=bool)
    for option, column, sign, threshold in (
        ("min_guide_umis", "guide_umis", 1, filters.min_guide_umis),
        ("min_guide_share", "guide_share", 1, filters.min_guide_share),
        ("min_total_umis", "total_umis", 1, filters.min_total_umis),
        ("max_total_umis", "total_umis", -1, filters.max_total_umis),
        ("min_genes", "n_genes", 1, filters.min_genes),
        ("max_mito_share", "mito_share", -1, filters.max_mito_share),
    ):
        if threshold is None or (sign > 0 and threshold == 0):
            continue
        _require(obs, column, f"{key}.filters.{option}")
        # A cell without a value (NaN) does not pass.
        passed = sign * obs[column].to_numpy(np.float64) >= sign * threshold
        record(steps, f"{option} = {threshold:g}", "cells", kept.sum(), (kept & ~passed).sum())
        kept &= passed
    if filters.min_cells_per_guide > 0:
        _require(obs, "guide", f"{key}.filters.min_cells_per_guide")
        # A cell without a guide belongs to none, so it stays: screens often name no guide for controls.
        guides = obs["guide"].astype(object)
        sizes = guides[kept].value_counts()
        few = sorted(sizes.index[sizes < filters.min_cells_per_guide])
        without = int(guides[kept].isna().sum())
        details = [f"{sizes[few].sum()} cells of {', '.join(few)}"] if few else []
        details += [f"{without} cells without a guide stay"] if without else []
        step = f"min_cells_per_guide = {filters.min_cells_per_guide}"
        record(steps, step, "guides", len(sizes), len(few), "; ".join(details))
        kept &= ~guides.isin(few).to_numpy()
    controls = (kept & obs["is_control"].to_numpy(bool)).sum()
    if controls < 2:
        raise InputError(
            f"{key}.filters: {controls} of {obs['is_control'].sum()} control cells pass, at least 2 must; "
            f"relax the filters ({_tally(steps)})"
        )
    return kept


def _require(obs: pd.DataFrame, column: str, option: str) -> None:
    if column not in obs:
        source = option.split(".preprocess.")[0] + ".source.columns." + column
        remedy = f"name the column in {source}, or switch the filter off"
        if column == "mito_share":
            remedy += f" (it could not be computed either: no gene is named {MITOCHONDRIAL}...)"
        raise InputError(f"{option}: the cells have no column '{column}'; {remedy}")


def _tally(steps: list[dict]) -> str:
    """Say what each step so far left, for messages."""
    return (
        "; ".join(f"{step['step']} left {step['after']} {step['unit']}" for step in steps)
        or "no filter is set"
    )


def _keep_perturbations(
    obs: pd.DataFrame, kept: np.ndarray, options: Preprocess, key: str, steps: list[dict]
) -> np.ndarray:
    """Leave out the cells of perturbations that have too few."""
    every = sorted(perturbed_cells(obs).unique())
    sizes = perturbed_cells(obs[kept]).value_counts().reindex(every, fill_value=0)
    before = len(every)
    few = sizes[sizes < options.min_cells]
    detail = ", ".join(f"{perturbation} ({n} cells)" for perturbation, n in few.items())
    record(steps, f"min_cells = {options.min_cells}", "perturbations", before, len(few), detail)
    if before - len(few) < 2:
        raise InputError(
            f"{key}: {before - len(few)} of {before} perturbations have at least "
            f"{options.min_cells} cells, at least 2 must; lower {key}.min_cells or relax "
            f"the filters ({_tally(steps)})"
        )
    in_few = obs["perturbation"].astype(str).isin(few.index) & ~obs["is_control"].astype(bool)
    return kept & ~in_few.to_numpy()
