"""The true error of kernel regression, for the oracle."""

from __future__ import annotations

import numpy as np

from perturbselect.selection.engine.criterion import Criterion
from perturbselect.selection.engine.similarity import Similarity

FLAT = 1e7  # prior variance of the mean, relative to the kernel's: as good as unknown


class TestError(Criterion):
    """``sum_q |y_q - prediction of q|^2`` of Gaussian-process regression on the picks: how much it falls.

    Measuring p changes the predictions everywhere by ``C[:, p] (y_p - prediction of p) /
    (C[p, p] + noise)``; C is the posterior covariance. Only inner products of residuals matter,
    so that of all pairs are kept, and O(m^2) a pick is all, m = n + q.

    Parameters
    ----------
    similarity : Similarity
        Of the candidates and the queries.
    responses : ndarray of float64, shape (n + q, genes)
        True responses, candidates first.
    noise : float
    """

    __test__ = False  # not for pytest

    def __init__(self, similarity: Similarity, responses: np.ndarray, noise: float) -> None:
        rows = np.r_[similarity.pool, similarity.universe]
        self.covariance = similarity.whole[np.ix_(rows, rows)].astype(np.float64)
        self.covariance += FLAT * self.covariance.diagonal().mean()
        self.residuals = responses @ responses.T
        self.noise, self.count = noise, len(similarity.pool)

    def gains(self) -> np.ndarray:
        """Return how much the error falls by each, shape (n,); negative where it rises."""
        own, to_queries = slice(None, self.count), slice(self.count, None)
        weight = self.covariance[to_queries, own] / (self.covariance.diagonal()[own] + self.noise)
        along = np.einsum("qv,qv->v", weight, self.residuals[to_queries, own])
        return 2 * along - self.residuals.diagonal()[own] * np.einsum("qv,qv->v", weight, weight)

    def take(self, candidate: int) -> None:
        """Measure a candidate."""
        scale = self.covariance[candidate, candidate] + self.noise
        weight = self.covariance[:, candidate] / scale
        residual = self.residuals[candidate].copy()
        self.residuals -= np.outer(weight, residual) + np.outer(residual, weight)
        self.residuals += residual[candidate] * np.outer(weight, weight)
        self.covariance -= scale * np.outer(weight, weight)
