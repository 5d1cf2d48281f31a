"""Influence over embeddings plus diversity of what is influenced."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from perturbselect.selection.engine.coverage import Coverage
from perturbselect.selection.engine.facility import FacilityLocation

INFLUENCE, DIVERSITY = "influence", "diversity"


class BallDiversity(Coverage):
    """``|σ(S)| / |σ(all)| + γ |∪_{u ∈ σ(S)} G_u| / |∪ G_u|``: two coverage functions.

    Parameters
    ----------
    activated : scipy.sparse.csr_array of bool, shape (n, N)
        σ of each candidate.
    balls : scipy.sparse.csr_array of bool, shape (N, N)
        G: who is near each node.
    gamma : float
    """

    def __init__(self, activated: sp.csr_array, balls: sp.csr_array, gamma: float) -> None:
        near = sp.csr_array(activated @ balls)
        self.nodes = activated.shape[1]
        parts = [(activated, 1.0), (near, gamma)]
        weights = [np.full(self.nodes, share / max(reached(part), 1)) for part, share in parts]
        super().__init__(sp.csr_array(sp.hstack([activated, near])), np.concatenate(weights))

    def term(self, candidate: int) -> str:
        """Say whether influence or diversity gives more of a candidate's gain."""
        own = self.incidence.indices[slice(*self.incidence.indptr[candidate : candidate + 2])]
        assert self.weights is not None
        new = self.weights[own] * (self.covered[own] < self.times)
        first = own < self.nodes
        return INFLUENCE if new[first].sum() >= new[~first].sum() else DIVERSITY


class NearestDiversity(FacilityLocation):
    """``|σ(S)| / |σ(all)| + γ Σ_u max_{w ∈ σ(S)} s(u, w) / Σ_u max_w s(u, w)``: two facility locations.

    Parameters
    ----------
    activated : scipy.sparse.csr_array of bool, shape (n, N)
        σ of each candidate.
    nearness : ndarray of float, shape (N, N)
        s, not negative: how near two nodes are.
    gamma : float
    """

    def __init__(self, activated: sp.csr_array, nearness: np.ndarray, gamma: float) -> None:
        candidates, self.nodes = activated.shape
        kernel = np.zeros((2 * self.nodes, candidates))
        kernel[: self.nodes] = activated.T.toarray() / max(reached(activated), 1)
        nearest = kernel[self.nodes :]
        for candidate in range(candidates):
            own = activated.indices[slice(*activated.indptr[candidate : candidate + 2])]
            nearest[:, candidate] = nearness[own].max(axis=0, initial=0)
        nearest *= gamma / max(nearest.max(axis=1, initial=0).sum(), 1e-300)
        super().__init__(kernel)

    def term(self, candidate: int) -> str:
        """Say whether influence or diversity gives more of a candidate's gain."""
        new = (self.kernel[:, candidate] - self.served).clip(min=0)
        return INFLUENCE if new[: self.nodes].sum() >= new[self.nodes :].sum() else DIVERSITY


def reached(incidence: sp.csr_array) -> int:
    """Return how many elements the candidates reach together."""
    return len(np.unique(incidence.indices))
