"""Greedy maximisation of coverage with exact gains.

A candidate covers elements; ``f(S)`` counts the elements covered, or, with level r, each
element up to r times: ``f_r(S) = Σ_u min(r, #{v ∈ S : u ∈ R(v)})``, monotone submodular
for every r, so greedy reaches at least 1 - 1/e of the optimum of f (Nemhauser, Wolsey
and Fisher 1978).

All gains are kept exact: when an element is covered for the r-th time, those who also
cover it lose one, found through the inverted index. That is O(total incidence) for each
level, plus O(n) for each pick, and needs no lazy bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

TAKEN = np.iinfo(np.int64).min // 2  # gain of what is picked: far below any other


@dataclass(frozen=True)
class Picks:
    """Candidates in the order of picking.

    Attributes
    ----------
    order : ndarray of int64, shape (k,)
        Rows of the incidence matrix.
    gain : ndarray of int64, shape (k,)
        Of the criterion at that pick.
    tied : ndarray of int64, shape (k,)
        How many remaining candidates had that gain.
    upper_bound : int
        No set of the size asked for covers more: ``min_i f(S_i) + (sum of the largest
        gains at S_i, as many as the size)``, over the steps i.
    """

    order: np.ndarray
    gain: np.ndarray
    tied: np.ndarray
    upper_bound: int


class _Cover:
    """The state of a greedy run: how often each element is covered, and every gain."""

    def __init__(self, incidence: sp.csr_array, priority: np.ndarray) -> None:
        self.incidence, self.priority = incidence, priority
        self.covering = sp.csr_array(incidence.T)  # element → candidates
        self.times = np.zeros(incidence.shape[1], dtype=np.int64)
        self.taken: list[int] = []
        self.set_level(1)

    def set_level(self, level: int) -> None:
        """Count each element up to `level` times from now on."""
        self.level = level
        self.gains = self.incidence @ (self.times < level).astype(np.int64)
        self.gains[self.taken] = TAKEN

    def best(self) -> tuple[int, int, int]:
        """Return the best candidate, its gain, and how many share it."""
        gain = int(self.gains.max())
        tied = np.flatnonzero(self.gains == gain)
        return int(tied[np.argmin(self.priority[tied])]), gain, len(tied)

    def take(self, candidate: int) -> None:
        """Pick a candidate: cover its elements and lower the gains of the others."""
        elements = _entries(self.incidence, np.array([candidate]))
        self.times[elements] += 1
        filled = elements[self.times[elements] == self.level]
        losers = _entries(self.covering, filled)
        if len(losers) > len(self.gains):
            self.gains -= np.bincount(losers, minlength=len(self.gains))
        else:
            np.subtract.at(self.gains, losers, 1)
        self.taken.append(candidate)
        self.gains[candidate] = TAKEN

    def largest_gains(self, count: int) -> int:
        """Return the sum of the `count` largest gains, by counting sort."""
        positive = self.gains[self.gains > 0]
        how_many = np.bincount(positive, minlength=1)[::-1]
        summed = np.minimum(how_many.cumsum(), count)
        return int(np.diff(summed, prepend=0) @ np.arange(len(how_many))[::-1])


def _entries(matrix: sp.csr_array, rows: np.ndarray) -> np.ndarray:
    """Return the column indices of some rows, one row after the other."""
    starts = matrix.indptr[rows]
    lengths = matrix.indptr[rows + 1] - starts
    offsets = np.repeat(starts - np.r_[0, lengths.cumsum()[:-1]], lengths)
    return matrix.indices[offsets + np.arange(len(offsets))]


def greedy_coverage(incidence: sp.csr_array, budget: int, priority: np.ndarray) -> Picks:
    """Pick the candidate that covers most new elements, until no element is left to cover.

    Parameters
    ----------
    incidence : scipy.sparse.csr_array of bool, shape (n, m)
        Row v holds the elements that candidate v covers; no explicit zeros.
    budget : int
        Picks, at most; fewer where the best gain comes to 0.
    priority : ndarray of int, shape (n,)
        A permutation; of equally good candidates the one of lowest priority number is
        picked.

    Returns
    -------
    Picks
    """
    cover = _Cover(incidence, priority)
    picks: list[tuple[int, int, int]] = []
    value, upper_bound = 0, cover.largest_gains(budget)
    while len(picks) < budget:
        candidate, gain, tied = cover.best()
        if gain <= 0:
            break
        picks.append((candidate, gain, tied))
        cover.take(candidate)
        value += gain
        upper_bound = min(upper_bound, value + cover.largest_gains(budget))
    return _picks(picks, upper_bound)


def greedy_multicover(incidence: sp.csr_array, budget: int, priority: np.ndarray, taken: np.ndarray) -> Picks:
    """Go on after saturation: cover elements a second time, then a third, and so on.

    The level r starts at 1 with the candidates in `taken` counted, and rises by one
    whenever the best gain is 0. Candidates that cover nothing come last, by priority.

    Parameters
    ----------
    incidence, priority
        As in `greedy_coverage`.
    budget : int
        Picks beyond `taken`; at most the candidates left.
    taken : ndarray of int
        Candidates that are in already.

    Returns
    -------
    Picks
        Gains of ``f_r`` at the level of each pick; the bound is not computed (-1).
    """
    cover = _Cover(incidence, priority)
    for candidate in taken:
        cover.take(candidate)
    picks: list[tuple[int, int, int]] = []
    while len(picks) < budget:
        candidate, gain, tied = cover.best()
        # who covers anything gains at the level above the largest count
        if gain == 0 and cover.level <= cover.times.max(initial=0):
            cover.set_level(cover.level + 1)
            continue
        picks.append((candidate, gain, tied))
        cover.take(candidate)
    return _picks(picks, -1)


def _picks(picks: list[tuple[int, int, int]], upper_bound: int) -> Picks:
    order, gain, tied = np.array(picks, dtype=np.int64).reshape(-1, 3).T
    return Picks(order, gain, tied, upper_bound)
