"""Figure: score against the number of perturbations picked."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from perturbselect.report.reference_lines import draw_references
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
from perturbselect.scores.score import CEILING, FLOORS
from perturbselect.scores.summary import HEADLINE


def plot(
    curves: pd.DataFrame,
    dataset: str,
    *,
    strategies: Sequence[str],
    baseline: str | None = "random",
    metrics: Sequence[str] = (HEADLINE, "mse"),
    marks: Sequence[str] = (),
    simulated: bool = False,
    name: str | None = None,
) -> Figure:
    """Draw the learning curves of one dataset, a row for each metric, a column for each model.

    Lines are means over runs, bands their 95 % bootstrap intervals. Floors are dashed, the ceiling
    is dotted; those far outside the range of the curves are named at the edge instead, so that
    differences between strategies stay visible. Each panel has its own scale: a model that fails
    with few perturbations must not flatten the others.

    Parameters
    ----------
    curves : DataFrame
        Table ``learning_curves``.
    dataset : str
        Which dataset.
    strategies : sequence of str
        All strategies of the study, in the config's order (they fix the colours).
    baseline : str or None
        Label of the strategy that others are compared with: it is black.
    metrics : sequence of str
        Which metrics; those without a score are left out.
    marks : sequence of str
        Strategies that read the responses: upper marks, which the legend says.
    simulated : bool
        Whether the data are simulated.
    name : str, optional
        What the title calls the dataset; default: its key.

    Returns
    -------
    Figure
        With a line of text only where there is no score.
    """
    of_dataset = curves[curves["dataset"] == dataset]
    models = [model for model in of_dataset["model"].unique() if model not in {*FLOORS, CEILING}]
    models = models or [model for model in FLOORS if (of_dataset["model"] == model).any()]
    metrics = [metric for metric in metrics if (of_dataset["metric"] == metric).any()]
    heading, styles = f"Learning curves, {name or dataset}", strategy_styles(strategies, baseline)
    with styled():
        if not metrics:
            return message(heading, "No score by this metric: the dataset lacks what it needs.", simulated)
        figure, axes = panels(len(metrics), len(models), strategies, sharex=True)
        for row, metric in enumerate(metrics):
            of_metric = of_dataset[of_dataset["metric"] == metric]
            for column, model in enumerate(models):
                axis = axes[row, column]
                draw_curves(axis, of_metric[of_metric["model"] == model], "mean", styles, marks)
                if row == 0:
                    axis.set_title(model)
                if row == len(metrics) - 1:
                    axis.set_xlabel("perturbations picked (number)")
            axes[row, 0].set_ylabel(f"{wrapped(METRICS[metric].label)}\n({METRICS[metric].direction})")
            references = of_metric[of_metric["strategy"].isna()].set_index("model")["mean"]
            for axis in axes[row]:
                draw_references(axis, references)
        title(figure, heading, simulated)
        legend_below(figure, axes.ravel())
    return figure
