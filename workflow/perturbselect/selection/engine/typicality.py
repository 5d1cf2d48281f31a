"""Clusters that are divided one by one, and the most typical point of each."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from perturbselect.selection.engine.criterion import Criterion

NEIGHBOURS = 20


class TypicalPoints(Criterion):
    """The typicality of the members of the largest cluster that has no pick yet.

    Clusters are those of Ward's tree: one at first; when each has a pick, the highest merge is
    undone. So the i-th pick is made among i clusters, and a smaller budget has the first picks
    of a larger one. The typicality of a point is the inverse of its mean distance to its 20
    nearest neighbours in the cluster, relative to the largest there. Members of the cluster
    whose turn it is score 1 more; others by their typicality among all.

    Parameters
    ----------
    distance : ndarray of float, shape (n, n)
    eligible : ndarray of bool, shape (n,)
        Who is clustered.
    """

    def __init__(self, distance: np.ndarray, eligible: np.ndarray) -> None:
        members = np.flatnonzero(eligible)
        self.distance, self.count = distance, len(members)
        self.has_pick = np.zeros(len(distance), dtype=bool)
        self.scores = np.zeros(len(distance))
        self.scores[members] = self._typicality(members)
        self.merges = np.empty((0, 4))
        if self.count > 1:
            self.merges = linkage(squareform(distance[np.ix_(members, members)], checks=False), "ward")
            members = members[leaves_list(self.merges)]
        self.undone, root = 0, 2 * self.count - 2
        self.clusters = {root: members}  # every cluster is a stretch of the tree's leaves

    def gains(self) -> np.ndarray:
        """Return the scores, shape (n,)."""
        scores, turn = self.scores.copy(), self._largest_without_pick()
        while turn is None and self.undone < len(self.merges):
            self._divide()
            turn = self._largest_without_pick()
        if turn is not None:
            scores[turn] = 1 + self._typicality(turn)
        return scores

    def take(self, candidate: int) -> None:
        """Give a candidate's cluster its pick."""
        self.has_pick[candidate] = True

    def _largest_without_pick(self) -> np.ndarray | None:
        without = [members for members in self.clusters.values() if not self.has_pick[members].any()]
        return max(without, key=len, default=None)

    def _divide(self) -> None:
        """Undo the highest merge that is left."""
        self.undone += 1
        left, right, _, _ = self.merges[-self.undone].astype(np.int64)
        members = self.clusters.pop(self.count + len(self.merges) - self.undone)
        size = 1 if left < self.count else int(self.merges[left - self.count, 3])
        self.clusters[int(left)], self.clusters[int(right)] = members[:size], members[size:]

    def _typicality(self, members: np.ndarray) -> np.ndarray:
        near = min(NEIGHBOURS, len(members) - 1)
        if near < 1:
            return np.ones(len(members))
        apart = np.empty(len(members))
        for place, member in enumerate(members):
            row = np.delete(self.distance[member][members], place)
            apart[place] = np.partition(row, near - 1)[:near].mean()
        return (apart.min() + 1e-12) / (apart + 1e-12)
