"""Find the candidate of largest gain when all gains are known."""

from __future__ import annotations

import numpy as np

from perturbselect.errors import InputError
from perturbselect.selection.engine.criterion import Criterion

LEAST = 1000  # candidates on a shortlist


class Shortlist:
    """The candidates that may be the best next, of a criterion that knows all its gains.

    Gains of a submodular criterion never rise, so that whoever is below the worst gain of
    the shortlist stays below it, and only the shortlist is looked through, until its best
    is below that gain too. Of a crowd that is tied for the last places of the list, the first
    by priority are on it: while the best is one of them, gains are read once, to count
    the tied. Without submodularity everyone is on the list, at O(n) a pick.

    Parameters
    ----------
    criterion : Criterion
    priority : ndarray of int, shape (n,)
        A permutation; of equally good candidates the one of lowest number is the best.
    cost : ndarray of float, shape (n,), or None
        If given, the best is the one of largest gain per cost.
    """

    def __init__(self, criterion: Criterion, priority: np.ndarray, cost: np.ndarray | None) -> None:
        self.criterion, self.priority, self.cost = criterion, priority, cost
        self.gains = criterion.gains()
        self.slack = slack(criterion, self.gains)
        self._apart = self.slack if cost is None else self.slack / float(cost.max())  # of gains per cost
        self._listed = np.empty(0, dtype=np.int64)
        self._floor = np.inf  # whoever is not listed has less
        self._crowd = -np.inf  # or no more than this, and a priority number above
        self._crowd_priority = -1

    def best(self, allowed: np.ndarray) -> tuple[int, int]:
        """Return the best of those allowed (at least one), and how many are as good."""
        score = np.where(allowed[self._listed], per_cost(self.gains, self.cost, self._listed), -np.inf)
        if self._floor > score.max(initial=-np.inf) - self._apart:
            score = self._list_anew(allowed)
        top = score.max()
        if np.isnan(top):
            raise InputError("a gain is not a number; is the kernel positive semidefinite?")
        tied = self._listed[score >= top - self._apart]
        candidate, count = self._first(tied), len(tied)
        if self._crowd >= top - self._apart:
            as_good = (per_cost(self.gains, self.cost, slice(None)) >= top - self._apart) & allowed
            count = int(np.count_nonzero(as_good))
            if self.priority[candidate] > self._crowd_priority:  # those of the crowd on the list are used up
                candidate, self._floor = self._first(np.flatnonzero(as_good)), np.inf
        return candidate, count

    def _first(self, candidates: np.ndarray) -> int:
        return int(candidates[np.argmin(self.priority[candidates])])

    def _list_anew(self, allowed: np.ndarray) -> np.ndarray:
        """Make the list, and return the scores of those on it."""
        self._listed, self._floor, self._crowd = np.flatnonzero(allowed), np.inf, -np.inf
        score = per_cost(self.gains, self.cost, self._listed)
        if not self.criterion.submodular:
            return score  # good for one pick
        if len(score) <= 2 * LEAST:
            self._floor = -np.inf
            return score
        edge = float(np.partition(score, -LEAST)[-LEAST])
        self._floor = edge - self._apart  # lower by what may still be tied with the best
        kept = np.flatnonzero(score >= self._floor)
        if len(kept) > 2 * LEAST:
            self._crowd = edge + self._apart
            above = score[kept] > self._crowd
            crowd = kept[~above]
            priority = self.priority[self._listed[crowd]]
            first = np.argpartition(priority, LEAST)[:LEAST]
            self._crowd_priority = int(priority[first].max())
            kept = np.concatenate([kept[above], crowd[first]])
        self._listed = self._listed[kept]
        return score[kept]

    def refresh(self, candidates: np.ndarray) -> None:
        """See to it that the gains of some candidates are exact: here all are."""

    def taken(self) -> None:
        """Note that the criterion has taken a candidate."""
        self.gains = self.criterion.gains()


def slack(criterion: Criterion, gains: np.ndarray) -> float:
    """Return the difference below which gains are equal, from those at the start."""
    return criterion.tolerance * float(np.abs(gains[np.isfinite(gains)]).max(initial=0))


def per_cost(gains: np.ndarray, cost: np.ndarray | None, candidates: np.ndarray | slice) -> np.ndarray:
    """Return the gains of some candidates per cost; what loses, loses less if it is cheap."""
    gain = gains[candidates]
    if cost is None:
        return gain
    return np.where(gain > 0, gain / cost[candidates], gain * cost[candidates])
