"""The table ``risk_coverage``: error when the least certain predictions are left out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from perturbselect.scores.intervals import with_intervals
from perturbselect.scores.runs import CURVE
from perturbselect.scores.score import PREDICTED_VARIANCE, RUN_COLUMNS

SHARES = np.arange(1, 11) / 10  # of the test perturbations that are kept
ORDERS = ("predicted", "ideal", "random")


def risk_curve(error: np.ndarray, uncertainty: np.ndarray) -> np.ndarray:
    """Mean error of the k most certain predictions, for every k.

    Predictions that are equally certain share their error, i.e. the value is the expectation over
    all orders of the ties: no seed and no order of rows decides. With ``uncertainty = error`` it is
    the ideal curve, with a constant one the mean error everywhere: a random order, in expectation.
    Source: El-Yaniv & Wiener 2010 (risk-coverage curve); the rule for ties is ours.

    Parameters
    ----------
    error, uncertainty : ndarray of float, shape (T,)
        Of T test perturbations.

    Returns
    -------
    ndarray of float, shape (T,)
        Entry k − 1 keeps k; its mean over k is the area under the curve (Geifman et al. 2019: AURC).
    """
    _, group = np.unique(uncertainty, return_inverse=True)
    shared = np.bincount(group, error) / np.bincount(group)
    return np.cumsum(shared[np.sort(group)]) / np.arange(1, len(error) + 1)


def risk_coverage(scores: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Compute the risk-coverage curves of all models that give a variance, averaged over runs.

    Risk is ``mse``; predictions are ordered by their mean predicted variance over genes.

    Parameters
    ----------
    scores : DataFrame
        Table ``perturbation_scores``; needs ``mse`` and ``predicted_variance``.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        Table ``risk_coverage``: dataset, model, strategy, budget, n_selected (mean over runs), order
        (`ORDERS`), coverage (`SHARES`; at least one perturbation is kept), risk, low, high, area,
        n_runs. No rows if no model gives a variance.
    """
    runs = [column for column in RUN_COLUMNS if column != "n_selected"]
    wide = _both(scores, [*runs, "n_selected", "perturbation"])
    rows = []
    for run, of_run in wide.groupby([*runs, "n_selected"], sort=False):
        error = of_run["mse"].to_numpy(float)
        variance = of_run[PREDICTED_VARIANCE].to_numpy(float)
        for order, uncertainty in zip(ORDERS, (variance, error, np.zeros(len(error))), strict=True):
            curve = risk_curve(error, uncertainty)
            kept = np.maximum(np.round(SHARES * len(curve)).astype(int), 1)
            rows += [
                (*run, order, share, curve[k - 1], curve.mean())
                for share, k in zip(SHARES, kept, strict=True)
            ]
    table = pd.DataFrame(rows, columns=[*runs, "n_selected", "order", "coverage", "risk", "area"])
    keys = [*CURVE, "budget", "order", "coverage"]
    averaged = with_intervals(table, keys, "risk", "risk", seed)
    others = table.groupby(keys, sort=False)[["n_selected", "area"]].mean().astype(float).reset_index()
    averaged = averaged.merge(others, on=keys)
    averaged["_order"] = averaged["order"].map(ORDERS.index)
    averaged = averaged.sort_values([*CURVE, "n_selected", "_order", "coverage"], ignore_index=True)
    columns = [*CURVE, "budget", "n_selected", "order", "coverage", "risk", "low", "high", "area", "n_runs"]
    return averaged[columns]


def _both(scores: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return error and variance of each perturbation of each run that has both, side by side."""
    error, variance = (scores[scores["metric"] == name] for name in ("mse", PREDICTED_VARIANCE))
    both = error.merge(variance[[*keys, "value"]], on=keys, suffixes=("", "_variance"))
    return both.rename(columns={"value": "mse", "value_variance": PREDICTED_VARIANCE})
