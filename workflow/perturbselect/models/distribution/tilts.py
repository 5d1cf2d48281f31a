"""A histogram for each gene, and three directions in which it can change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DIRECTIONS = 3
RIDGE = 0.1  # of the covariance of the directions, whose diagonal is 1


@dataclass(frozen=True)
class Base:
    """Histograms b of G genes and their exponential family: q_k ∝ b_k exp(Σ_j a_j φ_jk).

    The directions φ are: whether the gene is seen in a cell; where it is, how much; and that
    squared. Each has mean 0 and standard deviation 1 under b. Our definition.

    Attributes
    ----------
    shares : ndarray of float64, shape (G, K)
    directions : ndarray of float64, shape (G, K, 3)
    """

    shares: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, shares: np.ndarray, values: np.ndarray) -> Base:
        """Make the directions for histograms over bins at `values`, both of shape (G, K), bin 0 at 0."""
        shares = np.asarray(shares, np.float64)
        seen = np.broadcast_to(np.arange(shares.shape[1]) > 0, shares.shape)
        amount = _standardised(values, np.where(seen, shares, 0)) * seen
        directions = np.stack([seen, amount, (amount**2 - 1) * seen], axis=2)
        return cls(
            shares, np.stack([_standardised(d, shares) for d in np.moveaxis(directions, 2, 0)], axis=2)
        )

    def statistics(self, shares: np.ndarray) -> np.ndarray:
        """Return the mean of each direction under other histograms (n, G, K): (n, G, 3); 0 under b."""
        return np.einsum("ngk,gkj->ngj", shares, self.directions)

    def tilts(self, statistics: np.ndarray) -> np.ndarray:
        """Return tilts a that, to first order, lead to these statistics; shapes (n, G, 3)."""
        covariance = np.einsum("gk,gki,gkj->gij", self.shares, self.directions, self.directions)
        inverse = np.linalg.inv(covariance + RIDGE * np.eye(DIRECTIONS))
        return np.einsum("gij,ngj->ngi", inverse, statistics)


def _standardised(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Bring each row to mean 0 and standard deviation 1 under its weights; 0 where nothing varies."""
    total = np.maximum(weights.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    centred = values - np.sum(weights * values, axis=1, keepdims=True) / total
    deviation = np.sqrt(np.sum(weights * centred**2, axis=1, keepdims=True) / total)
    return np.where(deviation > 1e-6, centred / np.where(deviation > 1e-6, deviation, 1), 0)
