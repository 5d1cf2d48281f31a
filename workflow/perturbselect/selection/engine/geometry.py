"""Criteria of the kernel's metric, ``d(v, w)^2 = K[v, v] + K[w, w] - 2 K[v, w]``."""

from __future__ import annotations

import numpy as np

from perturbselect.selection.engine.criterion import Criterion
from perturbselect.selection.engine.similarity import Similarity


def squared_distances(kernel: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return squared distances from kernel values and both diagonals, in place of the values.

    Parameters
    ----------
    kernel : ndarray of float, shape (q, n)
        Overwritten.
    rows, columns : ndarray, shapes (q,) and (n,)
        Kernel of each with itself.
    """
    kernel *= -2
    kernel += rows[:, None].astype(kernel.dtype)
    kernel += columns.astype(kernel.dtype)
    return np.maximum(kernel, 0, out=kernel)


class FarthestPoint(Criterion):
    """The distance of each candidate to its nearest pick; all alike before the first pick."""

    def __init__(self, similarity: Similarity) -> None:
        self.similarity, self.diagonal = similarity, similarity.diagonal()
        self.nearest = np.full(len(self.diagonal), 4 * self.diagonal.max())

    def gains(self) -> np.ndarray:
        """Return the distance of every candidate to its nearest pick, shape (n,)."""
        return np.sqrt(self.nearest)

    def take(self, candidate: int) -> None:
        """Add a centre."""
        column = self.similarity.column(candidate)
        squared = (self.diagonal + self.diagonal[candidate] - 2 * column).clip(min=0)
        np.minimum(self.nearest, squared, out=self.nearest)

    @classmethod
    def radius(cls, similarity: Similarity, centres: np.ndarray) -> float:
        """Return the largest distance of any candidate to its nearest centre."""
        run = cls(similarity)
        for centre in centres:
            run.take(int(centre))
        return float(run.gains().max())


class MeanDiscrepancy(Criterion):
    """``|mean over the universe|^2 - MMD^2(S)``, greedily: how near the picks' mean embedding is.

    MMD² is the squared distance of the mean embeddings of the picks and of those that count;
    without picks that is the norm of the latter. With m picks, putting v in leaves
    ``|mu|^2 - 2 (s + mu_v) / (m + 1) + (t + 2 r_v + K[v, v]) / (m + 1)^2``, where mu_v is v's mean
    similarity to those that count, s the picks' sum of it, r_v = sum of K[v, picks] and t the
    picks' own sum. O(n) a pick.
    """

    def __init__(self, similarity: Similarity) -> None:
        kernel = similarity.between()
        self.similarity, self.diagonal = similarity, similarity.diagonal()
        self.mean = kernel.mean(axis=0, dtype=np.float64)
        self.near = np.zeros(len(self.mean))
        self.count, self.toward, self.within, self.now = 0, 0.0, 0.0, 0.0

    def gains(self) -> np.ndarray:
        """Return how much MMD² falls by each, shape (n,); negative where it rises."""
        return -self._after() - self.now

    def take(self, candidate: int) -> None:
        """Put a candidate into the sample."""
        self.now = -float(self._after()[candidate])
        self.toward += self.mean[candidate]
        self.within += 2 * self.near[candidate] + self.diagonal[candidate]
        self.near += self.similarity.column(candidate)
        self.count += 1

    def _after(self) -> np.ndarray:
        """Return MMD² less the constant, if each were put in."""
        size = self.count + 1
        return -2 * (self.toward + self.mean) / size + (self.within + 2 * self.near + self.diagonal) / size**2
