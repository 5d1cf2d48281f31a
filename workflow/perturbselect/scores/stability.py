"""How alike the selections of one strategy are when something changes that should not matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from perturbselect.budgets import budget_label, budget_size

COLUMNS = [
    "dataset", "strategy", "change", "share", "budget", "n_selected", "jaccard", "low", "high", "expected",
    "n_pairs",
]  # fmt: skip
Selections = Mapping[tuple[str, str, int, int], list[str]]
Reselections = Mapping[tuple[str, str, int], pd.DataFrame]


def jaccard(first: set[str], second: set[str]) -> float:
    """Return the share of both sets that is common; 1 if both are empty."""
    either = len(first | second)
    return len(first & second) / either if either else 1.0


def expected_jaccard(first: int, second: int, first_pool: set[str], second_pool: set[str]) -> float:
    """Return the Jaccard index to expect of random sets, by the expected size of what is common.

    With the same pool of n and k picks each it is ``k / (2n - k)``.

    Parameters
    ----------
    first, second : int
        Picks.
    first_pool, second_pool : set of str
        What they are drawn from.
    """
    common = len(first_pool & second_pool) * first / len(first_pool) * second / len(second_pool)
    return common / (first + second - common)


def run_of(path: Path) -> tuple[str, str, int, int]:
    """Return dataset, strategy, split and seed of ``…/{dataset}/selections/{strategy}/split0.seed0.tsv``."""
    split, seed = path.stem.split(".")
    return path.parts[-4], path.parts[-2], int(split.removeprefix("split")), int(seed.removeprefix("seed"))


def reselection(picks: pd.DataFrame, name: str, draw: int = 0) -> pd.DataFrame:
    """Bring the picks of a changed run into the form that `stability` reads.

    Parameters
    ----------
    picks : DataFrame
        A selection's table.
    name : str
        ``ties``, ``{drop|rewire|add}{share}.draw{draw}``, or the name of another graph or kernel.
    draw : int
        Which of several of the same name.
    """
    change, share = name, np.nan
    if named := re.fullmatch(r"(drop|rewire|add)([0-9.e-]+)\.draw(\d+)", name):
        change, share, draw = named[1], float(named[2]), int(named[3])
    chosen = picks.loc[picks["rank"] > 0, ["rank", "gene"]]
    return chosen.assign(change=change, share=share, draw=draw)[["change", "share", "draw", "rank", "gene"]]


def stability(
    selections: Selections,
    reselections: Reselections,
    pools: Mapping[tuple[str, int], set[str]],
    budgets: Sequence[int | str],
) -> pd.DataFrame:
    """Compare the picks of each strategy over seeds, splits, tie orders and changed graphs.

    Parameters
    ----------
    selections : mapping of (dataset, strategy, split, seed) to list of str
        Picks in order, without those measured already.
    reselections : mapping of (dataset, strategy, split) to DataFrame
        Of seed 0 with something changed: ``change``, ``share`` (empty if it has none), ``draw``, ``gene``
        in the order of picking.
    pools : mapping of (dataset, split) to set of str
    budgets : sequence of int or str

    Returns
    -------
    DataFrame
        A row for each dataset, strategy, change, share and budget: mean ``jaccard`` over pairs of
        sets, its ``low`` and ``high`` (smallest and largest), how much is ``expected`` of random
        sets, ``n_pairs``. Changes: ``seeds`` and ``splits`` (all pairs of runs that differ in nothing else),
        ``ties`` (all pairs of tie orders of one run), ``drop``, ``rewire``, ``add`` and other graphs or
        kernels by their name (each against the unchanged run).
    """
    rows = []
    for (dataset, strategy), runs in _by_strategy(selections).items():
        pairs = list(_run_pairs(dataset, runs, pools))
        for (other, label, split), table in reselections.items():
            if (other, label) == (dataset, strategy):
                pairs += _changed_pairs(runs[split, 0], table, pools[dataset, split])
        for budget in budgets:
            for change, share, first, second, first_pool, second_pool in pairs:
                sizes = [budget_size(budget, len(pool)) for pool in (first_pool, second_pool)]
                sets = [set(picks[:size]) for picks, size in zip((first, second), sizes, strict=True)]
                rows.append(
                    {
                        "dataset": dataset,
                        "strategy": strategy,
                        "change": change,
                        "share": share,
                        "budget": budget_label(budget),
                        "n_selected": (len(sets[0]) + len(sets[1])) / 2,
                        "jaccard": jaccard(*sets),
                        "expected": expected_jaccard(len(sets[0]), len(sets[1]), first_pool, second_pool),
                    }
                )
    if not rows:
        return pd.DataFrame(columns=COLUMNS)
    keys = ["dataset", "strategy", "change", "share", "budget"]
    table = pd.DataFrame(rows).groupby(keys, dropna=False, sort=False)
    return table.agg(
        n_selected=("n_selected", "mean"),
        jaccard=("jaccard", "mean"),
        low=("jaccard", "min"),
        high=("jaccard", "max"),
        expected=("expected", "mean"),
        n_pairs=("jaccard", "size"),
    ).reset_index()[COLUMNS]


def _by_strategy(selections: Selections) -> dict[tuple[str, str], dict[tuple[int, int], list[str]]]:
    grouped: dict[tuple[str, str], dict[tuple[int, int], list[str]]] = {}
    for (dataset, strategy, split, seed), picks in selections.items():
        grouped.setdefault((dataset, strategy), {})[split, seed] = picks
    return grouped


def _run_pairs(
    dataset: str,
    runs: Mapping[tuple[int, int], list[str]],
    pools: Mapping[tuple[str, int], set[str]],
) -> Iterator[tuple]:
    """Yield pairs of runs that differ in the seed alone, or in the split alone."""
    for first, second in combinations(sorted(runs), 2):
        same_split, same_seed = first[0] == second[0], first[1] == second[1]
        if same_split or same_seed:
            change = "seeds" if same_split else "splits"
            both_pools = pools[dataset, first[0]], pools[dataset, second[0]]
            yield (change, np.nan, runs[first], runs[second], *both_pools)


def _changed_pairs(unchanged: list[str], table: pd.DataFrame, pool: set[str]) -> Iterator[tuple]:
    """Yield the pairs of tie orders, and each changed selection with the unchanged one."""
    orders = [unchanged]
    for (change, share, _), rows in table.groupby(["change", "share", "draw"], dropna=False, sort=False):
        picks = rows["gene"].tolist()
        if change == "ties":
            orders.append(picks)
        else:
            yield (change, share, unchanged, picks, pool, pool)
    for first, second in combinations(orders, 2):
        yield ("ties", np.nan, first, second, pool, pool)
