"""Read the matrix of a screen block by block, so that it need not fit into memory."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import scipy.sparse as sp

from perturbselect.data.tenx import readable

BLOCK = 2**24  # entries of a matrix read at a time, zeros included
ENTRIES = 2**22  # lines of a Matrix Market file read at a time


def stored_blocks(stored: Any) -> Iterator[tuple[slice, slice, Any]]:
    """Read a matrix of an .h5ad block by block, along the axis it is stored by.

    Parameters
    ----------
    stored : h5py.Dataset or h5py.Group
        Dense, csr or csc, shape (cells, genes).

    Yields
    ------
    cells, genes : slice
        Which rows and columns the block is.
    block : ndarray or sparse matrix
    """
    import h5py
    from anndata.io import sparse_dataset

    matrix = stored if isinstance(stored, h5py.Dataset) else sparse_dataset(stored)
    by_gene = getattr(matrix, "format", "csr") == "csc"
    length, width = matrix.shape[::-1] if by_gene else matrix.shape
    step = max(1, BLOCK // max(1, width))
    for start in range(0, length, step):
        part = slice(start, min(start + step, length))
        yield (slice(None), part, matrix[:, part]) if by_gene else (part, slice(None), matrix[part])


def market_blocks(path: Path) -> Iterator[sp.csr_matrix]:
    """Read a Matrix Market file (features x cells, ``.gz`` allowed) some lines at a time.

    Yields
    ------
    csr_matrix, shape (cells, features)
        With the entries of those lines; the file's matrix is the sum of all.

    Raises
    ------
    InputError
        If the file cannot be read or ends early.
    """
    from scipy.io import mminfo, mmread

    with readable(path):
        features, cells, entries, form, field, symmetry = mminfo(path)
        if form != "coordinate" or symmetry != "general" or field == "pattern":  # not as 10x writes it
            yield sp.csr_matrix(mmread(path).T)
            return
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as text:
            while text.readline().startswith("%"):
                pass  # comments; the line that ends them gives the sizes
            seen = 0
            columns = {"feature": int, "cell": int, "count": float if field == "real" else int}
            for lines in pd.read_csv(
                text, sep=r"\s+", header=None, names=list(columns), dtype=columns, chunksize=ENTRIES
            ):
                seen += len(lines)
                where = (lines["cell"].to_numpy() - 1, lines["feature"].to_numpy() - 1)
                yield sp.csr_matrix((lines["count"].to_numpy(), where), shape=(cells, features))
        if seen < entries:
            raise OSError(f"{seen} of {entries} entries")
