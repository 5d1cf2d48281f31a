"""The greedy driver: picks the largest gain, pick after pick, within the constraints."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from perturbselect.selection.engine.constraints import Allowed
from perturbselect.selection.engine.record import Record
from perturbselect.selection.strategy import (
    CRITERION,
    FALLBACK,
    INCLUDE,
    MEASURED,
    Picks,
    Problem,
    check_budget,
)

TOLERANCE = 1e-9  # gains this close, relative to the largest at the start, are equal: rounding


class Criterion:
    """What greedy maximises, with the exact gain of every candidate at every step.

    Attributes
    ----------
    submodular : bool
        Whether it is monotone submodular: then the gains bound the optimum.
    tolerance : float
        Gains that differ by less, relative to the largest at the start, are equal.
    """

    submodular = False
    tolerance = TOLERANCE

    def gains(self) -> np.ndarray:
        """Return the gain of each candidate, shape (n,); those of taken ones are not read."""
        raise NotImplementedError

    def take(self, candidate: int) -> None:
        """Put a candidate into the set."""
        raise NotImplementedError

    def term(self, candidate: int) -> str:
        """Return which term of the criterion gives most of a candidate's gain."""
        return CRITERION


def greedy(
    make: Callable[[], Criterion],
    problem: Problem,
    budget: int,
    generator: np.random.Generator,
    fallback: Callable[[np.ndarray], Criterion] | None = None,
) -> Picks:
    """Take the allowed candidate of largest gain, again and again.

    Parameters
    ----------
    make : callable
        Makes the criterion of the empty set.
    problem : Problem
        Those measured already are put in first, then those to include, by gain.
    budget : int
        Picks, at most; those measured already are not counted.
    generator : numpy.random.Generator
        Draws the permutation that breaks ties.
    fallback : callable, or None
        Makes the criterion that goes on when no allowed candidate gains anything, from the
        positions of those that are in. None: the criterion goes on with zero gains.

    Returns
    -------
    Picks
        With the bound ``min_j [f(S_j) + the i largest gains at S_j]`` for each i where the
        criterion is submodular; j runs over steps up to i, 1.2 times as far apart each, and
        that of saturation.

    Notes
    -----
    With prices, a pick has the largest gain *per price*; if the best affordable candidate
    alone is worth more than all picks together, it is taken first and the rest anew
    (Khuller, Moss and Naor 1999, Information Processing Letters 70:39: half of 1 - 1/e).
    """
    check_budget(problem, budget)
    priority = generator.permutation(len(problem.candidates))
    run = _Run(make(), problem, budget, priority, fallback)
    picks = run.finish()
    if problem.constraints.cost is not None and run.gain_alone > run.value - run.value_at_start:
        picks = _Run(make(), problem, budget, priority, fallback, first=run.best_alone).finish()
    return picks


class _Run:
    """One greedy run."""

    def __init__(
        self,
        criterion: Criterion,
        problem: Problem,
        budget: int,
        priority: np.ndarray,
        fallback: Callable[[np.ndarray], Criterion] | None,
        first: int | None = None,
    ) -> None:
        self.criterion, self.fallback, self.fallen = criterion, fallback, False
        self.rules, self.budget, self.priority = problem.constraints, budget, priority
        self.allowed = Allowed(self.rules, len(priority))
        self.countable = np.ones(len(priority), dtype=bool)  # who may be in an optimal set
        self.countable[self.rules.exclude] = False
        self.record = Record()
        self.value, self.made = 0.0, 0
        self.bound = np.full(budget + 1, np.inf)
        self.next_bound = 0.0 if criterion.submodular else np.inf
        self.gains = criterion.gains()
        finite = np.abs(self.gains[np.isfinite(self.gains)])
        self.slack = criterion.tolerance * float(finite.max(initial=0))
        for candidate in self.rules.measured:
            self._take(candidate, 1, MEASURED)
        self._take_included()
        self.value_at_start = self.value
        affordable = np.where(self.allowed.mask, self.gains, -np.inf)
        self.best_alone = int(affordable.argmax())
        self.gain_alone = float(affordable[self.best_alone])
        self._lower_bounds()
        if first is not None:
            self._take(first, 1, criterion.term(first))

    def finish(self) -> Picks:
        """Pick until the budget is filled or nothing is allowed."""
        while self.made < self.budget and self.allowed.mask.any():
            if self.fallback is not None and not (self.gains[self.allowed.mask] > self.slack).any():
                self.criterion, self.fallback = self.fallback(np.array(self.record.order, np.int64)), None
                self.gains, self.fallen, self.next_bound = self.criterion.gains(), True, np.inf
            score, slack = self.gains, self.slack
            if self.rules.cost is not None:
                score = np.where(score > 0, score / self.rules.cost, score * self.rules.cost)
                slack = self.slack / float(self.rules.cost.max())
            candidate, tied = self._best(score, slack, self.allowed.mask)
            self._take(candidate, tied, FALLBACK if self.fallen else self.criterion.term(candidate))
        bound = np.r_[np.full(len(self.rules.measured), np.nan), self.bound[1 : self.made + 1]]
        gain = np.array(self.record.gain, dtype=np.float64)
        return self.record.picks(
            gain=gain,
            zero_gain=np.abs(gain) <= self.slack,
            upper_bound=np.where(np.isinf(bound), np.nan, bound),
            stopped=self.allowed.stopped if self.made < self.budget else "",
        )

    def _take_included(self) -> None:
        waiting = np.zeros(len(self.priority), dtype=bool)
        waiting[self.rules.include] = True
        while waiting.any():
            candidate, tied = self._best(self.gains, self.slack, waiting)
            waiting[candidate] = False
            self._take(candidate, tied, INCLUDE)

    def _best(self, score: np.ndarray, slack: float, among: np.ndarray) -> tuple[int, int]:
        """Return the best of some candidates, and how many are as good."""
        score = np.where(among, score, -np.inf)
        tied = np.flatnonzero(score >= score.max() - slack)
        return int(tied[np.argmin(self.priority[tied])]), len(tied)

    def _take(self, candidate: int, tied: int, decided_by: str) -> None:
        gain = 0.0 if self.fallen else float(self.gains[candidate])
        self.record.add(candidate, gain, tied, decided_by)
        self.allowed.take(candidate, free=decided_by == MEASURED)
        self.countable[candidate] = False
        self.criterion.take(int(candidate))
        self.gains = self.criterion.gains()
        self.value += 0.0 if np.isnan(gain) else gain
        if decided_by != MEASURED:
            self.made += 1
            self._lower_bounds()

    def _lower_bounds(self) -> None:
        """Lower the bounds of this and all later steps by what the gains say now."""
        saturated = np.isfinite(self.next_bound) and not (self.gains[self.countable] > self.slack).any()
        if self.made < self.next_bound and not saturated:
            return
        self.next_bound = np.inf if saturated else np.ceil(max(self.made + 1, self.made * 1.2))
        largest = np.sort(self.gains[self.countable])[::-1][: self.budget].clip(min=0)
        reach = np.full(self.budget + 1, float(largest.sum()))
        reach[: len(largest) + 1] = np.r_[0, largest.cumsum()]
        later = slice(max(self.made, 1), None)
        self.bound[later] = np.minimum(self.bound[later], self.value + reach[later])
