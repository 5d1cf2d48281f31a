"""LCMD: the farthest point of the largest cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates, Features
from perturbselect.rounds.engine.batch import TOLERANCE, Batch, Draft
from perturbselect.rounds.engine.distances import FeatureDistances
from perturbselect.rounds.engine.transforms import sketch


def largest_cluster(
    labelled: np.ndarray, pool: np.ndarray, size: int, generator: np.random.Generator
) -> Batch:
    """Take, again and again, the farthest point of the cluster with the largest sum of squared distances.

    Labelled and chosen points are the centres; each candidate belongs to the nearest. With nothing
    labelled the first pick is the one of largest norm. The score is the squared distance to the centre.
    When all that is left coincides with centres, the rest is drawn at random. O((t + k)·n·p).
    """
    draft = Draft(len(pool), size, generator)
    distances = FeatureDistances(labelled, pool)
    slack = TOLERANCE * distances.scale
    closest, owner = np.full(len(pool), np.inf), np.zeros(len(pool), dtype=np.int64)

    def add(centre: int) -> None:
        distance = distances(centre)
        nearer = distance < closest
        closest[nearer], owner[nearer] = distance[nearer], centre

    for row in range(len(labelled)):
        add(row)
    while draft.open:
        if np.isfinite(closest).all():
            spread = np.bincount(owner[draft.free], closest[draft.free], len(labelled) + len(pool))
            in_largest = spread[owner] >= spread.max() - slack
            score = np.where(in_largest, closest, -np.inf)
        else:
            score = distances.size
        candidate, tied = draft.best(score, slack)
        if score[candidate] <= slack:
            break
        draft.take(candidate, score[candidate], tied)
        add(len(labelled) + candidate)
    return draft.finish()


@ACQUISITIONS.register
@dataclass(frozen=True)
class Lcmd:
    """Largest cluster, maximum distance, in sketched features, labelled points as the first centres.

    Holzmüller et al. 2023. See `largest_cluster` for the rule and its cost.
    """

    features: Features = "effect"
    sketch: Annotated[
        int, Field(ge=1, description="Gaussian projections; no more features than that stay as they are.")
    ] = 512

    def acquire(self, candidates: Candidates, size: int, generator: np.random.Generator) -> Batch:
        """Choose `size` of the pool."""
        labelled, pool = sketch(*candidates.matrices(self.features), self.sketch, generator)
        return largest_cluster(labelled, pool, size, generator)
