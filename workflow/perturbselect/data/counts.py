"""Check that a matrix holds raw counts."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from perturbselect.errors import InputError


def as_counts(matrix, barcodes: np.ndarray, genes: np.ndarray, where: str) -> sp.csr_matrix:
    """Return a matrix of raw counts as csr int32.

    Parameters
    ----------
    matrix : sparse matrix or ndarray, shape (cells, genes)
        Whole numbers >= 0 of any number type.
    barcodes, genes : arrays of str
        Names of rows and columns, for the message.
    where : str
        File (and layer), for the message.

    Raises
    ------
    InputError
        If a value is missing, negative, not whole, or beyond 2^31 - 1: names its gene and cell.
    """
    counts = sp.csr_matrix(matrix)
    counts.sum_duplicates()
    values = counts.data
    if not np.issubdtype(values.dtype, np.number) and values.dtype != bool:
        raise InputError(f"{where}: holds {values.dtype}, not numbers; raw UMI counts are needed")
    remedy = "raw UMI counts are needed; if the file has them in a layer, name it as source.layer"
    largest = np.iinfo(np.int32).max
    if np.issubdtype(values.dtype, np.floating):
        # NaN fails every comparison, so each test asks what must hold.
        checks = [
            (~np.isfinite(values), "is missing or infinite"),
            (values < 0, "is negative (scaled or centred data?)"),
            (values != np.floor(values), "is not a whole number (log-normalised data cannot be used)"),
            (values > largest, "is too large for a count"),
        ]
    else:
        checks = [(values < 0, "is negative"), (values > largest, "is too large for a count")]
    for wrong, what in checks:
        if wrong.any():
            first = int(np.argmax(wrong))
            row = int(np.searchsorted(counts.indptr, first, side="right")) - 1
            gene, cell = genes[counts.indices[first]], barcodes[row]
            raise InputError(
                f"{where}: the value {values[first]} of gene {gene} in cell {cell} {what}"
                f" ({int(wrong.sum())} such values in {len(barcodes)} cells × {len(genes)} genes); {remedy}"
            )
    counts = counts.astype(np.int32)
    counts.eliminate_zeros()
    return counts
