"""Figure: mean ranks of the strategies, joined where they cannot be told apart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from perturbselect.report.style import message, strategy_styles, styled, title, wrapped
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.summary import HEADLINE

GROUP = re.compile(r"[a-z]|\(\d+\)")  # the letters of the table's column `group`


def plot(
    ranks: pd.DataFrame,
    tests: pd.DataFrame,
    dataset: str | None,
    *,
    strategies: Sequence[str],
    baseline: str | None = "random",
    metrics: Sequence[str] = (HEADLINE, "mse"),
    simulated: bool = False,
    name: str | None = None,
) -> Figure:
    """Draw critical-difference diagrams, a row for each metric, a column for each model.

    Ranks by the mean over the budgets, 1 the best. A bar at the right joins
    strategies whose mean ranks lie less than Nemenyi's critical difference apart, or all of them where
    Friedman's test finds no difference. Where there is no test, no bar is drawn and the panel says why.

    Parameters
    ----------
    ranks, tests : DataFrame
        Tables ``ranks`` and ``strategy_tests``.
    dataset : str or None
        Which dataset (ranks over its runs); None: over all datasets.
    strategies : sequence of str
        All strategies of the study, in the config's order (they fix the colours).
    baseline : str or None
        Label of the strategy that others are compared with: it is black.
    metrics : sequence of str
        Which metrics; those without ranks are left out.
    simulated : bool
        Whether the data are simulated.
    name : str, optional
        What the title calls the dataset; default: its key.

    Returns
    -------
    Figure
        With a line of text only where there is nothing to rank.
    """
    ranks, tests = (
        table[
            table["budget"].isna()
            & (table["dataset"].isna() if dataset is None else table["dataset"] == dataset)
        ]
        for table in (ranks, tests)
    )
    metrics = [metric for metric in metrics if (ranks["metric"] == metric).any()]
    heading = f"Mean ranks of the strategies, {name or dataset or 'over all datasets'}"
    with styled():
        if not metrics:
            return message(heading, "Fewer than two strategies have all budgets: nothing to rank.", simulated)
        models, count = list(ranks["model"].unique()), ranks["strategy"].nunique()
        styles = strategy_styles(strategies, baseline)
        figure = Figure(
            figsize=(max(6.4, 3.6 * len(models)), max(1.9, 0.18 * count + 1.0) * len(metrics) + 0.7),
            layout="constrained",
        )
        axes = figure.subplots(len(metrics), len(models), squeeze=False)
        for row, metric in enumerate(metrics):
            for column, model in enumerate(models):
                axis = axes[row, column]
                of_ranks, of_tests = (
                    table[(table["metric"] == metric) & (table["model"] == model)] for table in (ranks, tests)
                )
                if of_ranks.empty:
                    axis.set_axis_off()
                    continue
                _draw(axis, of_ranks, styles)
                if row == 0:
                    axis.set_title(model)
                axis.set_xlabel(_verdict(of_tests.iloc[0]), fontsize=8)
            axes[row, 0].set_ylabel(wrapped(METRICS[metric].label), fontsize=8)
        figure.supxlabel("mean rank by the mean over all budgets (1: best)", fontsize=9)
        title(figure, heading, simulated)
    return figure


def _draw(axis: Axes, ranks: pd.DataFrame, styles: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw one diagram: a row for each strategy, the best on top, and at the right a bar for each group."""
    ranks = ranks.sort_values("mean_rank", kind="stable").reset_index(drop=True)
    for place, row in ranks.iterrows():
        style = styles[row["strategy"]]
        axis.hlines(place, 1, row["mean_rank"], color="#E4E4E4", linewidth=0.8, zorder=0)
        axis.plot(row["mean_rank"], place, marker=style["marker"], color=style["color"], markersize=5)
    letters = list(dict.fromkeys(GROUP.findall("".join(ranks["group"].dropna()))))
    widest = len(ranks)
    for position, letter in enumerate(letters):
        members = [letter in GROUP.findall(group) for group in ranks["group"]]
        first, last = np.flatnonzero(members)[[0, -1]]
        where = widest + (0.4 + 0.35 * position) * max(1, widest / 12)
        axis.plot(
            [where, where], [first - 0.3, last + 0.3], color="#555555", linewidth=2, solid_capstyle="butt"
        )
    axis.set_yticks(range(len(ranks)), ranks["strategy"], fontsize=7.5)
    axis.set_ylim(len(ranks) - 0.4, -0.6)
    axis.set_xlim(left=0.7)
    axis.set_xticks(
        [tick for tick in MaxNLocator(7, integer=True).tick_values(1, widest) if 1 <= tick <= widest]
    )
    axis.tick_params(axis="y", length=0)


def _verdict(test: pd.Series) -> str:
    """Say what the test found, or why there is none."""
    if pd.notna(test["why_not"]):
        return "no test: " + test["why_not"].replace("; ", ";\n")
    p = "< 0.001" if test["p"] < 0.001 else f"= {test['p']:.2g}"
    distance = f"critical difference {test['critical_difference']:.2g}"
    return f"{test['n_blocks']:.0f} blocks, Friedman p {p},\n{distance}"
