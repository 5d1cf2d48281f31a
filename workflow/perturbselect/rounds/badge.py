"""BADGE: draw candidates far from each other and of large features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates, Features, Sigma
from perturbselect.rounds.engine.batch import TOLERANCE, Batch, Draft
from perturbselect.rounds.engine.distances import FeatureDistances
from perturbselect.rounds.engine.transforms import posterior


def kmeans_plus_plus(pool: np.ndarray, size: int, generator: np.random.Generator) -> Batch:
    """Draw the seeds of k-means++ (Arthur and Vassilvitskii 2007) among the rows of `pool`.

    The first uniformly, every other with probability proportional to the squared distance to the
    nearest one drawn, which is its score. Once all that is left coincides with a seed, the rest is
    drawn uniformly. O(n·p·k).
    """
    draft = Draft(len(pool), size, generator)
    distances = FeatureDistances(pool[:0], pool)
    slack = TOLERANCE * distances.scale
    closest = np.full(len(pool), np.inf)
    while draft.open:
        first = not np.isfinite(closest).all()
        weight = np.where(draft.free, distances.size if first else closest, 0.0)
        weight[weight <= slack] = 0.0
        if not weight.any():
            break
        chance = np.full(len(pool), 1 / len(pool)) if first else weight / weight.sum()
        candidate = int(generator.choice(len(pool), p=chance))
        draft.take(candidate, weight[candidate], len(pool) if first else 1)
        np.minimum(closest, distances(candidate), out=closest)
    return draft.finish()


@ACQUISITIONS.register
@dataclass(frozen=True)
class Badge:
    """k-means++ seeds in the posterior features.

    Ash et al. 2020 (ICLR) use hallucinated gradients of a classifier; for regression the gradient's
    size is unknown and the posterior takes its place (Holzmüller et al. 2023). Use `features: grad` or
    `ll` for the model's gradients or its last layer. See `kmeans_plus_plus`; O(t·p·min(t, p) + n·p·k).
    """

    features: Features = "effect"
    sigma: Sigma = 0.1

    def acquire(self, candidates: Candidates, size: int, generator: np.random.Generator) -> Batch:
        """Choose `size` of the pool."""
        _, pool = posterior(*candidates.matrices(self.features), self.sigma)
        return kmeans_plus_plus(pool, size, generator)
