"""The tables ``scores`` (one row a run and metric) and ``missing_runs``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import pandas as pd

from perturbselect.errors import InputError
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.score import RUN_COLUMNS
from perturbselect.table_schema import read_table

RUN = ["split", "seed"]
CURVE = ["dataset", "model", "strategy"]
_INTEGERS = ["split", "seed", "n_selected", "n_perturbations", "undefined"]


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
        frame = frame[frame["metric"].isin(METRICS)]
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
    return ordered(table, [*CURVE, "n_selected", *RUN])


def missing_runs(runs: Iterable[Mapping[str, object]]) -> pd.DataFrame:
    """List runs without scores, and where to read why.

    Parameters
    ----------
    runs : iterable of mapping
        dataset, model, strategy, split, seed, and log, the log of the run's training.

    Returns
    -------
    DataFrame
        Table ``missing_runs``: these columns.
    """
    return pd.DataFrame(list(runs), columns=[*CURVE, *RUN, "log"]).astype(dict.fromkeys(RUN, "Int64"))


def read_scores(path: str | os.PathLike) -> pd.DataFrame:
    """Read the table ``scores`` from TSV, in the types that `run_scores` gives it."""
    return read_table("scores", path).astype(dict.fromkeys(_INTEGERS, "Int64"))


def ordered(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Sort by keys, then by the metrics' own order."""
    order = {name: position for position, name in enumerate(METRICS)}
    table = table.assign(_order=table["metric"].map(order)).sort_values([*keys, "_order"], kind="stable")
    return table.drop(columns="_order").reset_index(drop=True)
