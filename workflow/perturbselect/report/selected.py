"""Figure: hits, hubs and picks without gain against the number of perturbations picked."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from perturbselect.report.style import (
    REFERENCE_GREY,
    draw_curves,
    legend_below,
    message,
    panels,
    strategy_styles,
    styled,
    title,
)

_LABELS = {
    "hits_recovered": "hits among the picks\n(share of the pool's hits)",
    "hub_share": "hubs among the picks\n(share of the picks)",
    "zero_gain_share": "picks without gain\n(share of the picks)",
}


def plot(
    table: pd.DataFrame,
    *,
    strategies: Sequence[str],
    baseline: str | None = "random",
    marks: Sequence[str] = (),
    dataset: str,
    simulated: bool = False,
) -> Figure:
    """Draw hits recovered, share of hubs and share of picks without gain, a panel each.

    Lines are means over runs (split, seed), bands reach from the lowest to the highest run. The dashed
    line is what random picks have in expectation. What no strategy has is left out.

    Parameters
    ----------
    table : DataFrame
        Table ``selected`` of one dataset.
    strategies : sequence of str
        All strategies of the study, in the config's order (they fix the colours).
    baseline : str or None
        Label of the strategy that others are compared with: it is black.
    marks : sequence of str
        Strategies that read the responses: upper marks, which the legend says.
    dataset : str
        Name of the dataset.
    simulated : bool
        Whether the data are simulated.

    Returns
    -------
    Figure
        With a line of text only where there is nothing to draw.
    """
    heading, styles = f"What was picked, {dataset}", strategy_styles(strategies, baseline)
    shown = [column for column in _LABELS if table[column].notna().any()]
    with styled():
        if not shown:
            return message(heading, "No hits, no graph, and no strategy with a gain.", simulated)
        figure, axes = panels(1, len(shown), strategies, (3.1, 2.8))
        for axis, column in zip(axes[0], shown, strict=True):
            known = table.dropna(subset=[column])
            runs = known.groupby(["strategy", "budget"], sort=False)
            curves = runs.agg(
                n_selected=("n_selected", "mean"),
                mean=(column, "mean"),
                low=(column, "min"),
                high=(column, "max"),
            )
            draw_curves(axis, curves.reset_index(), "mean", styles, marks)
            if f"expected_{column}" in table:
                _draw_expected(axis, known, f"expected_{column}")
            axis.set_xlabel("perturbations picked (number)")
            axis.set_ylabel(_LABELS[column])
            top = max(0.1, axis.get_ylim()[1])
            axis.set_ylim(-0.03 * top, top)
        title(figure, heading, simulated)
        legend_below(figure, axes[0])
    return figure


def _draw_expected(axis: Axes, table: pd.DataFrame, column: str) -> None:
    """Draw the mean over strategies and runs: these differ where pools or graphs do."""
    expected = table.groupby("budget")[["n_selected", column]].mean().sort_values("n_selected")
    axis.plot(
        expected["n_selected"], expected[column], color=REFERENCE_GREY, linestyle="--", linewidth=1.4,
        label="random picks, in expectation",
    )  # fmt: skip
