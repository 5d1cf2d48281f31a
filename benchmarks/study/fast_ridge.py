"""`kernel_ridge` on one kernel for many training sets: the same predictions in a fraction of the time."""

from __future__ import annotations

import numpy as np

from perturbselect.models.ridge.choice import DECADES, compressed


def predictions(kernel: np.ndarray, responses: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """Predict t rows from n training rows as `kernel_ridge` does, with its penalty.

    The model evaluates the leave-one-out error at all 81 penalties of its grid. Here every 8th
    is, then those around the best at half the distance, and so on: the same one if the error
    has a single minimum at that scale, for a fifth of the time. One decomposition serves all.

    Parameters
    ----------
    kernel : ndarray of float64, shape (n, n)
    responses : ndarray of float64, shape (n, G)
    cross : ndarray of float64, shape (t, n)
        Kernel of the rows to predict with the training rows.

    Returns
    -------
    ndarray of float64, shape (t, G)
    """
    n = len(kernel)
    values, vectors = np.linalg.eigh(kernel)
    values = values.clip(min=0)
    grid = np.logspace(DECADES, -DECADES, 20 * DECADES + 1) * values.sum() / n
    ones, rotated = vectors.sum(axis=0), vectors.T @ compressed(responses)
    known: dict[int, float] = {}

    def error(place: int) -> float:
        if place not in known:
            shrunk = vectors / (values + grid[place])
            q_ones = shrunk @ ones
            total = q_ones.sum()
            residuals = shrunk @ rotated - np.outer(q_ones, (ones / (values + grid[place])) @ rotated / total)
            precision = np.einsum("ij,ij->i", shrunk, vectors) - q_ones**2 / total
            known[place] = float(np.sum((residuals / precision[:, None]) ** 2))
        return known[place]

    step = 8
    best = min(range(0, len(grid), step), key=error)
    while step > 1:
        step //= 2
        around = [place for place in (best - step, best, best + step) if 0 <= place < len(grid)]
        best = min(around, key=error)
    inverse = (vectors / (values + grid[best])) @ vectors.T
    weights = inverse.sum(axis=0)
    mean = weights @ responses / weights.sum()
    return mean + cross @ (inverse @ (responses - mean))
