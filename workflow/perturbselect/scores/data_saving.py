"""The table ``data_saving``: how many times more random perturbations reach the same score."""

from __future__ import annotations

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
    rows = []
    for (dataset, model, metric), group in scores.groupby(["dataset", "model", "metric"], sort=False):
        group = group.assign(loss=METRICS[metric].loss(group["value"]))
        size = group.groupby(["strategy", "budget"])["n_selected"].mean().astype(float)
        # One table a strategy, runs x budgets; only runs that have every budget can be resampled.
        losses = {
            name: part.pivot(index=RUN, columns="budget", values="loss").astype(float).dropna()
            for name, part in group.groupby("strategy")
        }
        if baseline not in losses:
            continue
        n_baseline = size[baseline].sort_values()
        random = losses[baseline][n_baseline.index]
        monotone: dict[tuple, tuple[np.ndarray, np.ndarray]] = {}  # by the runs in common
        for strategy, curve in losses.items():
            runs = curve.index.intersection(random.index)
            if strategy == baseline or runs.empty:
                continue
            if tuple(runs) not in monotone:
                draws = generator(seed, "data_saving", len(runs)).integers(
                    len(runs), size=(resamples, len(runs))
                )
                draws = np.vstack([np.arange(len(runs)), draws])  # the first: all runs as they are
                means = random.loc[runs].to_numpy()[draws].mean(axis=1)
                fits = [isotonic_regression(mean, increasing=False).x for mean in means]
                monotone[tuple(runs)] = draws, np.array(fits)
            draws, falling = monotone[tuple(runs)]
            for budget in curve:
                wanted = curve.loc[runs, budget].to_numpy()[draws].mean(axis=1)
                number, bound = _reached(falling, n_baseline.to_numpy(), wanted)
                factor = number / size[strategy, budget]
                low, low_bound, high, high_bound = _interval(factor[1:], bound[1:], len(runs))
                rows.append(
                    [dataset, model, strategy, baseline, budget, size[strategy, budget], metric,
                     factor[0], SIGN.get(bound[0]), low, low_bound, high, high_bound, len(runs)]
                )  # fmt: skip
    table = ordered(pd.DataFrame(rows, columns=columns), [*CURVE, "n_selected"])
    return beside_references(table, references)


def _interval(
    factor: np.ndarray, bound: np.ndarray, runs: int
) -> tuple[float, str | None, float, str | None]:
    """Both ends of the interval over resampled factors (R,), each with its sign if it is a bound."""
    if runs == 1:
        return np.nan, None, np.nan, None
    ends: list = []
    for share in (0.025, 0.975):
        # It lies between two resamples. Those beyond the curve are the largest, those before it the least.
        place = share * (len(factor) - 1)
        over = np.ceil(place) >= len(factor) - np.sum(bound == 1)
        under = np.floor(place) < np.sum(bound == -1)
        ends += [np.quantile(factor, share), SIGN.get(int(over) - int(under))]
    return tuple(ends)


def _reached(loss: np.ndarray, n_selected: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where falling loss curves (R, B) first reach the wanted losses (R,), and the bounds.

    The bound is 1 where a curve never gets there, −1 where it starts below, else 0.
    """
    rows = np.arange(len(loss))
    rounding = ROUNDING * np.abs(loss).max(axis=1)
    below = loss <= (wanted + rounding)[:, None]
    never, first = ~below.any(axis=1), below.argmax(axis=1)
    before = np.maximum(first - 1, 0)
    drop = loss[rows, before] - loss[rows, first]
    share = np.where(drop > 0, (loss[rows, before] - wanted) / np.where(drop > 0, drop, 1), 0)
    number = n_selected[before] + np.clip(share, 0, 1) * (n_selected[first] - n_selected[before])
    bound = never.astype(int) - (~never & (first == 0) & (loss[:, 0] < wanted - rounding))
    return np.where(never, n_selected[-1], number), bound
