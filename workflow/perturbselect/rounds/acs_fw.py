"""ACS-FW: a coreset whose summed utility is that of the whole pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates, Features, Sigma
from perturbselect.rounds.engine.batch import TOLERANCE, Batch, Draft
from perturbselect.rounds.engine.transforms import acs_random_features


def frank_wolfe(pool: np.ndarray, size: int, generator: np.random.Generator) -> Batch:
    """Approximate the sum of all features by few of them, one step of Frank and Wolfe a pick.

    With ``μ = Σφ``, ``r = Σ‖φ‖`` and c = 0 at first, pick ``argmax (μ − c)ᵀφ/‖φ‖`` among those not
    picked, let ``a = r·φ/‖φ‖`` and move ``c ← c + γ(a − c)`` with the line search
    ``γ = (a − c)ᵀ(μ − c) / ‖a − c‖²``. The score of a pick is the inner product. When c has reached
    μ or no feature but 0 is left, the rest is drawn at random. Plain Frank–Wolfe may take a point
    again; here every step takes a new one, so that the batch has its size. O(n·p·k).
    """
    draft = Draft(len(pool), size, generator)
    norm = np.sqrt(np.einsum("ip,ip->i", pool, pool))
    counts = norm > TOLERANCE * norm.max(initial=0)
    direction = pool / np.where(counts, norm, 1)[:, None]
    target, radius = pool.sum(axis=0), norm.sum()
    centre = np.zeros(pool.shape[1])
    while draft.open and (counts & draft.free).any():
        rest = target - centre
        if np.linalg.norm(rest) <= TOLERANCE * radius:
            break
        score = np.where(counts, direction @ rest, -np.inf)
        candidate, tied = draft.best(score, TOLERANCE * radius)
        draft.take(candidate, score[candidate], tied)
        step = radius * direction[candidate] - centre
        length = step @ step
        centre = centre + (step @ rest / length if length > 0 else 0.0) * step
    return draft.finish()


@ACQUISITIONS.register
@dataclass(frozen=True)
class AcsFw:
    """Active Bayesian coreset by Frank–Wolfe on random features of the utility.

    Features are transformed by `acs_random_features`. Pinsler et al. 2019 (NeurIPS), as in
    Holzmüller et al. 2023. See `frank_wolfe` for the rule; O((t + n)·p·m + n·m·k) for m random features.
    """

    features: Features = "effect"
    sigma: Sigma = 0.1
    random_features: Annotated[int, Field(ge=1, description="Number of random features.")] = 512

    def acquire(self, candidates: Candidates, size: int, generator: np.random.Generator) -> Batch:
        """Choose `size` of the pool."""
        labelled, pool = candidates.matrices(self.features)
        _, utility = acs_random_features(labelled, pool, self.random_features, self.sigma, generator)
        return frank_wolfe(utility, size, generator)
