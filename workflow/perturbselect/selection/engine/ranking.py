"""Take candidates by a score that each has on its own, within the constraints."""

from __future__ import annotations

import numpy as np

from perturbselect.selection.engine.constraints import Allowed
from perturbselect.selection.engine.record import Record
from perturbselect.selection.strategy import CRITERION, INCLUDE, MEASURED, Picks, Problem, check_budget


def highest(score: np.ndarray, problem: Problem, budget: int, generator: np.random.Generator) -> Picks:
    """Take the candidates of highest score; ties in an order drawn from the generator.

    Parameters
    ----------
    score : ndarray, shape (n,)
        Of each candidate; it is the gain that the table shows.
    problem, budget, generator
        As for a strategy.

    Returns
    -------
    Picks
    """
    check_budget(problem, budget)
    order = np.lexsort((generator.permutation(len(score)), -score))
    return down_a_list(order, problem, budget, score)


def down_a_list(order: np.ndarray, problem: Problem, budget: int, score: np.ndarray | None = None) -> Picks:
    """Go down a list of all candidates and take what is allowed.

    Parameters
    ----------
    order : ndarray of int, shape (n,)
        Candidates, the best first.
    problem, budget
        As for a strategy. Those to include come first, in the order of the list.
    score : ndarray, shape (n,), or None
        Of each candidate, falling along the list: the gain, and equal ones are tied. None:
        there is no criterion, and all that is left is tied.

    Returns
    -------
    Picks
    """
    check_budget(problem, budget)
    rules = problem.constraints
    allowed, record = Allowed(rules, len(order)), Record()
    gain = np.full(len(order), np.nan) if score is None else score
    falling = np.zeros(len(order)) if score is None else -score[order]
    first = np.searchsorted(falling, falling, side="left")
    last = np.searchsorted(falling, falling, side="right")
    for candidate in order[np.isin(order, rules.measured)]:
        record.add(candidate, gain[candidate], 1, MEASURED)
        allowed.take(candidate, free=True)
    for candidate in order[np.isin(order, rules.include)]:
        record.add(candidate, gain[candidate], 1, INCLUDE)
        allowed.take(candidate)
    left = budget - len(rules.include)
    for place, candidate in enumerate(order):
        if left == 0:
            break
        if allowed.mask[candidate]:
            tied = allowed.mask[order[first[place] : last[place]]].sum()
            record.add(candidate, gain[candidate], tied, CRITERION)
            allowed.take(candidate)
            left -= 1
    return record.picks(stopped=allowed.stopped if left else "")
