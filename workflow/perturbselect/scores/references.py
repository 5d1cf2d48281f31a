"""Floors and ceiling as columns, beside the scores that they put in proportion."""

from __future__ import annotations

import pandas as pd

from perturbselect.scores.score import REFERENCES


def beside_references(table: pd.DataFrame, scores: pd.DataFrame, value: str = "value") -> pd.DataFrame:
    """Add the mean scores of both floors and of the ceiling to each row of a table.

    Parameters
    ----------
    table : DataFrame
        Has the columns ``dataset`` and ``metric``.
    scores : DataFrame
        Table ``scores``, or ``learning_curves``; rows without a strategy are the floors and the ceiling.
    value : str
        Its column of scores; those of several splits are averaged.

    Returns
    -------
    DataFrame
        The table, same order, with columns ``control_mean``, ``training_mean`` and ``split_half``
        in the metric's unit; missing where a dataset has no such score.
    """
    known = scores[scores["strategy"].isna() & scores["model"].isin(list(REFERENCES))]
    means = known.groupby(["dataset", "metric", "model"], sort=False)[value].mean().unstack("model")
    means = means.reindex(columns=list(REFERENCES)).astype(float)
    return table.merge(means, left_on=["dataset", "metric"], right_index=True, how="left")
