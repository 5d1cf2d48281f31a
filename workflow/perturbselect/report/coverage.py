"""Figure: share of a knowledge graph that the picks reach."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from perturbselect.report.style import legend_below, strategy_styles, styled, title


def plot(
    coverage: pd.DataFrame,
    *,
    strategies: Sequence[str],
    baseline: str | None = "random",
    graph: str,
    dataset: str,
    simulated: bool = False,
) -> Figure:
    """Draw the share of the graph reached against the number of picks.

    Lines are means over runs (split, seed), bands reach from the lowest to the highest run.

    Parameters
    ----------
    coverage : DataFrame
        Table ``coverage``: strategy, split, seed, rank, coverage.
    strategies : sequence of str
        All strategies of the study, in the config's order (they fix the colours).
    baseline : str or None
        Label of the strategy that others are compared with: it is black.
    graph : str
        Name of the graph.
    dataset : str
        Name of the dataset.
    simulated : bool
        Whether the data are simulated.

    Returns
    -------
    Figure
    """
    styles = strategy_styles(strategies, baseline)
    runs = coverage.groupby(["strategy", "rank"])["coverage"].agg(["mean", "min", "max"])
    with styled():
        figure = Figure(figsize=(6.4, 4.2 + 0.06 * len(strategies)), layout="constrained")
        axis = figure.subplots()
        for strategy in strategies:
            if strategy not in runs.index.get_level_values("strategy"):
                continue
            curve, style = runs.loc[strategy], styles[strategy]
            every = max(1, len(curve) // 8)
            axis.plot(
                curve.index,
                curve["mean"],
                label=strategy,
                markevery=every,
                markersize=4,
                linewidth=1.4,
                **style,
            )
            axis.fill_between(curve.index, curve["min"], curve["max"], color=style["color"], alpha=0.13, lw=0)
        axis.set_xlabel("perturbations picked (number)")
        axis.set_ylabel(f"genes of graph '{graph}' reached (share)")
        axis.set_ylim(0, 1.03)
        axis.set_xlim(left=0)
        axis.grid(axis="y", color="#EEEEEE")
        axis.set_axisbelow(True)
        title(figure, f"Graph coverage, {dataset}", simulated)
        legend_below(figure, [axis])
    return figure
