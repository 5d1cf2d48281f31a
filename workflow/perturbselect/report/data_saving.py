"""Figure: how many times more random perturbations reach the same score, against the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from perturbselect.report.style import (
    draw_curves,
    legend_below,
    message,
    panels,
    strategy_styles,
    styled,
    title,
    wrapped,
)
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
        figure, axes = panels(len(metrics), len(models), strategies, sharex=True)
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
    draw_curves(axis, factors, "factor", styles, marks)
    for strategy, bounds in factors[factors["bound"].notna()].groupby("strategy"):
        style = styles[strategy]
        x, factor = bounds[["n_selected", "factor"]].to_numpy(float).T
        hollow = Line2D(
            x, factor, linestyle="", marker=style["marker"], markersize=4,
            color=style["color"], markerfacecolor="white", zorder=3,
        )  # fmt: skip
        axis.add_line(hollow)
    axis.set_yscale("log", base=2)
    axis.yaxis.set_major_locator(LogLocator(2, numticks=7))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda factor, _: f"{factor:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
