"""Import a screen given as one published response per perturbation."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from perturbselect.config import ResponseSource
from perturbselect.data.gene_names import Aliases, unique_symbols
from perturbselect.data.labels import (
    CONTROL,
    canonical_names,
    label_text,
    left_out,
    require_column,
    spelling,
)
from perturbselect.errors import InputError
from perturbselect.files import read_h5ad
from perturbselect.registry import suggestion

TOP = 20


def read_responses(
    path: str | os.PathLike, source: ResponseSource, aliases: Aliases, name: str
) -> tuple[AnnData, pd.DataFrame]:
    """Read responses from an .h5ad with one row per perturbation.

    Parameters
    ----------
    path : path of the .h5ad
    source : ResponseSource
    aliases : Aliases
        Reconciles the names of measured and of perturbed genes.
    name : str
        The dataset's key in the config, for messages.

    Returns
    -------
    responses : AnnData, float32, shape (perturbations, genes), rows sorted by name
        X: response to control. Layers: ``de_rank`` (unsigned, 0 = strongest; genes of a row
        by decreasing absolute value *of the source*, so that ``membership`` keeps the order
        of the ranks it was made from; ties in the order of the file) and
        ``de_significant`` (uint8; the layer the config names, else - our definition - the
        20 first by ``de_rank`` whose value is not 0). var: ``control_mean`` (0), ``perturbed``.
        uns: ``simulated``, ``type``.
    names : DataFrame
        name, symbol, status, role.

    Raises
    ------
    InputError
        If the file, a column or layer is missing, there is no perturbation or gene, a value is
        missing or infinite, or two rows are the same perturbation.

    Notes
    -----
    Rows whose label is missing, empty or one of ``source.unassigned`` are left out, and listed in `names`.
    Control rows (their mean, if there are several) are subtracted, then dropped; from
    ranks that are only asked for membership nothing is subtracted.
    """
    file = read_h5ad(path)
    key = f"datasets.{name}.source"
    spelt = spelling(source, file.obs.columns)
    labels = _labels(file, source, path, key)
    unassigned = left_out(labels, spelt)
    assigned = ~labels.isin(spelt.unassigned).to_numpy()
    file, labels = file[assigned], labels[assigned]
    if source.significant is not None and source.significant not in file.layers:
        raise InputError(
            f"{path}: no layer '{source.significant}' (config: {key}.significant); "
            + (suggestion(source.significant, list(file.layers)) if file.layers else "the file has no layers")
        )
    if file.X is None or 0 in file.shape:
        raise InputError(f"{path}: holds no responses ({file.n_obs} rows, {file.n_vars} genes in X)")
    values = _dense(file.X).astype(np.float32)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise InputError(
            f"{path}: the response of gene {file.var_names[column]} to {labels.iloc[row]} is "
            f"{values[row, column]}; every value must be a finite number: leave out such genes or rows"
        )

    gene_table = unique_symbols(aliases.reconcile(file.var_names))
    measured = set(file.var_names)
    targets = {
        label: spelt.targets(label, lambda gene: gene in measured or aliases.knows(gene)) for label in labels
    }
    perturbation, target_table = canonical_names(targets, aliases)
    rows = labels.map(perturbation).to_numpy(dtype=str)
    is_control = rows == CONTROL
    _check_rows(rows, labels.to_numpy(dtype=str), is_control, path)

    if source.coding == "values" and is_control.any():
        values -= values[is_control].mean(axis=0)
    order = np.flatnonzero(~is_control)[np.argsort(rows[~is_control], kind="stable")]
    values, rows = values[order], rows[order]
    coded = (values != 0).astype(np.float32) if source.coding == "membership" else values
    genes = _most_variable(coded, source.genes)
    values, coded = values[:, genes], coded[:, genes]

    rank = _ranks(np.abs(values))
    if source.significant is not None:
        significant = _dense(file.layers[source.significant][order][:, genes]) != 0
    else:
        significant = (rank < TOP) & (values != 0)
    symbols = gene_table["symbol"].to_numpy(dtype=str)[genes]
    perturbed = {gene for row in rows for gene in row.split("+")}
    responses = AnnData(
        X=coded,
        obs=pd.DataFrame(index=pd.Index(rows, name="perturbation")),
        var=pd.DataFrame(
            {
                "control_mean": np.zeros(len(genes), np.float32),
                "perturbed": np.isin(symbols, list(perturbed)),
            },
            index=pd.Index(symbols, name="gene"),
        ),
        layers={"de_rank": rank, "de_significant": significant.astype(np.uint8)},
        uns={"simulated": bool(file.uns.get("simulated", False)), "type": "responses"},
    )
    tables = [
        gene_table.assign(role="gene"),
        pd.concat([target_table, unassigned]).assign(role="perturbation"),
    ]
    return responses, pd.concat(tables, ignore_index=True)


def _labels(file: AnnData, source: ResponseSource, path: str | os.PathLike, key: str) -> pd.Series:
    """Return the label of each row."""
    if source.column is None:
        labels = file.obs_names.to_series()
    else:
        require_column(source.column, file.obs.columns, f"{path}: obs", f"{key}.column")
        labels = file.obs[source.column]
    return label_text(labels)


def _check_rows(
    rows: np.ndarray, labels: np.ndarray, is_control: np.ndarray, path: str | os.PathLike
) -> None:
    """Raise InputError unless there is a perturbation, and each only once."""
    if is_control.all():
        raise InputError(f"{path}: every row is a control; responses need rows of perturbations")
    repeated = pd.Series(rows).duplicated(keep=False).to_numpy() & ~is_control
    if repeated.any():
        first = rows[repeated][0]
        spelt = ", ".join(labels[rows == first])
        raise InputError(
            f"{path}: perturbation {first} has {int((rows == first).sum())} rows ({spelt}); "
            "average them or keep one"
        )


def _most_variable(values: np.ndarray, count: int | None) -> np.ndarray:
    """Return the columns with the largest variance over rows, in the order of the file."""
    if count is None or count >= values.shape[1]:
        return np.arange(values.shape[1])
    variance = values.astype(np.float64).var(axis=0)
    return np.sort(np.argsort(-variance, kind="stable")[:count])


def _ranks(strength: np.ndarray) -> np.ndarray:
    """Rank each row's columns from 0 (largest) on; ties in the order of the columns."""
    order = np.argsort(-strength, axis=1, kind="stable")
    kind = np.uint16 if strength.shape[1] <= 2**16 else np.uint32
    rank = np.empty(strength.shape, kind)
    np.put_along_axis(rank, order, np.arange(strength.shape[1], dtype=kind)[None, :], axis=1)
    return rank


def _dense(matrix) -> np.ndarray:
    """Return a matrix as an ordinary array."""
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)
