"""The tables ``strategy_tests``, ``ranks`` and ``pairs``: all strategies against each other.

A *family* is one dataset, model, budget and metric; its blocks are the runs (split, seed). With two
datasets or more there are families over datasets too (``dataset`` empty), whose blocks are the datasets,
each the mean over its runs (Demšar 2006). The mean over all budgets is a budget of its own (``budget``
empty). The runs of one dataset share its perturbations, so their p values say nothing of another screen.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from perturbselect.scores.metrics import METRICS
from perturbselect.scores.runs import RUN, ordered
from perturbselect.scores.score import FLOORS
from perturbselect.scores.statistics import FEWEST_PAIRS, SIGNIFICANT, holm, rank_biserial, tied, wilcoxon_p

FAMILY = ["dataset", "model", "budget", "metric"]
TESTED = ["n_strategies", "n_blocks", "n_left_out", "statistic", "p", "critical_difference", "why_not"]
FEWEST_STRATEGIES = 3  # Friedman's test; two strategies are a pair


class Rankings(NamedTuple):
    """The three tables.

    Attributes
    ----------
    tests : DataFrame
        Table ``strategy_tests``, a row a family: n_strategies, n_blocks (that all of them have),
        n_left_out, statistic and p (Friedman), critical_difference (Nemenyi), why_not.
    ranks : DataFrame
        Table ``ranks``, a row a family and strategy: mean_rank (1 the best) and group.
    pairs : DataFrame
        Table ``pairs``, a row a family and pair: difference, effect_size, n_pairs, p, p_holm.
    """

    tests: pd.DataFrame
    ranks: pd.DataFrame
    pairs: pd.DataFrame


def rankings(scores: pd.DataFrame) -> Rankings:
    """Rank the strategies, test whether they differ at all (Friedman) and which pairs do (Wilcoxon, Holm).

    Parameters
    ----------
    scores : DataFrame
        Table ``scores``. Floors and the ceiling, which no strategy changes, are left out.

    Returns
    -------
    Rankings
        Without rows where a family has fewer than two strategies. A metric with a target is ranked by the
        distance to it.
    """
    keys, strategies, values = _families(scores)
    tests, ranks = [], []
    for family, losses in zip(keys, values, strict=True):
        there = np.flatnonzero(~np.isnan(losses).all(axis=0))
        blocks = losses[~np.isnan(losses).all(axis=1)][:, there]
        if len(there) < 2:
            continue
        common = blocks[~np.isnan(blocks).any(axis=1)]
        mean_ranks = rankdata(common, axis=1).mean(axis=0) if len(common) else np.full(len(there), np.nan)
        why_not = _why_not(len(there), len(common), "dataset" if pd.isna(family[0]) else "run")
        statistic, p = (np.nan, np.nan) if why_not else friedman(common)
        distance = np.nan if why_not else critical_difference(len(there), len(common))
        tests.append(
            [*family, len(there), len(common), len(blocks) - len(common), statistic, p, distance, why_not]
        )
        groups = _groups(mean_ranks, distance if p < SIGNIFICANT else np.inf) if not why_not else None
        ranks += [
            [*family, strategies[column], len(common), rank, groups[place] if groups else None]
            for place, (column, rank) in enumerate(zip(there, mean_ranks, strict=True))
            if len(common)
        ]
    return Rankings(
        _table(tests, TESTED),
        _table(ranks, ["strategy", "n_blocks", "mean_rank", "group"]),
        _pairs(keys, strategies, values),
    )


def friedman(losses: np.ndarray) -> tuple[float, float]:
    """Friedman's test that no strategy is better than another (χ² with correction for ties).

    Parameters
    ----------
    losses : ndarray of float, shape (N, K)
        K strategies in N blocks, complete.

    Returns
    -------
    statistic, p : float
        0 and 1 where all strategies tie in every block.
    """
    if (losses == losses[:, :1]).all():
        return 0.0, 1.0
    found = friedmanchisquare(*losses.T)
    return float(found.statistic), float(found.pvalue)


@cache
def critical_difference(strategies: int, blocks: int) -> float:
    """Difference of mean ranks from which on two strategies differ (Nemenyi; Demšar 2006).

    ``q · √(K(K + 1) / 6N)``, q the 95 % quantile of the studentized range of K means, divided by √2.
    """
    quantile = studentized_range.ppf(1 - SIGNIFICANT, strategies, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(strategies * (strategies + 1) / (6 * blocks)))


def _why_not(strategies: int, blocks: int, what: str) -> str | None:
    if strategies < FEWEST_STRATEGIES:
        return f"{strategies} strategies: the table of pairs compares them"
    if blocks < FEWEST_PAIRS:
        which = f"{blocks} {what}" + ("" if blocks == 1 else "s")
        return f"{which} that all strategies have; a test needs {FEWEST_PAIRS}"
    return None


def _groups(mean_ranks: np.ndarray, distance: float) -> list[str]:
    """Letters of the groups within which no two mean ranks lie a critical difference apart."""
    order = np.argsort(mean_ranks, kind="stable")
    sorted_ranks = mean_ranks[order]
    ends = np.searchsorted(sorted_ranks, sorted_ranks + distance, side="left") - 1
    letters = [""] * len(order)
    last = count = -1
    for start, end in enumerate(ends):
        if end > last:
            count, last = count + 1, end
            for place in range(start, end + 1):
                letters[order[place]] += _letter(count)
    return letters


def _letter(count: int) -> str:
    return chr(ord("a") + count) if count < 26 else f"({count + 1})"


def _families(scores: pd.DataFrame) -> tuple[list[tuple], list[str], list[np.ndarray]]:
    """Return each family's key and its losses, blocks x strategies.

    NaN where a run is missing; what differs by rounding is `tied`.
    """
    scores = scores[scores["strategy"].notna() & scores["budget"].notna() & ~scores["model"].isin(FLOORS)]
    scores = scores.dropna(subset=["value"])
    if scores.empty:
        return [], [], []
    losses = scores[[*FAMILY, *RUN, "strategy"]].copy()
    losses["loss"] = scores["value"].astype(float)
    for name in losses["metric"].unique():
        chosen = losses["metric"] == name
        losses.loc[chosen, "loss"] = METRICS[name].loss(losses.loc[chosen, "loss"])
    wide = losses.set_index([*FAMILY, *RUN, "strategy"])["loss"].unstack("strategy").sort_index()
    # The mean over the budgets: of runs that have them all.
    over = wide.groupby(["dataset", "model", "metric", *RUN], sort=True)
    budgets = losses.groupby(["dataset", "model", "metric"])["budget"].nunique()
    counts = over.count()
    wanted = budgets.reindex(counts.index.droplevel(RUN)).to_numpy()
    means = over.mean().where(counts.to_numpy() == wanted[:, None])
    means = pd.concat({None: means}, names=["budget"]).reorder_levels([*FAMILY, *RUN])
    whole = pd.concat([wide, means])
    keys, values = [], []
    for family, rows in whole.groupby(FAMILY, sort=False, dropna=False):
        keys.append(family)
        values.append(rows.to_numpy())
    datasets: dict[tuple, list[np.ndarray]] = {}
    for (_, *rest), losses_of in zip(keys, values, strict=True):
        common = losses_of[:, ~np.isnan(losses_of).all(axis=0)]
        complete = ~np.isnan(common).any(axis=1)
        datasets.setdefault(tuple(rest), []).append(
            losses_of[complete].mean(axis=0) if complete.any() else np.full(losses_of.shape[1], np.nan)
        )
    for rest, of_datasets in datasets.items():
        if len(of_datasets) > 1:
            keys.append((None, *rest))
            values.append(np.array(of_datasets))
    return keys, list(wide.columns), [tied(losses_of) for losses_of in values]


def _pairs(keys: list[tuple], strategies: list[str], values: list[np.ndarray]) -> pd.DataFrame:
    """Compare every two strategies of each family over the blocks that both have."""
    of_pair = np.array(list(combinations(range(len(strategies)), 2)), dtype=int).reshape(-1, 2)
    parts = [
        pd.DataFrame({"family": place, "pair": pair} | found)
        for place, pair, found in _pair_tests(values, of_pair)
    ]
    names = ["strategy", "other", "better", "difference", "effect_size", "n_pairs", "p", "p_holm"]
    if not parts:
        return _table([], names)
    table = pd.concat(parts, ignore_index=True).sort_values(["family", "pair"], ignore_index=True)
    table["p_holm"] = np.nan
    if table["p"].notna().any():
        table["p_holm"] = table.groupby("family")["p"].transform(lambda p: holm(p.to_numpy()))
    for place, column in enumerate(FAMILY):
        table[column] = np.array([key[place] for key in keys], dtype=object)[table["family"]]
    labels = np.array(strategies, dtype=object)
    table["strategy"], table["other"] = (labels[of_pair[table["pair"], side]] for side in (0, 1))
    table["better"] = table["metric"].map({name: metric.better for name, metric in METRICS.items()})
    # Losses of a metric that is better when higher are its negatives.
    table.loc[table["better"] == "higher", ["difference", "effect_size"]] *= -1
    table[["difference", "effect_size"]] += 0.0  # no minus zero
    return _table(table[[*FAMILY, *names]], names)


def _pair_tests(values: list[np.ndarray], of_pair: np.ndarray) -> Iterator[tuple]:
    """Test pairs with the same number of common blocks together."""
    by_blocks: dict[int, list[int]] = {}
    for place, losses in enumerate(values):
        by_blocks.setdefault(len(losses), []).append(place)
    for places in by_blocks.values():
        losses = np.stack([values[place] for place in places])
        differences = losses[:, :, of_pair[:, 0]] - losses[:, :, of_pair[:, 1]]
        differences = differences.transpose(0, 2, 1).reshape(-1, losses.shape[1])
        counts = (~np.isnan(differences)).sum(axis=1)
        for count in np.unique(counts[counts > 0]):
            rows = np.flatnonzero(counts == count)
            compared = differences[rows]
            compared = compared[~np.isnan(compared)].reshape(len(rows), count)
            yield (
                np.array(places)[rows // len(of_pair)],
                rows % len(of_pair),
                {
                    "difference": compared.mean(axis=1),
                    "effect_size": rank_biserial(compared) if count > 1 else np.nan,
                    "n_pairs": count,
                    "p": wilcoxon_p(compared),
                },
            )


def _table(rows: list | pd.DataFrame, names: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=[*FAMILY, *names])
    return ordered(table, ["dataset", "model", "budget"])
