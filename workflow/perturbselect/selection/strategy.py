"""The contract of every selection strategy: what it may see and what it returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from perturbselect.errors import InputError
from perturbselect.graphs.graph import Graph


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
    """

    candidates: np.ndarray
    queries: np.ndarray
    graph: Graph | None = None


@dataclass(frozen=True)
class Selection:
    """An ordered choice; its first k rows are the choice for budget k.

    Attributes
    ----------
    table : DataFrame, one row a pick, in the order of picking
        ``rank`` (from 1), ``gene`` (the perturbation), ``gain`` and ``value`` (of the
        criterion; empty for strategies without one), ``tied`` (how many candidates
        were equally good for the rule that chose), ``fallback`` (1 where the criterion
        was saturated, so that its gain is 0, and the fallback chose).
    summary : dict
        JSON-ready facts about the run: saturation step, coverage, ...
    """

    table: pd.DataFrame
    summary: dict[str, Any] = field(default_factory=dict)


class Strategy(Protocol):
    """A frozen dataclass whose fields are the options of the config."""

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates; the same generator state gives the same choice."""
        ...


def check_budget(problem: Problem, budget: int) -> None:
    """Refuse a budget that the pool cannot fill.

    Raises
    ------
    InputError
        If the budget is below 1 or above the number of candidates.
    """
    if not 1 <= budget <= len(problem.candidates):
        raise InputError(
            f"budgets: {budget} perturbations cannot be chosen from a pool of {len(problem.candidates)}; "
            f"give a number from 1 to {len(problem.candidates)}"
        )


def selection_table(
    picks: np.ndarray,
    *,
    gain: np.ndarray | None = None,
    tied: np.ndarray,
    fallback: np.ndarray | None = None,
) -> pd.DataFrame:
    """Build the table of a `Selection`.

    Parameters
    ----------
    picks : ndarray of str, shape (k,)
        Perturbations in the order of picking.
    gain : ndarray of float, shape (k,), or None
        Of the criterion; its running sum is the value. None: there is no criterion.
    tied : ndarray of int, shape (k,)
    fallback : ndarray of bool, shape (k,), or None
        None: nowhere.

    Returns
    -------
    DataFrame
        ``rank`` int64, ``gene`` str, ``gain`` and ``value`` float64, ``tied`` and
        ``fallback`` int64.
    """
    gain = np.full(len(picks), np.nan) if gain is None else np.asarray(gain, dtype=np.float64)
    fallback = np.zeros(len(picks)) if fallback is None else np.asarray(fallback)
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(picks) + 1, dtype=np.int64),
            "gene": np.asarray(picks, dtype=object),
            "gain": gain,
            "value": gain.cumsum(),
            "tied": np.asarray(tied, dtype=np.int64),
            "fallback": fallback.astype(np.int64),
        }
    )
