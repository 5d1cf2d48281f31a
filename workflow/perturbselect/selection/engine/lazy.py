"""Find the candidate of largest gain, computing as few gains as possible."""

from __future__ import annotations

import heapq

import numpy as np

from perturbselect.selection.engine.criterion import LazyCriterion
from perturbselect.selection.engine.shortlist import per_cost, slack

MOST_AT_ONCE = 256


class BoundHeap:
    """Candidates in a heap by what they can gain at most (lazy greedy, Minoux 1978).

    Gains never rise, so a gain of an earlier step is an upper bound. The heap is ordered by
    (-bound, priority); once the top is a gain of this step, it is the best. The picks are
    those of the naive run, ties included: all candidates whose bound comes close enough
    to the best are computed before the tie is broken by priority.

    Parameters
    ----------
    criterion : LazyCriterion
    priority, cost
        As for `shortlist.Shortlist`.

    Attributes
    ----------
    gains : ndarray of float, shape (n,)
        Upper bounds; exact for candidates that were the best, or refreshed, at this step.
    """

    def __init__(self, criterion: LazyCriterion, priority: np.ndarray, cost: np.ndarray | None) -> None:
        self.criterion, self.priority, self.cost = criterion, priority, cost
        self.gains = np.array(criterion.gains(), dtype=np.float64)
        self.slack = slack(criterion, self.gains)
        self._apart = self.slack if cost is None else self.slack / float(cost.max())
        self._step, self._computed = 0, np.zeros(len(priority), dtype=np.int64)
        everyone = np.arange(len(priority))
        bounds = per_cost(self.gains, cost, everyone)
        self._heap = list(zip((-bounds).tolist(), priority.tolist(), everyone.tolist(), strict=True))
        heapq.heapify(self._heap)

    def best(self, allowed: np.ndarray) -> tuple[int, int]:
        """Return the best of those allowed (at least one), and how many are as good."""
        top = self._lift(allowed)
        if top <= self._apart:  # nobody gains anything
            tied = np.flatnonzero(allowed)
        else:
            close = self._pop(allowed, len(allowed), above=top - self._apart)
            self.refresh(close)
            self._push(close)
            tied = close[per_cost(self.gains, self.cost, close) >= top - self._apart]
        candidate = tied[np.argmin(self.priority[tied])]
        self.refresh(np.array([candidate]))
        return int(candidate), len(tied)

    def refresh(self, candidates: np.ndarray) -> None:
        """Make the gains of some candidates exact."""
        old = candidates[self._computed[candidates] < self._step]
        if len(old):
            self.gains[old] = self.criterion.gains_of(old)
            self._computed[old] = self._step

    def taken(self) -> None:
        """Note that the criterion has taken a candidate: gains are bounds from now on."""
        self._step += 1

    def _lift(self, allowed: np.ndarray) -> float:
        """Compute gains until the top of the heap is one of this step; return it."""
        at_once = 1
        while True:
            first = self._pop(allowed, at_once)
            self.refresh(first)
            self._push(first)
            bound, _, candidate = self._heap[0]
            if self._computed[candidate] == self._step and allowed[candidate]:
                gain = float(per_cost(self.gains, self.cost, np.array([candidate]))[0])
                if gain == -bound:  # not so if it was refreshed since it was put into the heap
                    return gain
            at_once = min(2 * at_once, MOST_AT_ONCE)

    def _pop(self, allowed: np.ndarray, count: int, above: float = -np.inf) -> np.ndarray:
        """Take the allowed candidates of largest bound from the heap, those not allowed for good."""
        popped: list[int] = []
        while self._heap and len(popped) < count and -self._heap[0][0] >= above:
            candidate = heapq.heappop(self._heap)[2]
            if allowed[candidate]:
                popped.append(candidate)
        return np.array(popped, dtype=np.int64)

    def _push(self, candidates: np.ndarray) -> None:
        bounds = per_cost(self.gains, self.cost, candidates)
        entries = zip(
            (-bounds).tolist(), self.priority[candidates].tolist(), candidates.tolist(), strict=True
        )
        for entry in entries:
            heapq.heappush(self._heap, entry)
