"""Figure: how many times more random perturbations reach the same score, against the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from perturbselect.report.style import legend_below, message, strategy_styles, styled, title, wrapped
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.summary import HEADLINE

BOUND = "hollow: only a bound"


def plot(
    savings: pd.DataFrame,
    dataset: str,
    *,
    strategies: Sequence[str],
    baseline: str | None = "random",
    metrics: Sequence[str] = (HEADLINE, "mse"),
    marks: Sequence[str] = (),
    simulated: bool = False,
    name: str | None = None,
) -> Figure:
    """Draw the data-saving factor of one dataset, a row for each metric, a column for each model.

    Lines are factors, bands their 95 % bootstrap intervals; above 1 the baseline needs more
    perturbations. Hollow points are bounds: the score lies beyond the end, or before the start, of the
    baseline's mean curve.

    Parameters
    ----------
    savings : DataFrame
        Table ``data_saving``.
    dataset : str
        Which dataset.
    strategies : sequence of str
        All strategies of the study, in the config's order (they fix the colours).
    baseline : str or None
        Label of the strategy that others are compared with.
    metrics : sequence of str
        Which metrics; those without a factor are left out.
    marks : sequence of str
        Strategies that read the responses: upper marks, which the legend says.
    simulated : bool
        Whether the data are simulated.
    name : str, optional
        What the title calls the dataset; default: its key.

    Returns
    -------
    Figure
        With a line of text only where there is no factor.
    """
    chosen = savings[savings["dataset"] == dataset]
    metrics = [metric for metric in metrics if (chosen["metric"] == metric).any()]
    heading, styles = f"Data-saving factor, {name or dataset}", strategy_styles(strategies, baseline)
    with styled():
        if not metrics:
            return message(heading, "No strategy was run beside the baseline: nothing to save.", simulated)
        models = list(chosen["model"].unique())
        width, height = max(6.4, 3.4 * len(models) + 0.8), 2.9 * len(metrics) + 1.1
        height += 0.17 * len(strategies) / max(1, width // 2)
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(len(metrics), len(models), squeeze=False, sharex=True)
        for row, metric in enumerate(metrics):
            for column, model in enumerate(models):
                axis = axes[row, column]
                of_panel = chosen[(chosen["metric"] == metric) & (chosen["model"] == model)]
                axis.axhline(1, label=f"{baseline} (baseline)", color="black", linewidth=1)
                _draw(axis, of_panel, styles, marks)
                if row == 0:
                    axis.set_title(model)
                if row == len(metrics) - 1:
                    axis.set_xlabel("perturbations picked (number)")
            axes[row, 0].set_ylabel(f"times more of {baseline},\n{wrapped(METRICS[metric].label)}")
        axes[0, 0].plot([], [], "o", color="#555555", markerfacecolor="white", markersize=4, label=BOUND)
        title(figure, heading, simulated)
        legend_below(figure, axes.ravel())
    return figure


def _draw(
    axis: Axes, factors: pd.DataFrame, styles: Mapping[str, Mapping[str, Any]], marks: Sequence[str]
) -> None:
    """Draw one panel: a line, a band and filled or hollow points for each strategy."""
    for strategy, style in styles.items():
        curve = factors[factors["strategy"] == strategy].sort_values("n_selected")
        if curve.empty:
            continue
        label = f"{strategy} (knows the responses)" if strategy in marks else strategy
        axis.plot(curve["n_selected"], curve["factor"], label=label, markersize=4, linewidth=1.4, **style)
        axis.fill_between(
            curve["n_selected"], curve["low"], curve["high"], color=style["color"], alpha=0.1, lw=0
        )
        bound = curve[curve["bound"].notna()]
        x, factor = bound[["n_selected", "factor"]].to_numpy(float).T
        hollow = Line2D(
            x, factor, linestyle="", marker=style["marker"], markersize=4,
            color=style["color"], markerfacecolor="white", zorder=3,
        )  # fmt: skip
        axis.add_line(hollow)
    axis.margins(x=0.04)
    axis.set_yscale("log", base=2)
    axis.yaxis.set_major_locator(LogLocator(2, numticks=7))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda factor, _: f"{factor:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
    budgets = np.sort(factors["n_selected"].unique())
    if 0 < len(budgets) <= 6:
        axis.set_xticks(budgets, [f"{budget:.4g}" for budget in budgets])
    axis.grid(axis="y", color="#EEEEEE")
    axis.set_axisbelow(True)
