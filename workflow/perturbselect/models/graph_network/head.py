"""The network's last layer, in closed form: ridge regression of principal responses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PrincipalResponses:
    """Responses in the coordinates of their principal components.

    Attributes
    ----------
    mean : ndarray of float64, shape (G,)
    components : ndarray of float64, shape (r, G)
        Orthonormal rows; r = min(n - 1, G) at most, so nothing of the training set is lost.
    scores : ndarray of float64, shape (n, r)
    size : ndarray of float64, shape (r,)
        Singular value of each component over the largest: 1, then decreasing.
    """

    mean: np.ndarray
    components: np.ndarray
    scores: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, responses: np.ndarray) -> PrincipalResponses:
        """Decompose responses, float64 of shape (n, G); components of size below 1e-6 are left out."""
        mean = responses.mean(axis=0)
        left, values, components = np.linalg.svd(responses - mean, full_matrices=False)
        kept = values > 1e-6 * max(values[0], np.finfo(float).tiny)
        return cls(
            mean,
            components[kept],
            left[:, kept] * values[kept],
            values[kept] / values[0] if kept.any() else values[kept],
        )


@dataclass(frozen=True)
class Head:
    """Ridge regression on a kernel, whose penalty grows as a principal response shrinks.

    Component j, of relative size s_j, has the penalty ``penalty * s_j^-taper``: small
    components, which are mostly noise, are shrunk more. With ``taper`` 0 this is kernel
    ridge regression with an unknown mean (`ridge.fit.RidgeFit`).

    Attributes
    ----------
    values, vectors : ndarray, shapes (n,) and (n, n)
        Eigenvalues and eigenvectors of the training rows' kernel.
    rotated : ndarray, shape (n, r)
        The principal scores in the eigenvectors' coordinates.
    targets : PrincipalResponses
    """

    values: np.ndarray
    vectors: np.ndarray
    rotated: np.ndarray
    targets: PrincipalResponses

    @classmethod
    def of(cls, kernel: np.ndarray, targets: PrincipalResponses) -> Head:
        """Prepare for any penalty and taper; O(n^3)."""
        values, vectors = np.linalg.eigh(kernel)
        return cls(values.clip(min=0), vectors, vectors.T @ targets.scores, targets)

    def predict(self, cross: np.ndarray, penalty: float, taper: float) -> np.ndarray:
        """Predict responses of t rows, shape (t, G), from their kernel with the training rows, (t, n)."""
        scores = self.predict_scores(cross @ self.vectors, penalty, taper)
        return scores @ self.targets.components + self.targets.mean

    def predict_scores(self, turned: np.ndarray, penalty: float, taper: float) -> np.ndarray:
        """Predict the principal scores of t rows, shape (t, r); O(t n r).

        ``turned`` is their kernel with the training rows times `vectors`, the same for every
        penalty and taper.
        """
        shrink = 1 / (self.values[:, None] + penalty * self.targets.size**-taper)  # (n, r)
        ones = self.vectors.sum(axis=0)
        mean = ones @ (shrink * self.rotated) / (ones**2 @ shrink)
        return mean + turned @ (shrink * (self.rotated - np.outer(ones, mean)))
