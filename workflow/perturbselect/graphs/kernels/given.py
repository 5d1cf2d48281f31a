"""A kernel that the user gives as a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from perturbselect.data.labels import canonical_names
from perturbselect.errors import InputError
from perturbselect.files import read_h5ad, read_tsv
from perturbselect.graphs.kernels.validity import check_kernel
from perturbselect.graphs.membership import membership, perturbed_genes

if TYPE_CHECKING:
    from perturbselect.data.gene_names import Aliases


def read_matrix(path: str | os.PathLike, aliases: Aliases) -> pd.DataFrame:
    """Read a square table of similarities, TSV (names in the first column and the header) or .h5ad.

    Returns
    -------
    DataFrame of float64, canonical names as index and columns

    Raises
    ------
    InputError
        If it cannot be read, is not square, names differ or stand there twice, or it is no kernel.
    """
    if str(path).endswith(".h5ad"):
        table = read_h5ad(path).to_df()
    else:
        try:
            table = read_tsv(path, index_col=0, dtype={0: str})
            table = table.astype(np.float64)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be read as a table of numbers ({error}); names go into the first column "
                "and the header, tabs between cells"
            ) from error
    table.index, table.columns = table.index.astype(str), table.columns.astype(str)
    if sorted(table.index) != sorted(table.columns):
        odd = sorted({*table.index} ^ {*table.columns})
        raise InputError(
            f"{path}: rows and columns must have the same names; {len(table.index)} rows, "
            f"{len(table.columns)} columns{', not in both: ' + odd[0] if odd else ''}"
        )
    table = table.loc[:, table.index] if table.index.is_unique else table
    names = canonical_names({name: name.split("+") for name in table.index}, aliases)[0]
    table.index = table.columns = pd.Index([names[name] for name in table.index])
    if not table.index.is_unique:
        raise InputError(f"{path}: {table.index[table.index.duplicated()][0]} has several rows; keep one")
    check_kernel(table, str(path))
    return table


def given(
    matrix: pd.DataFrame, perturbations: Sequence[str] | np.ndarray, name: str = "matrix"
) -> np.ndarray:
    """Take the rows of a user's kernel; if combinations have none, those of genes, summed.

    Returns
    -------
    ndarray of float64, shape (P, P)
        On the user's scale.

    Raises
    ------
    InputError
        If a perturbation has no row.
    """
    wanted = np.asarray(perturbations, dtype=str)
    rows = wanted if np.isin(wanted, matrix.index).all() else perturbed_genes(wanted)
    lacking = rows[~np.isin(rows, matrix.index)]
    if len(lacking):
        raise InputError(
            f"matrix({name}): has no row for {len(lacking)} perturbations, e.g. {lacking[0]}; add them, or "
            "reconcile the names (gene_names.aliases)"
        )
    kernel = matrix.loc[rows, rows].to_numpy(np.float64)
    if rows is wanted:
        return kernel
    hits = membership(wanted, rows)
    return hits @ (hits @ kernel).T
