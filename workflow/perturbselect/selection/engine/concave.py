"""Coverage with diminishing returns instead of saturation."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from perturbselect.selection.engine.criterion import LazyCriterion


class ConcaveCoverage(LazyCriterion):
    """``f(S) = Σ_u w_u φ(Σ_{v ∈ S} B[v, u])`` with ``φ(x) = 1 - exp(-x/τ)``.

    Monotone submodular: a concave function of a sum. What is left of element u is
    ``ρ_u = exp(-x_u/τ)``, so the gain of v is ``Σ_u w_u ρ_u (1 - exp(-B[v, u]/τ))``, a row
    times a vector.

    Parameters
    ----------
    influence : scipy.sparse.csr_array of float, shape (n, m)
        B, not negative.
    weights : ndarray of float, shape (m,)
        w, not negative.
    tau : float
        The influence at which an element counts 63 %; above 0.
    """

    def __init__(self, influence: sp.csr_array, weights: np.ndarray, tau: float) -> None:
        self.share = influence.astype(np.float64)
        self.share.data = -np.expm1(-self.share.data / tau)
        self.left = weights.astype(np.float64)

    def gains(self) -> np.ndarray:
        """Return what each candidate would add, shape (n,)."""
        return self.share @ self.left

    def gains_of(self, candidates: np.ndarray) -> np.ndarray:
        """Return what some candidates would add."""
        return self.share[candidates] @ self.left

    def take(self, candidate: int) -> None:
        """Use up what the candidate takes of each element."""
        row = slice(*self.share.indptr[candidate : candidate + 2])
        self.left[self.share.indices[row]] *= 1 - self.share.data[row]
