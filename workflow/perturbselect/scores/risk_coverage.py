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
    error, uncertainty : ndarray of float, shape (..., T)
        Of T test perturbations; a curve for each leading index.

    Returns
    -------
    ndarray of float, shape (..., T)
        Entry k − 1 keeps k; its mean over k is the area under the curve (Geifman et al. 2019: AURC).
    """
    order = np.argsort(uncertainty, axis=-1, kind="stable")
    ascending = np.take_along_axis(uncertainty, order, axis=-1)
    first = np.ones(ascending.shape, bool)  # of those that are equally certain
    first[..., 1:] = ascending[..., 1:] != ascending[..., :-1]
    group = np.cumsum(first) - 1
    shared = np.bincount(group, np.take_along_axis(error, order, axis=-1).ravel()) / np.bincount(group)
    return np.cumsum(shared[group].reshape(error.shape), axis=-1) / np.arange(1, error.shape[-1] + 1)


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
    runs = [*(column for column in RUN_COLUMNS if column != "n_selected"), "n_selected"]
    wide = _both(scores, [*runs, "perturbation"])
    parts = [pd.DataFrame(columns=[*runs, "order", "coverage", "risk", "area"])]
    # Runs with the same number of test perturbations together.
    groups = wide.groupby(runs, sort=False)
    number, size = groups.ngroup().to_numpy(), groups["mse"].transform("size").to_numpy()
    for count in np.unique(size):
        of_size = wide.iloc[np.flatnonzero(size == count)[np.argsort(number[size == count], kind="stable")]]
        error, variance = (
            of_size[name].to_numpy(float).reshape(-1, count) for name in ("mse", PREDICTED_VARIANCE)
        )
        kept = np.maximum(np.round(SHARES * count).astype(int), 1)
        of_run = of_size.iloc[::count][runs].loc[lambda rows: rows.index.repeat(len(SHARES))]
        for order, uncertainty in zip(ORDERS, (variance, error, np.zeros_like(error)), strict=True):
            curve = risk_curve(error, uncertainty)
            parts.append(
                of_run.assign(
                    order=order,
                    coverage=np.tile(SHARES, len(curve)),
                    risk=curve[:, kept - 1].ravel(),
                    area=curve.mean(axis=1).repeat(len(SHARES)),
                )
            )
    table = pd.concat(parts[1:] or parts, ignore_index=True)
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
