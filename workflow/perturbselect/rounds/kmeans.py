"""k-means: one candidate from the middle of each cluster of the pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates, Features
from perturbselect.rounds.engine.batch import Batch, Draft
from perturbselect.rounds.engine.clusters import cluster


def cluster_centres(pool: np.ndarray, size: int, generator: np.random.Generator) -> Batch:
    """Cluster the pool into `size` clusters; take the candidate nearest to each centre.

    Largest clusters first. The score is minus the Euclidean distance to the centre. Fewer different
    points than picks give fewer clusters: the rest is then drawn at random, as is everything where all
    points are the same. O(n·p·k) for each of Lloyd's iterations.
    """
    draft = Draft(len(pool), size, generator)
    labels, centres = cluster(pool, size, generator)
    if len(centres) > 1 or len(pool) == 1:
        for number in np.argsort(-np.bincount(labels), kind="stable"):
            score = -np.linalg.norm(pool - centres[number], axis=1)
            candidate, tied = draft.best(score)
            draft.take(candidate, score[candidate], tied)
    return draft.finish()


@ACQUISITIONS.register
@dataclass(frozen=True)
class KMeans:
    """The candidates nearest to the centres of as many clusters of the pool as the batch is large.

    Lloyd's algorithm from k-means++ seeds (scikit-learn); labelled perturbations play no part. See
    `cluster_centres`.
    """

    features: Features = "effect"

    def acquire(self, candidates: Candidates, size: int, generator: np.random.Generator) -> Batch:
        """Choose `size` of the pool."""
        return cluster_centres(candidates.matrices(self.features)[1], size, generator)
