"""Means over runs with their 95 % bootstrap intervals; a single run has no interval."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from perturbselect.scores.runs import RUN
from perturbselect.scores.statistics import bootstrap_interval
from perturbselect.seeds import generator


def by_number_of_runs(
    table: pd.DataFrame, keys: list[str], value: str
) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """Yield groups that have the same number n of runs: their keys (K rows) and values (K, n)."""
    table = table.dropna(subset=[value]).sort_values([*keys, *RUN], kind="stable")
    groups = table.groupby(keys, sort=False, dropna=False)
    numbers, size = groups.ngroup().to_numpy(), groups[value].transform("size").to_numpy()
    for count in np.unique(size):
        rows = np.flatnonzero(size == count)
        rows = rows[np.argsort(numbers[rows], kind="stable")]
        yield table.iloc[rows[::count]][keys], table[value].to_numpy(float)[rows].reshape(-1, count)


def with_intervals(table: pd.DataFrame, keys: list[str], value: str, name: str, seed: int) -> pd.DataFrame:
    """Mean, interval and number of runs of each group."""
    parts = [pd.DataFrame(columns=[*keys, name, "low", "high", "n_runs"])]
    for group, values in by_number_of_runs(table, keys, value):
        low, high = bootstrap_interval(values, generator(seed, "bootstrap", values.shape[1]))
        columns = {name: values.mean(axis=1), "low": low, "high": high, "n_runs": values.shape[1]}
        parts.append(group.assign(**columns))
    return pd.concat(parts[1:] or parts, ignore_index=True)
