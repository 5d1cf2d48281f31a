"""The tables ``learning_curves`` and ``areas``: scores over budgets, averaged over runs."""

from __future__ import annotations

import pandas as pd

from perturbselect.scores.intervals import with_intervals
from perturbselect.scores.references import beside_references
from perturbselect.scores.runs import CURVE, RUN, ordered


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
    keys = [*CURVE, "budget", "metric"]
    text = {"strategy": object, "budget": object}  # also where all are empty
    curves = with_intervals(scores, keys, "value", "mean", seed).astype(text)
    selected = scores.groupby(keys, dropna=False, sort=False)["n_selected"].mean().astype(float)
    selected = selected.reset_index().astype(text)
    curves.insert(4, "n_selected", curves[keys].merge(selected, on=keys, how="left")["n_selected"])
    return ordered(curves, [*CURVE, "n_selected"])


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
        Table ``areas``: dataset, model, strategy, metric, area, low, high, n_runs, n_budgets,
        and the columns of `beside_references`.
    """
    references = scores
    scores = scores[scores["strategy"].notna() & scores["budget"].notna()].dropna(subset=["value"])
    keys = [*CURVE, "metric"]
    runs = scores.groupby([*keys, *RUN], sort=False)["value"].agg(["mean", "size"]).reset_index()
    budgets = scores.groupby(keys, sort=False)["budget"].nunique().rename("n_budgets").reset_index()
    runs = runs.merge(budgets, on=keys)
    table = with_intervals(runs[runs["size"] == runs["n_budgets"]], keys, "mean", "area", seed)
    return beside_references(ordered(table.merge(budgets, on=keys), CURVE), references)
