"""TypiClust: the most typical candidates of clusters where nothing is measured yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates, Features
from perturbselect.rounds.engine.batch import TOLERANCE, Batch, Draft
from perturbselect.rounds.engine.clusters import cluster


def typicality(features: np.ndarray, neighbours: int) -> np.ndarray:
    """Minus the mean distance of each row to its nearest others, shape (m,); O(m²·p).

    The order is that of 1 / mean distance, but points that coincide stay finite. A row alone has 0.
    """
    from scipy.spatial.distance import pdist, squareform

    count = min(neighbours, len(features) - 1)
    if count == 0:
        return np.zeros(len(features))
    distance = np.sort(squareform(pdist(features)), axis=1)
    return -distance[:, 1 : count + 1].mean(axis=1)


def typical_of_clusters(
    labelled: np.ndarray,
    pool: np.ndarray,
    neighbours: int,
    size: int,
    generator: np.random.Generator,
) -> Batch:
    """Cluster labelled and pool into t + `size` clusters, take a candidate of each uncovered one.

    Each pick comes from the cluster with the fewest labelled or chosen points, among those the
    largest; there it is the candidate of highest typicality, whose neighbours are those in its
    cluster. Where all points are the same, the criterion says nothing and all is drawn at random.
    O((t + n)·p·(t + k)) for each iteration of k-means and O(Σ m²·p) over clusters of m points.
    """
    draft = Draft(len(pool), size, generator)
    every = np.vstack([labelled, pool])
    labels, centres = cluster(every, len(labelled) + size, generator)
    if len(centres) == 1 and len(every) > 1:
        return draft.finish()
    members = np.bincount(labels)
    covered = np.bincount(labels[: len(labelled)], minlength=len(members))
    score = np.empty(len(every))
    for number in range(len(members)):
        rows = np.flatnonzero(labels == number)
        score[rows] = typicality(every[rows], neighbours)
    of_pool, score = labels[len(labelled) :], score[len(labelled) :]
    slack = TOLERANCE * float(np.abs(score).max(initial=0))
    while draft.open:
        waiting = np.unique(of_pool[draft.free])
        number = waiting[np.lexsort((-members[waiting], covered[waiting]))[0]]
        candidate, tied = draft.best(np.where(of_pool == number, score, -np.inf), slack)
        draft.take(candidate, score[candidate], tied)
        covered[number] += 1
    return draft.finish()


@ACQUISITIONS.register
@dataclass(frozen=True)
class TypiClust:
    """Typical points of clusters that hold the fewest measured ones.

    Hacohen et al. 2022 (ICML), on the model's features and without their bounds on number and size
    of clusters. The score is minus the mean distance to the nearest neighbours in the cluster.
    See `typical_of_clusters`.
    """

    features: Features = "effect"
    neighbours: Annotated[int, Field(ge=1, description="Neighbours that typicality looks at.")] = 20

    def acquire(self, candidates: Candidates, size: int, generator: np.random.Generator) -> Batch:
        """Choose `size` of the pool."""
        labelled, pool = candidates.matrices(self.features)
        return typical_of_clusters(labelled, pool, self.neighbours, size, generator)
