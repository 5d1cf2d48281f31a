"""Propagation over a graph: a product with a sparse matrix, quick in both directions.

torch's own gradient of a sparse product transposes the matrix at every step; that took
as long as a tenth of the whole training step.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.autograd import Function


class Hop(Function):
    """matrix @ x, for x [G, H] and sparse matrices [G, G] that need no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, matrix_transposed: Tensor) -> Tensor:
        """Compute the product."""
        ctx.transposed = matrix_transposed
        return matrix @ x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Compute the gradient of x."""
        return ctx.transposed @ gradient, None, None


def sparse_tensor(matrix: sp.sparray, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return a scipy matrix as a sparse tensor (CSR)."""
    rows = sp.csr_array(matrix)
    rows.sort_indices()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(rows.indptr.astype(np.int64)),
            torch.from_numpy(rows.indices.astype(np.int64)),
            torch.from_numpy(rows.data).to(dtype),
            rows.shape,
            check_invariants=True,
        )


def transposed(matrix: Tensor) -> Tensor:
    """Return the transpose of a sparse tensor (CSR), in the same format."""
    return matrix.t().to_sparse_csr()
