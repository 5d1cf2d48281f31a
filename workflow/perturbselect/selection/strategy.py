"""The contract of every selection strategy: what it may see and what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from perturbselect.errors import InputError
from perturbselect.graphs.graph import Graph
from perturbselect.selection.engine.constraints import Constraints

MEASURED, INCLUDE, CRITERION, FALLBACK = "measured", "include", "criterion", "fallback"


@dataclass(frozen=True)
class Problem:
    """What a strategy may see: names and prior knowledge, never a measurement.

    Attributes
    ----------
    candidates : ndarray of str, shape (n,)
        The pool: perturbations that could be measured (``A`` or ``A+B``), sorted.
    queries : ndarray of str, shape (q,)
        Names of the perturbations whose responses are to be predicted.
    graph : Graph or None
        The knowledge graph the strategy's option ``graph`` names, if it has one.
    kernel : DataFrame or None
        The kernel the option ``kernel`` names, if there is one: symmetric, positive
        semidefinite, over the perturbations; candidates and queries are among them.
    constraints : Constraints
        What must, may and must not be chosen. The drivers in ``engine/`` keep them.
    responses : DataFrame or None
        True responses, one row a perturbation: for ``oracle``, an upper mark. Every other
        strategy gets None.
    features : DataFrame or None
        One row a perturbation, whose inner products are the kernel: for ``v_optimal``,
        ``d_optimal`` and ``facility_location`` on pools too large for a kernel, in place of it.
        The workflow's problems have none.
    """

    candidates: np.ndarray
    queries: np.ndarray
    graph: Graph | None = None
    kernel: pd.DataFrame | None = None
    constraints: Constraints = field(default_factory=Constraints)
    responses: pd.DataFrame | None = None
    features: pd.DataFrame | None = None


@dataclass(frozen=True)
class Picks:
    """What a driver in ``engine/`` returns: candidates in the order of picking.

    Attributes
    ----------
    order : ndarray of int, shape (k,)
        Positions among the candidates; those measured already come first.
    gain : ndarray of float, shape (k,)
        Of the criterion; NaN where there is none.
    tied : ndarray of int, shape (k,)
        How many candidates were equally good for the rule that chose, the pick among them.
    decided_by : sequence of str, length k
        ``measured``, ``include``, ``criterion``, ``fallback``, or the term of a
        criterion with several that gave most of the gain.
    zero_gain : ndarray of bool, shape (k,)
        Where the criterion gained nothing.
    upper_bound : ndarray of float, shape (k,)
        No set of as many picks has a larger value; NaN where no bound is known.
    stopped : str
        Why there are fewer picks than asked for: ``money``, ``groups``, else empty.
    is_sum : bool
        Whether the running sum of the gains is the value of a set.
    """

    order: np.ndarray
    gain: np.ndarray
    tied: np.ndarray
    decided_by: Sequence[str]
    zero_gain: np.ndarray
    upper_bound: np.ndarray
    stopped: str = ""
    is_sum: bool = True


@dataclass(frozen=True)
class Selection:
    """An ordered choice; its rows of rank k and less are the choice for budget k.

    Attributes
    ----------
    table : DataFrame, one row a pick, in the order of picking
        As from `selection_table`.
    summary : dict
        JSON-ready facts about the run: saturation step, coverage, ...
    """

    table: pd.DataFrame
    summary: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem, picks: Picks, **facts: Any) -> Selection:
        """Make table and summary from a driver's picks, and the strategy's own `facts`."""
        table = selection_table(problem.candidates, picks)
        chosen = table[table["decided_by"] != MEASURED]
        saturated = chosen.loc[chosen["decided_by"] == FALLBACK, "rank"]
        summary: dict[str, Any] = {
            "candidates": len(problem.candidates),
            "picks": len(chosen),
            "measured": len(table) - len(chosen),
            "included": int((chosen["decided_by"] == INCLUDE).sum()),
            "stopped_by": picks.stopped or None,
            "saturation_step": int(saturated.iloc[0]) - 1 if len(saturated) else None,
            "zero_gain_picks": int(chosen["zero_gain"].sum()),
            "tied_picks": int((chosen["tied"] > 1).sum()),
        }
        if problem.constraints.cost is not None:
            paid = picks.order[table["rank"].to_numpy() > 0]
            summary["money_spent"] = float(problem.constraints.cost[paid].sum())
        return cls(table, summary | facts)


class Strategy(Protocol):
    """A frozen dataclass whose fields are the options of the config."""

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates; the same generator state gives the same choice."""
        ...


def check_budget(problem: Problem, budget: int) -> None:
    """Refuse a budget that the pool, after its constraints, cannot fill.

    Raises
    ------
    InputError
        If the budget is below 1, above the number of candidates that may be chosen, or
        below the number of those that must be.
    """
    count, rules = len(problem.candidates), problem.constraints
    free = count - len(np.union1d(rules.measured, rules.exclude))
    if not 1 <= budget <= free:
        less = f", of which {count - free} are measured or excluded (constraints)" if free < count else ""
        raise InputError(
            f"budgets: {budget} perturbations cannot be chosen from a pool of {count}{less}; "
            f"give a number from 1 to {free}"
        )
    if len(rules.include) > budget:
        raise InputError(
            f"constraints.include: {len(rules.include)} perturbations do not fit into a budget of {budget}; "
            "raise the largest budget, or include fewer"
        )


def selection_table(candidates: np.ndarray, picks: Picks) -> pd.DataFrame:
    """Build the table of a `Selection`.

    Parameters
    ----------
    candidates : ndarray of str, shape (n,)
    picks : Picks

    Returns
    -------
    DataFrame
        ``rank`` int64 (from 1; 0 for those measured already), ``gene`` str, ``gain``,
        ``value`` (running sum of the gains, from the first that is known) and
        ``upper_bound`` float64, ``zero_gain`` and ``tied`` int64, ``decided_by`` str.
    """
    gain = np.asarray(picks.gain, dtype=np.float64)
    decided_by = np.asarray(picks.decided_by, dtype=object)
    known = np.logical_or.accumulate(~np.isnan(gain)) & picks.is_sum
    value = np.where(known, np.nancumsum(gain), np.nan)
    return pd.DataFrame(
        {
            "rank": (decided_by != MEASURED).cumsum().astype(np.int64),
            "gene": np.asarray(candidates[picks.order], dtype=object),
            "gain": gain,
            "value": value,
            "upper_bound": np.asarray(picks.upper_bound, dtype=np.float64),
            "zero_gain": np.asarray(picks.zero_gain, dtype=np.int64),
            "tied": np.asarray(picks.tied, dtype=np.int64),
            "decided_by": decided_by,
        }
    )


def picked(table: pd.DataFrame) -> list[str]:
    """Return the perturbations that a selection's table picks, in order, without those measured already."""
    return table.loc[table["rank"] > 0, "gene"].tolist()


def chosen(table: pd.DataFrame, budget: int) -> np.ndarray:
    """Return the perturbations of a selection's table that a budget pays for, and those measured already."""
    return table.loc[table["rank"] <= budget, "gene"].to_numpy(dtype=str)
