"""Kernel ridge regression with an unknown mean: predictions, variances, leave-one-out errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RidgeFit:
    """A fit to n training rows.

    With the covariance C = K + penalty I, Q = C^-1 and P = Q - Q 1 1'Q / 1'Q 1, the
    best linear unbiased prediction with an unknown mean ("universal kriging").

    Attributes
    ----------
    responses : ndarray of float64, shape (n, G)
    inverse : ndarray of float64, shape (n, n)
        Q.
    penalty : float
    """

    responses: np.ndarray
    inverse: np.ndarray
    penalty: float

    @classmethod
    def of(cls, kernel: np.ndarray, responses: np.ndarray, penalty: float) -> RidgeFit:
        """Fit; O(n^3). ``kernel``, shape (n, n), is positive semidefinite up to rounding."""
        values, vectors = np.linalg.eigh(kernel)
        values = values.clip(min=0)  # rounding can make a zero slightly negative
        return cls(responses, (vectors / (values + penalty)) @ vectors.T, penalty)

    @property
    def projection(self) -> np.ndarray:
        """P, shape (n, n)."""
        ones = self.inverse.sum(axis=0)  # Q 1
        return self.inverse - np.outer(ones, ones) / ones.sum()

    def predict(self, cross: np.ndarray) -> np.ndarray:
        """Predict t rows from their kernel with the training rows, ``cross`` of shape (t, n)."""
        ones = self.inverse.sum(axis=0)
        mean = ones @ self.responses / ones.sum()
        return mean + cross @ (self.inverse @ (self.responses - mean))

    def left_out(self) -> np.ndarray:
        """Predict each training row from all others, shape (n, G).

        The error of row i is (P Y)_i / P_ii, exactly (Dubrule 1983, Mathematical Geology
        15:687).
        """
        projection = self.projection
        return self.responses - (projection @ self.responses) / projection.diagonal()[:, None]

    def variance(self, cross: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Variance of a newly measured response, shape (t, G).

        s_g (k** + penalty - k'Qk + (1 - 1'Qk)^2 / 1'Q1), where s_g is the mean over training
        rows of the squared leave-one-out error times P_ii.

        Parameters
        ----------
        cross : ndarray, shape (t, n)
        own : ndarray, shape (t,)
            The kernel's diagonal at the new rows.
        """
        projection = self.projection
        precision = projection.diagonal()[:, None]
        scale = np.mean((projection @ self.responses) ** 2 / precision, axis=0)
        ones = self.inverse.sum(axis=0)
        explained = np.einsum("ij,ij->i", cross @ self.inverse, cross)
        spread = own + self.penalty - explained + (1 - cross @ ones) ** 2 / ones.sum()
        return np.outer(spread, scale)
