"""Criteria of the singular values of the chosen rows of a matrix B."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from perturbselect.selection.engine.criterion import Criterion
from perturbselect.selection.engine.gaussian import InformationGain


class Gram:
    """The kernel ``B Bᵀ`` of sparse rows; a column is computed when it is asked for.

    Parameters
    ----------
    rows : scipy.sparse.csr_array of float64, shape (n, N)
        B.
    """

    def __init__(self, rows: sp.csr_array) -> None:
        self.rows = rows

    def diagonal(self) -> np.ndarray:
        """Return the squared lengths of the rows, shape (n,)."""
        return self.rows.multiply(self.rows).sum(axis=1)

    def column(self, row: int) -> np.ndarray:
        """Return the products of all rows with one, shape (n,)."""
        return self.rows @ self.rows[[row]].toarray()[0]


class LargestSingularValue(Criterion):
    """``‖B[S, :]‖₂``: neither submodular nor supermodular, but it never falls.

    With the eigenvalues λ of ``B_S B_Sᵀ`` and z the products of a row b with its eigenvectors,
    the new largest eigenvalue is the largest root μ of ``μ = |b|² + Σ_i z_i² / (μ - λ_i)``.
    All candidates' are found at once by Newton's method. For the j-th pick O(j³ + n j²).
    """

    def __init__(self, gram: Gram) -> None:
        self.gram = gram
        self.squares = gram.diagonal()
        self.columns = np.empty((0, len(self.squares)))  # of B Bᵀ: products with the rows chosen
        self.chosen: list[int] = []
        self._gains = np.sqrt(self.squares)

    def gains(self) -> np.ndarray:
        """Return how much the largest singular value rises by each, shape (n,)."""
        return self._gains

    def take(self, candidate: int) -> None:
        """Add a row."""
        self.chosen.append(candidate)
        self.columns = np.vstack([self.columns, self.gram.column(candidate)])
        values, vectors = np.linalg.eigh(self.columns[:, self.chosen])
        values = values.clip(min=0)
        grown = _largest_roots(values, (vectors.T @ self.columns) ** 2, self.squares)
        self._gains = np.sqrt(grown) - np.sqrt(values[-1])
        self._gains[self.chosen] = 0


def _largest_roots(values: np.ndarray, products: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Return the largest root of ``μ = d_v + Σ_i p_iv / (μ - λ_i)`` for each v.

    Parameters
    ----------
    values : ndarray, shape (j,)
        λ, rising.
    products : ndarray, shape (j, n)
        p, not negative.
    squares : ndarray, shape (n,)
        d.

    Returns
    -------
    ndarray, shape (n,)
        At least the largest λ.
    """
    top = values[-1]
    # The root of the equation with the last term alone: by interlacing not above the true one. From
    # there Newton's method climbs to it without overshooting, since the function is concave.
    root = (top + squares + np.sqrt((top - squares) ** 2 + 4 * products[-1])) / 2
    smallest = np.finfo(float).eps * max(top, float(squares.max()))
    for _ in range(50):
        distance = np.maximum(root - values[:, None], smallest)
        terms = products / distance
        step = (terms.sum(axis=0) + squares - root) / (1 + (terms / distance).sum(axis=0))
        root = root + step.clip(min=0)
        if (step <= 1e-14 * root).all():
            break
    return root


class NuclearNorm(Criterion):
    """The sum of the singular values of ``B[S, :]``: monotone submodular.

    ``√x = (1/2π) ∫ exp(s/2) log(1 + x exp(-s)) ds``, so the nuclear norm is a mixture of
    log-determinants ``log det(I + B_S B_Sᵀ / t)`` over noise variances ``t = exp(s)``, each
    monotone submodular. The trapezoidal rule with step 2 takes 15 of them; beyond the
    largest t the logarithm is linear, below the smallest it is taken as constant. Each
    singular value is off by less than 1e-4 of the largest possible. O(n j) for the j-th
    pick, for each of the 15.

    Parameters
    ----------
    gram : Gram
        Of B.
    """

    submodular = True

    def __init__(self, gram: Gram) -> None:
        absolute = abs(gram.rows)
        largest = float(absolute.sum(axis=0).max() * absolute.sum(axis=1).max())  # bounds the eigenvalues
        points = np.arange(np.log(1e-10 * largest), np.log(1e2 * largest) + STEP / 2, STEP)
        self.parts = [InformationGain(gram, noise) for noise in np.exp(points)]
        self.weights = STEP / (2 * np.pi) * np.exp(points / 2)
        self.weights[0] /= 1 - np.exp(-STEP / 2)
        shrink = np.exp(-STEP / 2)
        self.linear = STEP / (2 * np.pi) * np.exp(-points[-1] / 2) * shrink / (1 - shrink)
        self.squares = gram.diagonal()

    def gains(self) -> np.ndarray:
        """Return how much the nuclear norm rises by each, shape (n,)."""
        mixed = sum(weight * part.gains() for weight, part in zip(self.weights, self.parts, strict=True))
        return mixed + self.linear * self.squares

    def take(self, candidate: int) -> None:
        """Add a row."""
        for part in self.parts:
            part.take(candidate)


STEP = 2.0  # of the trapezoidal rule, in log t: leaves 5e-5
