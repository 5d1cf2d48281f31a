"""The table ``summary``: the best strategy of each model, and what beats the network."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from perturbselect.scores.metrics import METRICS
from perturbselect.scores.references import beside_references
from perturbselect.scores.score import CEILING, FLOORS
from perturbselect.scores.statistics import tied

HEADLINE = "pearson_delta_perturbed_ref"


def summary(
    curves: pd.DataFrame,
    differences: pd.DataFrame,
    *,
    metrics: Iterable[str] = (HEADLINE, "mse"),
    network: str | None = "gears",
    simple: Iterable[str] | None = None,
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
    simple : iterable of str, optional
        Labels of the simple models, floors among them; default: all but the network.

    Returns
    -------
    DataFrame
        Table ``summary``: dataset, metric, model, budget, n_selected, strategy, mean, low, high,
        n_runs, n_strategies, baseline, difference, difference_low, difference_high, n_pairs, p_holm
        (as in ``comparisons``), beaten_by (labels joined by commas, else empty), and the columns of
        `beside_references`. Strategy, budget, n_selected and n_strategies are empty for the floors.
    """
    references = curves
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
            group = _at_largest_budget(group)
            count = group["strategy"].nunique()
            loss = tied(rule.loss(group["mean"].to_numpy(float))[None])[0]
            group = group.assign(loss=loss, n_strategies=count or np.nan)
            group = group.sort_values(["loss", "strategy"])
            best.append(group.head(1))
    columns = [
        "dataset", "metric", "model", "budget", "n_selected", "strategy", "mean", "low", "high", "n_runs",
        "n_strategies", "baseline", "difference", "difference_low", "difference_high", "n_pairs", "p_holm",
        "beaten_by",
    ]  # fmt: skip
    if not best:
        return beside_references(pd.DataFrame(columns=columns), references, "mean")
    table = pd.concat(best, ignore_index=True).astype({"strategy": object, "budget": object})
    table = table.merge(compared.astype({"strategy": object, "budget": object}), on=keys, how="left")
    table = table.astype({"n_strategies": "Int64", "n_pairs": "Int64"})
    table["beaten_by"] = None
    for _, group in table.groupby(["dataset", "metric"], sort=False):
        own = group.loc[group["model"] == network, "loss"]
        plain = group["model"] != network if simple is None else group["model"].isin(list(simple))
        better = group[plain & (group["loss"] < own.min())]
        if len(better):
            table.loc[own.index, "beaten_by"] = ",".join(better.sort_values("loss")["model"])
    table = table[columns].sort_values(["dataset", "metric"], kind="stable", ignore_index=True)
    return beside_references(table, references, "mean")


def _at_largest_budget(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the budget with the most picks; floors have none, and stay.

    By its label: strategies that run out of money or candidates pick fewer for the same budget. Budgets
    with the same largest size are told apart by their mean size, then the later row wins.
    """
    sizes = curves.groupby("budget", sort=False)["n_selected"].agg(["max", "mean"])
    if sizes.empty:
        return curves
    return curves[curves["budget"] == sizes.sort_values(["max", "mean"], kind="stable").index[-1]]


def simple_models(labels: Iterable[str]) -> list[str]:
    """Return the labels of a study's models that are no neural networks, and of the floors.

    Parameters
    ----------
    labels : iterable of str
        Labels of those models in the study.
    """
    return list(dict.fromkeys([*labels, *FLOORS]))
