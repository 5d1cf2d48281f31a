"""Figure: scores of held-out perturbations by distance to the nearest measured gene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from perturbselect.report.reference_lines import draw_references
from perturbselect.report.style import (
    legend_below,
    message,
    panels,
    strategy_styles,
    styled,
    title,
    wrapped,
)
from perturbselect.scores.distance import DISTANCES
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.score import FLOORS, REFERENCES
from perturbselect.scores.summary import HEADLINE

_WORDS = dict(zip(DISTANCES, ["0", "1", "2", "3", "4+", "no\npath", "not in\ngraph"], strict=True))


def plot(
    table: pd.DataFrame,
    *,
    strategies: Sequence[str],
    baseline: str | None = "random",
    metric: str = HEADLINE,
    dataset: str,
    simulated: bool = False,
) -> Figure:
    """Draw mean scores against the distance, a row for each graph, a column for each model.

    Points are strategies, the line is the mean of all values; under each distance stands how many
    perturbation-run pairs there are over all strategies. The floors (dashed) and the ceiling (dotted) are
    those of the same pairs.

    Parameters
    ----------
    table : DataFrame
        Table ``error_by_distance`` of one dataset.
    strategies : sequence of str
        All strategies of the study, in the config's order (they fix the colours).
    baseline : str or None
        Label of the strategy that others are compared with: it is black.
    metric : str
        Which metric.
    dataset : str
        Name of the dataset.
    simulated : bool
        Whether the data are simulated.

    Returns
    -------
    Figure
        With a line of text only where there is no such score.
    """
    chosen = table[table["metric"] == metric]
    trained = chosen[~chosen["model"].isin(FLOORS)]
    chosen = trained if len(trained) else chosen
    heading = f"Scores by distance to the nearest measured gene, {dataset}"
    with styled():
        if chosen.empty:
            return message(heading, "No graph, or no score by this metric.", simulated)
        graphs, models = list(chosen["graph"].unique()), list(chosen["model"].unique())
        styles, rule = strategy_styles(strategies, baseline), METRICS[metric]
        figure, axes = panels(len(graphs), len(models), strategies, (3.4, 2.7), sharey="col")
        for column, model in enumerate(models):
            references = [
                _draw(
                    axes[row, column], chosen[(chosen["graph"] == graph) & (chosen["model"] == model)], styles
                )
                for row, graph in enumerate(graphs)
            ]
            drawn = axes[0, column].get_ylim()
            for axis, means in zip(axes[:, column], references, strict=True):
                draw_references(axis, means, drawn)
            axes[0, column].set_title(model)
            axes[-1, column].set_xlabel("edges to the nearest measured gene\n(below: scores averaged)")
        for row, graph in enumerate(graphs):
            axes[row, 0].set_ylabel(f"graph '{graph}'\n{wrapped(rule.label)}\n({rule.direction})")
        title(figure, heading, simulated)
        legend_below(figure, axes.ravel())
    return figure


def _draw(axis: Axes, scores: pd.DataFrame, styles: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Draw what strategies reach at each distance; return the floors and the ceiling there."""
    there = [distance for distance in DISTANCES if (scores["distance"] == distance).any()]
    scores = scores.assign(
        place=scores["distance"].map(there.index), total=scores["mean"] * scores["n_values"]
    )
    sums = scores.groupby("place")[["total", "n_values"]].sum()
    axis.plot(
        sums.index, sums["total"] / sums["n_values"], color="#777777", linewidth=5, alpha=0.35,
        label="all strategies", solid_capstyle="round",
    )  # fmt: skip
    shown = [strategy for strategy in styles if (scores["strategy"] == strategy).any()]
    steps = 0.7 * (np.arange(len(shown)) - (len(shown) - 1) / 2) / max(len(shown), 4)
    for strategy, step in zip(shown, steps, strict=True):
        of_strategy, style = scores[scores["strategy"] == strategy], styles[strategy]
        axis.plot(
            of_strategy["place"] + step, of_strategy["mean"], label=strategy, linestyle="",
            marker=style["marker"], color=style["color"], markersize=4,
        )  # fmt: skip
    labels = [f"{_WORDS[name]}\n({sums['n_values'][place]})" for place, name in enumerate(there)]
    axis.set_xticks(range(len(there)), labels, fontsize=7.5)
    axis.set_xlim(-0.6, len(there) - 0.4)
    axis.grid(axis="y", color="#EEEEEE")
    axis.set_axisbelow(True)
    references = scores[list(REFERENCES)].astype(float)
    weights = references.notna().mul(scores["n_values"], axis=0)
    totals = (references * weights).groupby(scores["place"]).sum(min_count=1)
    return totals / weights.groupby(scores["place"]).sum()
