"""Figure: error of the predictions that a model is most certain of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from perturbselect.report.style import (
    REFERENCE_GREY,
    legend_below,
    message,
    panels,
    strategy_styles,
    styled,
    title,
)

MOST_BUDGETS = 4


def plot(
    curves: pd.DataFrame,
    *,
    strategies: Sequence[str],
    baseline: str | None = "random",
    name: str,
    simulated: bool = False,
) -> Figure:
    """Draw the risk-coverage curves of a dataset, a row for each model, a column for each budget.

    Risk is relative to that of all test perturbations, so that strategies, whose errors differ, can
    be compared: 1 is a random order. The ideal order (dashed) is the mean over strategies. Of more than
    four budgets, four are shown.

    Parameters
    ----------
    curves : DataFrame
        Table ``risk_coverage`` of one dataset.
    strategies : sequence of str
        All strategies of the study, in the config's order (they fix the colours).
    baseline : str or None
        Label of the strategy that others are compared with: it is black.
    name : str
        What the title calls the dataset.
    simulated : bool
        Whether the data are simulated.

    Returns
    -------
    Figure
        With a line of text only where no model gives a variance.
    """
    heading = f"Error of the most certain predictions, {name}"
    with styled():
        if curves.empty:
            return message(heading, "No model of this study gives a predictive variance.", simulated)
        models = list(curves["model"].unique())
        budgets = list(curves.sort_values("n_selected")["budget"].unique())
        places = np.linspace(0, len(budgets) - 1, min(MOST_BUDGETS, len(budgets))).round().astype(int)
        budgets = [budgets[place] for place in places]
        styles = strategy_styles(strategies, baseline)
        figure, axes = panels(len(models), len(budgets), strategies, (2.2, 2.3), sharex=True, sharey=True)
        for row, model in enumerate(models):
            for column, budget in enumerate(budgets):
                panel = curves[(curves["model"] == model) & (curves["budget"] == budget)]
                _draw(axes[row, column], panel, styles)
                if row == 0 and len(panel):
                    axes[row, column].set_title(f"{panel['n_selected'].mean():.4g} picked", fontsize=9)
            axes[row, 0].set_ylabel(model, weight="bold")
        axes[0, 0].set_ylim(bottom=0)  # now that all is drawn: panels share it, and it fixes the top
        for axis in axes[-1]:
            axis.set_xlabel("most certain ones kept\n(share of test perturbations)")
        figure.supylabel("MSE / MSE of all (lower is better)", fontsize=9)
        title(figure, heading, simulated)
        legend_below(figure, axes.ravel())
    return figure


def _draw(axis: Axes, panel: pd.DataFrame, styles: dict) -> None:
    """Draw a model's curves at one budget."""
    whole = panel[panel["order"] == "random"].groupby("strategy")["risk"].first()
    panel = panel.assign(relative=panel["risk"] / panel["strategy"].map(whole))
    axis.axhline(1, color=REFERENCE_GREY, linestyle=":", linewidth=1.2, label="any order, in the mean")
    ideal = panel[panel["order"] == "ideal"].groupby("coverage")["relative"].mean()
    axis.plot(
        ideal.index, ideal, color=REFERENCE_GREY, linestyle="--", linewidth=1.2, label="ideal order (mean)"
    )
    predicted = panel[panel["order"] == "predicted"]
    for strategy, style in styles.items():
        curve = predicted[predicted["strategy"] == strategy].sort_values("coverage")
        if len(curve):
            axis.plot(
                curve["coverage"], curve["relative"], label=strategy, markersize=3, linewidth=1.4, **style
            )
    axis.set_xticks([0, 0.5, 1])
    axis.grid(axis="y", color="#EEEEEE")
    axis.set_axisbelow(True)
