"""Keep the strongest sources of each target."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def strongest(candidates: sp.coo_array, neighbours: int) -> sp.csr_array:
    """Keep the `neighbours` largest entries of each row; equal ones by column.

    Columns are genes in sorted order, so ties go to the name that sorts first.

    Parameters
    ----------
    candidates : scipy.sparse.coo_array, shape (N, M)
        Without duplicates.
    neighbours : int
        Entries kept in a row, at most.

    Returns
    -------
    scipy.sparse.csr_array of float32, shape (N, M)
    """
    order = np.lexsort((candidates.col, -candidates.data, candidates.row))
    rows = candidates.row[order]
    starts = np.searchsorted(rows, rows, side="left")
    order = order[np.arange(len(rows)) - starts < neighbours]
    values = candidates.data[order].astype(np.float32)
    return sp.csr_array((values, (candidates.row[order], candidates.col[order])), shape=candidates.shape)
