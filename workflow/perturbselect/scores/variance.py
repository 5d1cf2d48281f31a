"""The table ``variance``: how much of the scores' variance splits, selections and trainings bring in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from perturbselect.scores.runs import CURVE, ordered

_AT = [*CURVE, "budget", "metric"]
COLUMNS = [
    *CURVE, "budget", "n_selected", "metric", "component", "variance", "share", "n_splits", "n_runs"
]  # fmt: skip
SPLIT, SELECTION, TRAINING = "split", "selection", "training"
SEED = "selection and training"
ALL = "split, selection and training"
Selections = Mapping[tuple[str, str, int, int], Sequence[str]]


def variance(scores: pd.DataFrame, selections: Selections) -> pd.DataFrame:
    """Decompose the variance of a score over runs into split, selection and training.

    Our definition, by the analysis of variance of a one-way random model (Searle, Casella and McCulloch
    1992): runs of one split differ by seed, splits by their means. Within, runs of one strategy and split
    that picked **the same set** differ by training alone: their variance, pooled over the strategies of a
    dataset, model, budget and metric, is the training's, and the rest of the variance within splits the
    selection's. A negative estimate counts as 0.

    Parameters
    ----------
    scores : DataFrame
        Table ``scores``.
    selections : mapping of (dataset, strategy, split, seed) to sequence of str
        What the run picked, in order, without what was measured already.

    Returns
    -------
    DataFrame
        Table ``variance``: dataset, model, strategy, budget, n_selected, metric, component, variance,
        share, n_splits, n_runs. What the runs cannot tell apart is one component: ``selection and
        training`` where no two seeds picked the same set, ``split, selection and training`` with one
        seed a split. One run has no rows.
    """
    runs = scores[scores["strategy"].notna() & scores["seed"].notna()].dropna(subset=["value"])
    if runs.empty:
        return pd.DataFrame(columns=COLUMNS)
    runs = runs[[*_AT, "split", "seed", "n_selected", "value"]].astype({"value": float})
    runs = runs.merge(
        _picked_sets(runs, selections), on=["dataset", "strategy", "split", "seed", "n_selected"]
    )
    between, within = _squares(runs, [*_AT, "split"], _AT)
    training = _squares(runs, [*_AT, "split", "picked"], ["dataset", "model", "budget", "metric"])[1]
    training = training["squares"] / training["freedom"].where(training["freedom"] > 0)
    found = runs.groupby(_AT, sort=False).agg(
        n_selected=("n_selected", "mean"),
        n_splits=("split", "nunique"),
        n_runs=("value", "size"),
        n_sets=("picked", "nunique"),
    )
    found["within"] = within["squares"] / within["freedom"].where(within["freedom"] > 0)
    found["between"] = between["squares"] / between["freedom"].where(between["freedom"] > 0)
    found["runs_of_a_split"] = between["runs_of_a_split"]
    found = found[found["n_runs"] > 1].reset_index()
    training = training.rename("training").reset_index()
    found = found.merge(training, on=["dataset", "model", "budget", "metric"], how="left")
    rows = []
    for row in found.to_dict("records"):
        parts = _components(row)
        total = sum(parts.values())
        rows += [
            {**row, "component": name, "variance": value, "share": value / total if total > 0 else np.nan}
            for name, value in parts.items()
        ]
    return ordered(pd.DataFrame(rows, columns=COLUMNS), [*CURVE, "n_selected"])


def _components(row: Mapping) -> dict[str, float]:
    """Split one curve's variance at one budget by what its runs can tell."""
    if np.isnan(row["within"]):
        return {ALL: row["between"]}
    parts = {}
    if not np.isnan(row["between"]):
        parts[SPLIT] = max(0.0, (row["between"] - row["within"]) / row["runs_of_a_split"])
    if row["n_sets"] == row["n_splits"]:  # every seed of a split picked the same
        return parts | {SELECTION: 0.0, TRAINING: row["within"]}
    if np.isnan(row["training"]):
        return parts | {SEED: row["within"]}
    training = min(row["training"], row["within"])
    return parts | {SELECTION: row["within"] - training, TRAINING: training}


def _squares(runs: pd.DataFrame, cell: list[str], family: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return sums of squares and degrees of freedom between the cells of a family, and within them."""
    cells = runs.groupby(cell, sort=False)["value"].agg(["size", "mean", "var"]).reset_index()
    cells["squares"] = cells["var"].fillna(0) * (cells["size"] - 1)
    cells["freedom"] = cells["size"] - 1
    within = cells.groupby(family, sort=False)[["squares", "freedom"]].sum()
    cells["sum"], cells["size2"] = cells["size"] * cells["mean"], cells["size"] ** 2
    groups = cells.groupby(family, sort=False)
    cells["grand"] = groups["sum"].transform("sum") / groups["size"].transform("sum")
    cells["squares"] = cells["size"] * (cells["mean"] - cells["grand"]) ** 2
    groups = cells.groupby(family, sort=False)
    between = groups.agg(squares=("squares", "sum"), n=("size", "sum"), n2=("size2", "sum"))
    between["freedom"] = groups["mean"].count() - 1
    # Runs of a split, were they all equally many (Searle's n0).
    freedom = between["freedom"].where(between["freedom"] > 0)
    between["runs_of_a_split"] = (between["n"] - between["n2"] / between["n"]) / freedom
    return between, within


def _picked_sets(runs: pd.DataFrame, selections: Selections) -> pd.DataFrame:
    """Name the set that each run had picked at each budget: ``split`` and its genes."""
    keys = ["dataset", "strategy", "split", "seed", "n_selected"]
    table = runs[keys].drop_duplicates()
    table["picked"] = [
        _name(split, selections.get((dataset, strategy, split, seed)), size)
        for dataset, strategy, split, seed, size in table.itertuples(index=False)
    ]
    # A run whose picks are not known shares them with no other.
    unknown = table["picked"].isna()
    table.loc[unknown, "picked"] = [f"unknown {place}" for place in range(unknown.sum())]
    return table


def _name(split: int, picks: Iterable[str] | None, size: int) -> str | None:
    return None if picks is None else f"{split}: {' '.join(sorted(list(picks)[:size]))}"
