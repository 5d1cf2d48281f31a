"""The table ``comparisons``: each strategy against the baseline, run by run."""

from __future__ import annotations

import numpy as np
import pandas as pd

from perturbselect.scores.intervals import by_number_of_runs
from perturbselect.scores.metrics import METRICS, ROUNDING
from perturbselect.scores.references import beside_references
from perturbselect.scores.runs import CURVE, RUN, ordered
from perturbselect.scores.statistics import bootstrap_interval, holm, rank_biserial, wilcoxon_p
from perturbselect.seeds import generator


def comparisons(scores: pd.DataFrame, baseline: str | None = "random", *, seed: int = 0) -> pd.DataFrame:
    """Compare each strategy with a baseline over the runs (split, seed) that both have.

    Differences are strategy − baseline in the metric's unit; for a metric with a target (spread
    ratio, calibration) they are differences of the distance to it. What is rounding against the largest value
    of a dataset, model, budget and metric counts as 0. Holm's correction runs over
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
        with fewer than 6 pairs), p_holm, and the columns of `beside_references`. No rows if the
        baseline is not in the study.
    """
    at = ["dataset", "model", "budget", "metric"]
    references, scores = scores, scores[scores["strategy"].notna()].copy()
    for name in scores["metric"].unique():
        if METRICS[name].better == "target":
            chosen = scores["metric"] == name
            scores.loc[chosen, "value"] = METRICS[name].loss(scores.loc[chosen, "value"])
    is_baseline = scores["strategy"] == baseline
    pairs = scores[~is_baseline].merge(
        scores.loc[is_baseline, [*at, *RUN, "value"]], on=[*at, *RUN], suffixes=("", "_baseline")
    )
    pairs["difference"] = pairs["value"] - pairs["value_baseline"]
    size = (
        pairs[["value", "value_baseline"]]
        .abs()
        .max(axis=1)
        .groupby([pairs[key] for key in at])
        .transform("max")
    )
    pairs.loc[pairs["difference"].abs() <= ROUNDING * size, "difference"] = 0.0
    keys = [*CURVE, "budget", "metric"]
    columns = [
        *CURVE, "baseline", "budget", "n_selected", "metric", "better", "difference", "low", "high",
        "effect_size", "n_pairs", "p", "p_holm",
    ]  # fmt: skip
    parts = []
    for group, values in by_number_of_runs(pairs, keys, "difference"):
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
        return beside_references(pd.DataFrame(columns=columns), references)
    table = pd.concat(parts, ignore_index=True)
    table["baseline"] = baseline
    table["better"] = table["metric"].map({name: metric.better for name, metric in METRICS.items()})
    selected = pairs.groupby(keys, sort=False)["n_selected"].mean().astype(float).reset_index()
    table = table.merge(selected, on=keys)
    table["p_holm"] = np.nan
    if table["p"].notna().any():
        table["p_holm"] = table.groupby(at, sort=False)["p"].transform(lambda p: holm(p.to_numpy()))
    return beside_references(ordered(table[columns], [*CURVE, "n_selected"]), references)
