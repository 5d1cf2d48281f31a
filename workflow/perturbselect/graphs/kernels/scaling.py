"""Bring kernels to a common scale."""

from __future__ import annotations

import numpy as np


def unit_diagonal(matrix: np.ndarray) -> np.ndarray:
    """Scale a positive semidefinite matrix to a unit diagonal, and make it exactly symmetric."""
    scale = 1 / np.sqrt(np.diag(matrix))
    scaled = matrix * scale[:, None] * scale
    scaled = (scaled + scaled.T) / 2
    np.fill_diagonal(scaled, 1)
    return scaled
