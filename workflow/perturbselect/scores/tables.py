"""The tables of a study: scores of runs, learning curves, comparisons, savings, summary.

All are tidy, one observation a row; ``workflow/schemas/tables`` says what each column holds. A run
is one (split, seed); intervals are 95 % bootstrap intervals over runs, empty with a single run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression

from perturbselect.errors import InputError
from perturbselect.files import read_tsv
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.score import CEILING, RUN_COLUMNS
from perturbselect.scores.statistics import bootstrap_interval, holm, rank_biserial, wilcoxon_p
from perturbselect.seeds import generator

FLOORS = ["control_mean", "training_mean"]
HEADLINE = "pearson_delta_perturbed_ref"
# Registered names; a study may give its models other labels.
SIMPLE_MODELS = ["control_mean", "training_mean", "kernel_ridge"]
NETWORK = "gears"
_RUN = ["split", "seed"]
_INTEGERS = ["split", "seed", "n_selected", "n_perturbations", "undefined"]
_CURVE = ["dataset", "model", "strategy"]


def run_scores(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Average the scores of each run over its test perturbations.

    Parameters
    ----------
    frames : iterable of DataFrame
        As from `perturbselect.scores.score` (`score`, `floor` and `ceiling`), each run whole in
        one of them; a generator that reads them one by one keeps memory small.

    Returns
    -------
    DataFrame
        Table ``scores``: the columns that name the run, metric, value (mean over test
        perturbations), n_perturbations, undefined (how many values were).

    Raises
    ------
    InputError
        If there are no scores at all.
    """
    parts = []
    for frame in frames:
        if frame.empty:
            continue
        runs = frame.groupby(RUN_COLUMNS, dropna=False, sort=False)
        frame = frame.assign(n_perturbations=runs["perturbation"].transform("nunique"))
        means = frame.groupby([*RUN_COLUMNS, "metric"], dropna=False, sort=False).agg(
            value=("value", "mean"),
            n_perturbations=("n_perturbations", "first"),
            undefined=("undefined", "sum"),
        )
        parts.append(means.reset_index())
    if not parts:
        raise InputError(
            "the study has no scores: no model made a prediction; check models, strategies and budgets"
        )
    table = pd.concat(parts, ignore_index=True).astype(dict.fromkeys(_INTEGERS, "Int64"))
    return _ordered(table, [*_CURVE, "n_selected", *_RUN])


def read_scores(path: str | os.PathLike) -> pd.DataFrame:
    """Read the table ``scores`` from TSV, in the types that `run_scores` gives it."""
    return read_tsv(path, dtype={"strategy": object, "budget": object} | dict.fromkeys(_INTEGERS, "Int64"))


def read_curves(path: str | os.PathLike) -> pd.DataFrame:
    """Read the table ``learning_curves``, or another with the same keys, from TSV."""
    return read_tsv(path, dtype={"strategy": object, "budget": object})


def _ordered(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Sort by keys, then by the metrics' own order."""
    order = {name: position for position, name in enumerate(METRICS)}
    table = table.assign(_order=table["metric"].map(order)).sort_values([*keys, "_order"], kind="stable")
    return table.drop(columns="_order").reset_index(drop=True)


def _by_number_of_runs(
    table: pd.DataFrame, keys: list[str], value: str
) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """Yield groups that have the same number n of runs: their keys (K rows) and values (K, n)."""
    table = table.dropna(subset=[value]).sort_values([*keys, *_RUN], kind="stable")
    groups = table.groupby(keys, sort=False, dropna=False)
    numbers, size = groups.ngroup().to_numpy(), groups[value].transform("size").to_numpy()
    for count in np.unique(size):
        rows = np.flatnonzero(size == count)
        rows = rows[np.argsort(numbers[rows], kind="stable")]
        yield table.iloc[rows[::count]][keys], table[value].to_numpy(float)[rows].reshape(-1, count)


def _with_intervals(table: pd.DataFrame, keys: list[str], value: str, name: str, seed: int) -> pd.DataFrame:
    """Mean, interval and number of runs of each group."""
    parts = [pd.DataFrame(columns=[*keys, name, "low", "high", "n_runs"])]
    for group, values in _by_number_of_runs(table, keys, value):
        low, high = bootstrap_interval(values, generator(seed, "bootstrap", values.shape[1]))
        columns = {name: values.mean(axis=1), "low": low, "high": high, "n_runs": values.shape[1]}
        parts.append(group.assign(**columns))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def learning_curves(scores: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Average the runs of each dataset, model, strategy, budget and metric.

    The floors (models ``control_mean``, ``training_mean``) and the ceiling (``split_half``, whose
    strategy and budget are empty) are rows like the others.

    Parameters
    ----------
    scores : DataFrame
        Table ``scores``.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        Table ``learning_curves``: dataset, model, strategy, budget, n_selected (mean over runs),
        metric, mean, low, high, n_runs.
    """
    keys = [*_CURVE, "budget", "metric"]
    curves = _with_intervals(scores, keys, "value", "mean", seed)
    selected = scores.groupby(keys, dropna=False, sort=False)["n_selected"].mean().astype(float)
    curves.insert(
        4, "n_selected", curves[keys].merge(selected.reset_index(), on=keys, how="left")["n_selected"]
    )
    return _ordered(curves, [*_CURVE, "n_selected"])


def comparisons(scores: pd.DataFrame, baseline: str | None = "random", *, seed: int = 0) -> pd.DataFrame:
    """Compare each strategy with a baseline over the runs (split, seed) that both have.

    Differences are strategy − baseline in the metric's unit; for a metric with a target (spread
    ratio, calibration) they are differences of the distance to it. Holm's correction runs over
    the strategies of one dataset, model, budget and metric.

    Parameters
    ----------
    scores : DataFrame
        Table ``scores``.
    baseline : str or None
        Label of the strategy to compare with; None: the study has none.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        Table ``comparisons``: dataset, model, strategy, baseline, budget, n_selected, metric,
        better, difference, low, high, effect_size (rank-biserial), n_pairs, p (Wilcoxon; empty
        with fewer than 6 pairs), p_holm. No rows if the baseline is not in the study.
    """
    at = ["dataset", "model", "budget", "metric"]
    scores = scores[scores["strategy"].notna()].copy()
    for name in scores["metric"].unique():
        if METRICS[name].better == "target":
            chosen = scores["metric"] == name
            scores.loc[chosen, "value"] = METRICS[name].loss(scores.loc[chosen, "value"])
    is_baseline = scores["strategy"] == baseline
    pairs = scores[~is_baseline].merge(
        scores.loc[is_baseline, [*at, *_RUN, "value"]], on=[*at, *_RUN], suffixes=("", "_baseline")
    )
    pairs["difference"] = pairs["value"] - pairs["value_baseline"]
    keys = [*_CURVE, "budget", "metric"]
    columns = [
        *_CURVE, "baseline", "budget", "n_selected", "metric", "better", "difference", "low", "high",
        "effect_size", "n_pairs", "p", "p_holm",
    ]  # fmt: skip
    parts = []
    for group, values in _by_number_of_runs(pairs, keys, "difference"):
        count = values.shape[1]
        low, high = bootstrap_interval(values, generator(seed, "bootstrap", count))
        parts.append(
            group.assign(
                difference=values.mean(axis=1),
                low=low,
                high=high,
                effect_size=rank_biserial(values) if count > 1 else np.nan,
                n_pairs=count,
                p=wilcoxon_p(values),
            )
        )
    if not parts:
        return pd.DataFrame(columns=columns)
    table = pd.concat(parts, ignore_index=True)
    table["baseline"] = baseline
    table["better"] = table["metric"].map({name: metric.better for name, metric in METRICS.items()})
    selected = pairs.groupby(keys, sort=False)["n_selected"].mean().astype(float).reset_index()
    table = table.merge(selected, on=keys)
    table["p_holm"] = np.nan
    if table["p"].notna().any():
        table["p_holm"] = table.groupby(at, sort=False)["p"].transform(lambda p: holm(p.to_numpy()))
    return _ordered(table[columns], [*_CURVE, "n_selected"])


def area_under_curve(scores: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Average each run's score over the budgets, then over runs.

    The axis is the study's list of budgets, each with the same weight. Runs that lack one of
    their curve's budgets are left out, since their mean would be one over other budgets.

    Parameters
    ----------
    scores : DataFrame
        Table ``scores``.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        Table ``areas``: dataset, model, strategy, metric, area, low, high, n_runs, n_budgets.
    """
    scores = scores[scores["strategy"].notna() & scores["budget"].notna()].dropna(subset=["value"])
    keys = [*_CURVE, "metric"]
    runs = scores.groupby([*keys, *_RUN], sort=False)["value"].agg(["mean", "size"]).reset_index()
    budgets = scores.groupby(keys, sort=False)["budget"].nunique().rename("n_budgets").reset_index()
    runs = runs.merge(budgets, on=keys)
    table = _with_intervals(runs[runs["size"] == runs["n_budgets"]], keys, "mean", "area", seed)
    return _ordered(table.merge(budgets, on=keys), _CURVE)


def _reached(loss: np.ndarray, n_selected: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where falling loss curves (R, B) first reach the wanted losses (R,), and the bounds.

    The bound is 1 where a curve never gets there, −1 where it starts below, else 0.
    """
    rows = np.arange(len(loss))
    below = loss <= wanted[:, None]
    never, first = ~below.any(axis=1), below.argmax(axis=1)
    before = np.maximum(first - 1, 0)
    drop = loss[rows, before] - loss[rows, first]
    share = np.where(drop > 0, (loss[rows, before] - wanted) / np.where(drop > 0, drop, 1), 0)
    number = n_selected[before] + share * (n_selected[first] - n_selected[before])
    bound = never.astype(int) - (~never & (first == 0) & (loss[:, 0] < wanted))
    return np.where(never, n_selected[-1], number), bound


def data_saving(
    scores: pd.DataFrame, baseline: str | None = "random", *, resamples: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Data-saving factor: how many times more random perturbations reach the same score.

    ``DSF(B) = N_random(e_s(B)) / B``. N_random inverts the baseline's mean curve, made monotone
    by isotonic regression and interpolated linearly between budgets. Beyond the curve's ends only
    a bound is known: ``> x`` or ``< x``. The interval resamples the runs (split, seed), the same
    ones for strategy and baseline; a bound counts as the number it names.

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
        factor, bound (``>``, ``<`` or empty), low, high, n_runs. Metrics with a target and
        models without a strategy are left out.
    """
    columns = [
        *_CURVE, "baseline", "budget", "n_selected", "metric", "factor", "bound", "low", "high", "n_runs"
    ]  # fmt: skip
    directed = [name for name, metric in METRICS.items() if metric.better != "target"]
    scores = scores[
        scores["strategy"].notna() & scores["metric"].isin(directed) & ~scores["model"].isin(FLOORS)
    ]
    rows = []
    for (dataset, model, metric), group in scores.groupby(["dataset", "model", "metric"], sort=False):
        group = group.assign(loss=METRICS[metric].loss(group["value"]))
        size = group.groupby(["strategy", "budget"])["n_selected"].mean().astype(float)
        # One table a strategy, runs x budgets; only runs that have every budget can be resampled.
        losses = {
            name: part.pivot(index=_RUN, columns="budget", values="loss").astype(float).dropna()
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
                low, high = np.quantile(factor[1:], [0.025, 0.975]) if len(runs) > 1 else (np.nan, np.nan)
                rows.append(
                    [dataset, model, strategy, baseline, budget, size[strategy, budget], metric,
                     factor[0], {1: ">", -1: "<"}.get(bound[0]), low, high, len(runs)]
                )  # fmt: skip
    return _ordered(pd.DataFrame(rows, columns=columns), [*_CURVE, "n_selected"])


def simple_models(registered: Mapping[str, str]) -> list[str]:
    """Return the labels of a study's simple models, and of the floors.

    Parameters
    ----------
    registered : mapping of str to str
        Registered name of each model, by its label in the study.
    """
    labels = [label for label, name in registered.items() if name in SIMPLE_MODELS]
    return labels + [floor for floor in FLOORS if floor not in labels]


def summary(
    curves: pd.DataFrame,
    differences: pd.DataFrame,
    *,
    metrics: Iterable[str] = (HEADLINE, "mse"),
    network: str | None = NETWORK,
    simple: Iterable[str] = SIMPLE_MODELS,
) -> pd.DataFrame:
    """State, for each dataset and model, the best strategy at the largest budget.

    The best is picked by the same test scores that the row then shows, so they flatter it;
    ``n_strategies`` says of how many it is the best. Where a simple model's best strategy is
    better than the network's, the network's row names it in ``beaten_by``: that belongs on the
    report's first page.

    Parameters
    ----------
    curves, differences : DataFrame
        Tables ``learning_curves`` and ``comparisons``.
    metrics : iterable of str
        Metrics to judge by, the headline first.
    network : str or None
        Label of the graph neural network; None: the study has none.
    simple : iterable of str
        Labels of the simple models, floors among them.

    Returns
    -------
    DataFrame
        Table ``summary``: dataset, metric, model, budget, n_selected, strategy, mean, low, high,
        n_runs, n_strategies, baseline, difference, difference_low, difference_high, n_pairs, p_holm
        (as in ``comparisons``), beaten_by (labels joined by commas, else empty). Strategy, budget,
        n_selected and n_strategies are empty for the floors.
    """
    trained = curves.loc[curves["strategy"].notna(), "model"].unique()
    curves = curves[curves["model"] != CEILING]
    # The floors stand in where the study does not train those models.
    curves = curves[curves["strategy"].notna() | ~curves["model"].isin(trained)]
    keys = ["dataset", "model", "strategy", "budget", "metric"]
    compared = differences[[*keys, "baseline", "difference", "low", "high", "n_pairs", "p_holm"]].rename(
        columns={"low": "difference_low", "high": "difference_high"}
    )
    best = []
    for metric in metrics:
        rule = METRICS[metric]
        of_metric = curves[curves["metric"] == metric]
        for _, group in of_metric.groupby(["dataset", "model"], sort=False):
            size = group["n_selected"].fillna(0)
            group = group[size == size.max()]
            count = group["strategy"].nunique()
            group = group.assign(loss=rule.loss(group["mean"]), n_strategies=count or np.nan)
            group = group.sort_values(["loss", "strategy"])
            best.append(group.head(1))
    columns = [
        "dataset", "metric", "model", "budget", "n_selected", "strategy", "mean", "low", "high", "n_runs",
        "n_strategies", "baseline", "difference", "difference_low", "difference_high", "n_pairs", "p_holm",
        "beaten_by",
    ]  # fmt: skip
    if not best:
        return pd.DataFrame(columns=columns)
    table = pd.concat(best, ignore_index=True).merge(compared, on=keys, how="left")
    table = table.astype({"n_strategies": "Int64", "n_pairs": "Int64"})
    table["beaten_by"] = None
    for _, group in table.groupby(["dataset", "metric"], sort=False):
        own = group.loc[group["model"] == network, "loss"]
        better = group[group["model"].isin(list(simple)) & (group["loss"] < own.min())]
        if len(better):
            table.loc[own.index, "beaten_by"] = ",".join(better.sort_values("loss")["model"])
    return table[columns].sort_values(["dataset", "metric"], kind="stable", ignore_index=True)
