"""Sums of powers per group of cells, and the moments of all (cell, control cell) pairings.

These moments are sufficient statistics: the fourth-power loss of a model whose
output depends on the perturbation only is a polynomial in them, so that training
never sees a cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import comb

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

HIGHEST = 4


def row_chunks(cells: AnnData, size: int = 8192) -> Iterator[sp.csr_array]:
    """Yield X in blocks of rows, in order; X may be backed by a file.

    Parameters
    ----------
    cells : AnnData, n cells x G genes
        X dense or sparse, in memory or backed.
    size : int
        Rows of a block (the last may be smaller).
    """
    for start in range(0, cells.n_obs, size):
        yield sp.csr_array(cells.X[start : start + size])


def group_power_sums(chunks: Iterable[sp.csr_array], groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Sum x, x², x³ and x⁴ over the cells of each group, in one pass.

    Plain (not shifted) power sums keep zeros zero, so the work is proportional to
    the non-zero values. In float64 that is accurate enough here: log1p-normalised
    values are below 10, so x⁴ < 10⁴ and sums over 10⁶ cells keep more than ten
    digits after subtraction.

    Parameters
    ----------
    chunks : iterable of csr_array, each (any number of rows) x G
        Blocks of cells; their rows follow each other as in `groups`.
    groups : ndarray of int, shape (n,)
        Group of each cell, from 0; a negative number leaves the cell out.
    n_groups : int
        Number of groups K.

    Returns
    -------
    ndarray of float64, shape (4, K, G)
        ``sums[n - 1, k, g]`` = sum of x^n over the cells of group k.
    """
    sums: np.ndarray | None = None
    start = 0
    for chunk in chunks:
        if sums is None:
            sums = np.zeros((HIGHEST, n_groups, chunk.shape[1]))
        add_power_sums(sums, chunk, groups[start : start + chunk.shape[0]])
        start += chunk.shape[0]
    if sums is None or start != len(groups):
        raise ValueError(f"the blocks hold {start} cells, but there are {len(groups)} group labels")
    return sums


def add_power_sums(sums: np.ndarray, chunk: sp.csr_array, groups: np.ndarray) -> None:
    """Add one block of cells to the sums of their groups, in place.

    Parameters
    ----------
    sums : ndarray of float64, shape (powers, K, G)
        As `group_power_sums` returns it; or the first powers only.
    chunk : csr_array, shape (n, G)
    groups : ndarray of int, shape (n,)
        Group of each cell of the block; a negative number leaves the cell out.
    """
    members = np.flatnonzero(groups >= 0)
    # Only the groups that occur in the block take part: files are often sorted by perturbation.
    present, columns = np.unique(groups[members], return_inverse=True)
    indicator = sp.csr_array((np.ones(len(members)), (columns, members)), (len(present), chunk.shape[0]))
    values = chunk.astype(np.float64)
    power = values.copy()
    for n in range(len(sums)):
        if n > 0:
            power.data *= values.data
        sums[n, present] += (indicator @ power).toarray()


def pairing_moments(
    perturbation_sums: np.ndarray, n_cells: np.ndarray, control_sums: np.ndarray, n_controls: int
) -> np.ndarray:
    """Raw moments E[r^n], n = 1..4, of r = y - x over all pairs of a cell y and a control cell x.

    Over all pairs, y and x are independent, so that the binomial theorem gives
    ``E[(y - x)^n] = Σ_k C(n, k) E[y^(n-k)] (-1)^k E[x^k]``, exactly. (The same as adding
    the cumulants, ``κ_n(r) = κ_n(y) + (-1)^n κ_n(x)``, without the way there and back.)

    Parameters
    ----------
    perturbation_sums : ndarray of float64, shape (4, P, G)
        Power sums of each perturbation's cells, from `group_power_sums`.
    n_cells : ndarray of int, shape (P,)
        Cells of each perturbation.
    control_sums : ndarray of float64, shape (4, G)
        Power sums of the control cells.
    n_controls : int
        Number of control cells.

    Returns
    -------
    ndarray of float64, shape (4, P, G)
        ``moments[n - 1]`` = E[r^n]; the cost does not depend on the number of cells.
    """
    y = [1.0, *(perturbation_sums / np.asarray(n_cells, dtype=np.float64)[None, :, None])]
    x = [1.0, *(control_sums / n_controls)]
    return np.stack(
        [
            np.asarray(sum((-1) ** k * comb(n, k) * y[n - k] * x[k] for k in range(n + 1)))
            for n in range(1, HIGHEST + 1)
        ]
    )
