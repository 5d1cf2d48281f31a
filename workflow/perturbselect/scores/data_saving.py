"""The table ``data_saving``: how many times more random perturbations reach the same score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression

from perturbselect.scores.metrics import METRICS, ROUNDING
from perturbselect.scores.references import beside_references
from perturbselect.scores.runs import CURVE, RUN, ordered
from perturbselect.scores.score import FLOORS
from perturbselect.seeds import generator

SIGN = {1: ">", -1: "<"}


def data_saving(
    scores: pd.DataFrame, baseline: str | None = "random", *, resamples: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Data-saving factor: how many times more random perturbations reach the same score.

    ``DSF(B) = N_random(e_s(B)) / B``. N_random inverts the baseline's mean curve, made monotone
    by isotonic regression and interpolated linearly between budgets. Beyond the curve's ends only
    a bound is known: ``> x`` or ``< x``. The interval resamples the runs (split, seed), the same
    ones for strategy and baseline; a bound counts as the number it names, and an end of the interval that
    rests on one is marked as a bound too.

    Parameters
    ----------
    scores : DataFrame
        Table ``scores``.
    baseline : str or None
        Label of the strategy that is meant by "random"; None: the study has none.
    resamples : int
        Bootstrap resamples.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        Table ``data_saving``: dataset, model, strategy, baseline, budget, n_selected, metric,
        factor, bound (``>``, ``<`` or empty), low, low_bound, high, high_bound, n_runs,
        and the columns of `beside_references`. Metrics with a target and models without
        a strategy are left out.
    """
    columns = [
        *CURVE, "baseline", "budget", "n_selected", "metric", "factor", "bound", "low", "low_bound", "high",
        "high_bound", "n_runs",
    ]  # fmt: skip
    directed = [name for name, metric in METRICS.items() if metric.better != "target"]
    references = scores
    scores = scores[
        scores["strategy"].notna() & scores["metric"].isin(directed) & ~scores["model"].isin(FLOORS)
    ]
    parts = []
    for (dataset, model, metric), group in scores.groupby(["dataset", "model", "metric"], sort=False):
        group = group.assign(loss=METRICS[metric].loss(group["value"]))
        size = group.groupby(["strategy", "budget"])["n_selected"].mean().astype(float)
        losses = _complete_runs(group)
        if baseline not in losses:
            continue
        n_baseline = size[baseline].sort_values()
        random = losses[baseline]
        order = [random.budgets.index(budget) for budget in n_baseline.index]
        # Strategies with the same runs in common with the baseline are resampled together.
        together: dict[tuple, list[str]] = {}
        for strategy, curve in losses.items():
            if strategy != baseline:
                common = set(curve.runs) & set(random.runs)
                together.setdefault(tuple(run for run in random.runs if run in common), []).append(strategy)
        for runs, strategies in together.items():
            if not runs:
                continue
            draws = generator(seed, "data_saving", len(runs)).integers(len(runs), size=(resamples, len(runs)))
            draws = np.vstack([np.arange(len(runs)), draws])  # the first: all runs as they are
            means = random.of(runs)[:, order][draws].mean(axis=1)
            falling = np.array([isotonic_regression(mean, increasing=False).x for mean in means])
            wanted = np.hstack([losses[strategy].of(runs) for strategy in strategies])[draws].mean(axis=1).T
            names = [(strategy, budget) for strategy in strategies for budget in losses[strategy].budgets]
            selected = size[names].to_numpy()
            number, bound = _reached(falling, n_baseline.to_numpy(), wanted)
            factor = number / selected[:, None]
            low, low_bound, high, high_bound = _interval(factor[:, 1:], bound[:, 1:], len(runs))
            found = {
                "dataset": dataset, "model": model, "strategy": [strategy for strategy, _ in names],
                "baseline": baseline, "budget": [budget for _, budget in names], "n_selected": selected,
                "metric": metric, "factor": factor[:, 0], "bound": _signs(bound[:, 0]), "low": low,
                "low_bound": _signs(low_bound), "high": high, "high_bound": _signs(high_bound),
                "n_runs": len(runs),
            }  # fmt: skip
            parts.append(pd.DataFrame(found))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return beside_references(ordered(table[columns], [*CURVE, "n_selected"]), references)


class _Losses(NamedTuple):
    """One strategy's losses, runs x budgets."""

    runs: list[tuple[int, int]]
    budgets: list[str]
    values: np.ndarray

    def of(self, runs: Sequence[tuple[int, int]]) -> np.ndarray:
        """Return the rows of these runs."""
        places = {run: place for place, run in enumerate(self.runs)}
        return self.values[[places[run] for run in runs]]


def _complete_runs(group: pd.DataFrame) -> dict[str, _Losses]:
    """Return the losses of each strategy; only runs that have all its budgets can be resampled."""
    wide = group.pivot(index=["strategy", *RUN], columns="budget", values="loss").astype(float)
    found = {}
    keys, table = wide.index.to_list(), wide.to_numpy()
    for strategy, rows in wide.groupby(level=0).indices.items():
        values = table[rows]
        has = ~np.isnan(values).all(axis=0)
        complete = ~np.isnan(values[:, has]).any(axis=1)
        runs = [keys[row][1:] for row in rows[complete]]
        found[strategy] = _Losses(runs, list(wide.columns[has]), values[complete][:, has])
    return found


def _signs(bounds: np.ndarray) -> np.ndarray:
    return np.array([SIGN.get(int(bound)) for bound in bounds], dtype=object)


def _interval(
    factor: np.ndarray, bound: np.ndarray, runs: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Both ends of the intervals over resampled factors (K, R), each with its sign if it is a bound."""
    ends: list = []
    for share in (0.025, 0.975):
        # It lies between two resamples. Those beyond the curve are the largest, those before it the least.
        place = share * (factor.shape[1] - 1)
        over = np.ceil(place) >= factor.shape[1] - np.sum(bound == 1, axis=1)
        under = np.floor(place) < np.sum(bound == -1, axis=1)
        ends += [np.quantile(factor, share, axis=1), over.astype(int) - under.astype(int)]
    if runs == 1:
        ends = [np.full(len(factor), np.nan), np.zeros(len(factor))] * 2
    return tuple(ends)


def _reached(loss: np.ndarray, n_selected: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where falling loss curves (R, B) first reach wanted losses (K, R), and the bounds, both (K, R).

    The bound is 1 where a curve never gets there, −1 where it starts below, else 0.
    """
    rows = np.arange(len(loss))
    rounding = ROUNDING * np.abs(loss).max(axis=1)
    below = loss <= (wanted + rounding)[..., None]
    never, first = ~below.any(axis=2), below.argmax(axis=2)
    before = np.maximum(first - 1, 0)
    drop = loss[rows, before] - loss[rows, first]
    share = np.where(drop > 0, (loss[rows, before] - wanted) / np.where(drop > 0, drop, 1), 0)
    number = n_selected[before] + np.clip(share, 0, 1) * (n_selected[first] - n_selected[before])
    bound = never.astype(int) - (~never & (first == 0) & (loss[:, 0] < wanted - rounding))
    return np.where(never, n_selected[-1], number), bound
