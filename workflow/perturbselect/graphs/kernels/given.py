"""A kernel that the user gives as a file, and what makes a matrix a kernel."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from perturbselect.data.labels import canonical_names
from perturbselect.errors import InputError
from perturbselect.files import read_h5ad, read_tsv
from perturbselect.graphs.membership import membership, perturbed_genes

if TYPE_CHECKING:
    from perturbselect.data.gene_names import Aliases

ROUNDING = 1e-5  # relative to the mean diagonal: files in single precision are off by less


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


def check_kernel(matrix: pd.DataFrame, where: str) -> None:
    """Refuse what is no kernel: finite, symmetric, positive semidefinite with a positive diagonal.

    Raises
    ------
    InputError
        Naming `where`, and the pair of names or the smallest eigenvalue.
    """
    values = matrix.to_numpy(np.float64)

    def refuse(wrong: np.ndarray, why: str) -> None:
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            pair = f"{matrix.index[row]} and {matrix.columns[column]}"
            raise InputError(
                f"{where}: the kernel of {pair} is {values[row, column]:g}{why.format(values[column, row])}"
            )

    refuse(~np.isfinite(values), "; every value must be a finite number")
    scale = float(np.abs(values.diagonal()).mean())
    refuse(
        np.abs(values - values.T) > ROUNDING * max(scale, float(np.abs(values).max())),
        ", but {:g} the other way round; a kernel is symmetric",
    )
    refuse(np.diag(values.diagonal() <= 0), "; everyone must be like itself")
    try:
        np.linalg.cholesky((values + values.T) / 2 + ROUNDING * scale * np.eye(len(values)))
    except np.linalg.LinAlgError:
        from scipy.linalg import eigh

        least = eigh((values + values.T) / 2, eigvals_only=True, subset_by_index=[0, 0])[0]
        raise InputError(
            f"{where}: is not positive semidefinite: its smallest eigenvalue is {least:.3g} (mean diagonal "
            f"{scale:.3g}); add {-least:.3g} to the diagonal, or build it from features"
        ) from None
