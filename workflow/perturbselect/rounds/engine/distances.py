"""Squared distances to a growing set of centres, from features or from a kernel."""

from __future__ import annotations

import numpy as np

from perturbselect.rounds.engine.batch import TOLERANCE, Batch, Draft


class FeatureDistances:
    """Squared Euclidean distances of the pool to a row of ``[labelled; pool]``, O(n·p) each.

    Attributes
    ----------
    size : ndarray of float64, shape (n,)
        Squared norm of each candidate.
    scale : float
        What distances are rounded against.
    """

    def __init__(self, labelled: np.ndarray, pool: np.ndarray) -> None:
        # Centred on the pool, so that the products below lose little to rounding.
        centre = pool.mean(axis=0)
        self._pool, self._all = pool - centre, np.vstack([labelled, pool]) - centre
        self.size = np.einsum("ip,ip->i", pool, pool)
        self._centred = np.einsum("ip,ip->i", self._all, self._all)
        self.scale = float(self._centred.max(initial=0))

    def __call__(self, row: int) -> np.ndarray:
        """Return the squared distance of each candidate to a row, shape (n,)."""
        of_pool = self._centred[len(self._all) - len(self._pool) :]
        distance = of_pool + self._centred[row] - 2 * self._pool @ self._all[row]
        return distance.clip(min=0)


class KernelDistances:
    """The same from a kernel over ``[labelled; pool]``: k(x,x) + k(z,z) − 2k(x,z), O(n) each."""

    def __init__(self, kernel: np.ndarray, labelled: int) -> None:
        self._kernel, self._labelled = kernel, labelled
        self._diagonal = np.diagonal(kernel)
        self.size = self._diagonal[labelled:]
        self.scale = float(self._diagonal.max(initial=0))

    def __call__(self, row: int) -> np.ndarray:
        """Return the squared distance of each candidate to a row, shape (n,)."""
        distance = self.size + self._diagonal[row] - 2 * self._kernel[self._labelled :, row]
        return distance.clip(min=0)


def farthest_first(
    distances: FeatureDistances | KernelDistances,
    labelled: int,
    size: int,
    generator: np.random.Generator,
) -> Batch:
    """Take, again and again, the candidate whose nearest chosen or labelled point is farthest.

    With nothing labelled the first pick is the one of largest squared norm. The score of a pick is
    that squared distance (or norm). When all that is left coincides with what is chosen, the
    criterion has run dry and the rest is drawn at random. Gonzalez 1985 (k-center); core-set of
    Sener and Savarese 2018.

    Notes
    -----
    O((t + k)·c) time for t labelled points and k picks, c the cost of one call of `distances`.
    """
    draft = Draft(len(distances.size), size, generator)
    closest = np.full(len(distances.size), np.inf)
    for row in range(labelled):
        np.minimum(closest, distances(row), out=closest)
    slack = TOLERANCE * distances.scale
    while draft.open:
        score = closest if np.isfinite(closest).all() else distances.size
        candidate, tied = draft.best(score, slack)
        if score[candidate] <= slack:
            break
        draft.take(candidate, score[candidate], tied)
        np.minimum(closest, distances(labelled + candidate), out=closest)
    return draft.finish()
