"""The greedy driver: picks the largest gain, pick after pick, within the constraints."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from perturbselect.selection.engine.constraints import Allowed
from perturbselect.selection.engine.criterion import Criterion, LazyCriterion
from perturbselect.selection.engine.lazy import BoundHeap
from perturbselect.selection.engine.record import Record
from perturbselect.selection.engine.shortlist import Shortlist
from perturbselect.selection.strategy import (
    FALLBACK,
    INCLUDE,
    MEASURED,
    Picks,
    Problem,
    check_budget,
)

Fallback = Callable[[np.ndarray], Iterator[Criterion]]


def greedy(
    make: Callable[[], Criterion],
    problem: Problem,
    budget: int,
    generator: np.random.Generator,
    fallback: Fallback | None = None,
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
        Called with the positions of those that are in when no allowed candidate gains
        anything. Returns an iterator; its next criterion ranks from then on, until by it too
        nobody gains, and so on (picks are put into the one that ranks). At the end of the
        iterator, or without one, zero gains go on. Picks of a fallback are given a gain of 0.

    Returns
    -------
    Picks
        With the bound ``min_j [f(S_j) + the i largest gains at S_j]`` for each i where the
        criterion is submodular; j runs over steps up to i, 1.2 times as far apart each, and
        that of saturation.

    Notes
    -----
    With prices two plans are made, one by gain *per price*, one by gain, whatever it costs; the one of
    larger value at the whole budget is taken, of equal ones the first. Where money runs out before
    the picks do, that has at least half of 1 - 1/e of the optimum of a submodular criterion, since the
    second plan begins with the affordable candidate that is worth most alone (Khuller, Moss and Naor
    1999, Information Processing Letters 70:39; Leskovec et al. 2007, KDD, "Cost-effective outbreak
    detection in networks"); where picks run out and the money does not bind, the second has
    1 - 1/e. Where both limits bind nothing is claimed.
    """
    check_budget(problem, budget)
    priority = generator.permutation(len(problem.candidates))
    plan = _Run(make(), problem, budget, priority, fallback)
    picks = plan.finish()
    if problem.constraints.cost is None:
        return picks
    other = _Run(make(), problem, budget, priority, fallback, by_price=False)
    picks_of_other = other.finish()
    return picks_of_other if other.value > plan.value + plan.slack else picks


class _Run:
    """One greedy run; `by_price`: by gain per price, if there are prices."""

    def __init__(
        self,
        criterion: Criterion,
        problem: Problem,
        budget: int,
        priority: np.ndarray,
        fallback: Fallback | None,
        *,
        by_price: bool = True,
    ) -> None:
        self.make_fallback, self.fallback = fallback, iter(list[Criterion]())
        self.rules, self.budget, self.priority = problem.constraints, budget, priority
        self.cost = self.rules.cost if by_price else None
        self.allowed = Allowed(self.rules, len(priority))
        self.countable = np.ones(len(priority), dtype=bool)  # who may be in an optimal set
        self.countable[self.rules.exclude] = False
        self.record = Record()
        self.value, self.made, self.fallen, self.spent = 0.0, 0, False, False
        self.bound, self.next_bound = np.full(budget + 1, np.inf), np.inf
        self._follow(criterion)
        self.slack = self.ranking.slack
        for candidate in self.rules.measured:
            self.ranking.refresh(np.array([candidate]))
            self._take(candidate, 1, MEASURED)
        if criterion.submodular:
            self.next_bound = 0
            self._lower_bounds()
        self._take_included()

    def finish(self) -> Picks:
        """Pick until the budget is filled or nothing is allowed."""
        while self.allowed.mask.any() and not self.spent:
            candidate, tied = self._best()
            if self.made == self.budget:
                break
            undecided = self.fallen or self.spent
            self._take(candidate, tied, FALLBACK if undecided else self.criterion.term(candidate))
        else:
            if self.next_bound < np.inf:
                self._lower_bounds()
            self._take_rest()
        bound = np.r_[np.full(len(self.rules.measured), np.nan), self.bound[1 : self.made + 1]]
        gain = np.array(self.record.gain, dtype=np.float64)
        return self.record.picks(
            gain=gain,
            zero_gain=np.abs(gain) <= self.slack,
            upper_bound=np.where(np.isinf(bound), np.nan, bound),
            stopped=self.allowed.stopped if self.made < self.budget else "",
        )

    def _follow(self, criterion: Criterion) -> None:
        """Let a criterion rank from now on."""
        self.criterion = criterion
        self.ranking: Shortlist | BoundHeap
        if isinstance(criterion, LazyCriterion):
            self.ranking = BoundHeap(criterion, self.priority, self.cost)
        else:
            self.ranking = Shortlist(criterion, self.priority, self.cost)

    def _best(self) -> tuple[int, int]:
        """Return the best allowed candidate, and how many are as good; fall back if it gains nothing."""
        while True:
            candidate, tied = self.ranking.best(self.allowed.mask)
            if self.ranking.gains[candidate] > self.ranking.slack:
                return candidate, tied
            if self.next_bound < np.inf:
                self._lower_bounds()
                self.next_bound = np.inf
            if self.made == self.budget:
                return candidate, tied
            if self.make_fallback is not None and not self.fallen:
                self.fallen = True
                self.fallback = self.make_fallback(np.array(self.record.order, np.int64))
            criterion = next(self.fallback, None)
            if criterion is None:
                left = self.ranking.gains[self.allowed.mask].max()
                self.spent = self.criterion.submodular and left <= self.ranking.slack  # for good
                return candidate, tied
            self._follow(criterion)

    def _take_rest(self) -> None:
        """Fill the budget in the order of the permutation: nobody gains any more, and nobody will."""
        for candidate in np.argsort(self.priority):
            if self.made == self.budget:
                break
            if self.allowed.mask[candidate]:
                self._take(int(candidate), int(np.count_nonzero(self.allowed.mask)), FALLBACK)

    def _take_included(self) -> None:
        waiting = self.rules.include
        while len(waiting):
            candidate, tied = self._largest_gain(waiting)
            waiting = waiting[waiting != candidate]
            self._take(candidate, tied, INCLUDE)

    def _largest_gain(self, among: np.ndarray) -> tuple[int, int]:
        """Return who of some candidates gains most, whatever it costs, and how many are as good."""
        self.ranking.refresh(among)
        gains = self.ranking.gains[among]
        tied = among[gains >= gains.max() - self.slack]
        return int(tied[np.argmin(self.priority[tied])]), len(tied)

    def _take(self, candidate: int, tied: int, decided_by: str) -> None:
        gain = 0.0 if self.fallen or self.spent else float(self.ranking.gains[candidate])
        self.record.add(candidate, gain, tied, decided_by)
        self.allowed.take(candidate, free=decided_by == MEASURED)
        self.countable[candidate] = False
        if not self.spent:
            self.criterion.take(int(candidate))
            self.ranking.taken()
        self.value += 0.0 if math.isnan(gain) else gain
        if decided_by != MEASURED:
            self.made += 1
            if self.made >= self.next_bound:
                self._lower_bounds()

    def _lower_bounds(self) -> None:
        """Lower the bounds of this and all later steps by what the gains say now."""
        self.next_bound = np.ceil(max(self.made + 1, self.made * 1.2))
        gains = self.ranking.gains[self.countable]
        if len(gains) > self.budget:
            gains = np.partition(gains, -self.budget)[-self.budget :]
        reach = np.r_[0, np.sort(gains)[::-1].clip(min=0).cumsum()]
        reach = np.r_[reach, np.full(self.budget + 1 - len(reach), reach[-1])]
        later = slice(max(self.made, 1), None)
        self.bound[later] = np.minimum(self.bound[later], self.value + reach[later])
