"""What makes a matrix a kernel."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from perturbselect.errors import InputError

ROUNDING = 1e-5  # relative to the diagonal: files in single precision are off by less
BLOCK = 2**22  # entries looked at at once
TILE = 256  # rows and columns compared with their transpose at once: both stay in the cache


def check_values(kernel: np.ndarray, names: pd.Index, where: str = "") -> None:
    """Refuse what is not finite, not symmetric up to rounding, or negative on its diagonal; O(n²).

    Parameters
    ----------
    kernel : ndarray of float, shape (n, n)
    names : Index, length n
    where : str
        What the message begins with.

    Raises
    ------
    InputError
        Naming the pair.
    """

    def refuse(place: np.ndarray, why: str) -> None:
        row, column = place
        value, back = kernel[row, column], kernel[column, row]
        raise InputError(
            f"{where}the kernel of {names[row]} and {names[column]} is {value:g}{why.format(back)}"
        )

    step = max(1, BLOCK // len(kernel))
    for row in range(0, len(kernel), step):
        finite = np.isfinite(kernel[row : row + step])
        if not finite.all():
            refuse(np.argwhere(~finite)[0] + [row, 0], "; every value must be a finite number")
    rounding = ROUNDING * float(np.abs(kernel.diagonal()).max())
    for row, column in itertools.combinations_with_replacement(range(0, len(kernel), TILE), 2):
        rows, columns = slice(row, row + TILE), slice(column, column + TILE)
        wrong = np.abs(kernel[rows, columns] - kernel[columns, rows].T) > rounding
        if wrong.any():
            place = np.argwhere(wrong)[0] + [row, column]
            refuse(place, ", but {:g} the other way round; a kernel is symmetric")
    for place in np.argwhere(kernel.diagonal() < 0):
        refuse(np.tile(place, 2), "; everyone must be like itself")


def check_kernel(matrix: pd.DataFrame, where: str) -> None:
    """Refuse what is no kernel: as `check_values` does, and what is not positive semidefinite; O(n³).

    Raises
    ------
    InputError
        Naming `where`, and the pair of names or the smallest eigenvalue.
    """
    values = matrix.to_numpy(np.float64)
    check_values(values, matrix.index, f"{where}: ")
    scale = float(values.diagonal().mean())
    alone = matrix.index[values.diagonal() == 0]
    if len(alone):
        raise InputError(
            f"{where}: the kernel of {alone[0]} and {alone[0]} is 0; everyone must be like itself"
        )
    try:
        np.linalg.cholesky((values + values.T) / 2 + ROUNDING * scale * np.eye(len(values)))
    except np.linalg.LinAlgError:
        from scipy.linalg import eigh

        least = eigh((values + values.T) / 2, eigvals_only=True, subset_by_index=[0, 0])[0]
        raise InputError(
            f"{where}: is not positive semidefinite: its smallest eigenvalue is {least:.3g} (mean diagonal "
            f"{scale:.3g}); add {-least:.3g} to the diagonal, or build it from features"
        ) from None
