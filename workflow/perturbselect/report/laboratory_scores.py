"""Figure: score of each strategy against what it takes in the laboratory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from perturbselect.config import Laboratory
from perturbselect.report.reference_lines import draw_references
from perturbselect.report.style import (
    legend_below,
    message,
    strategy_styles,
    styled,
    title,
    wrapped,
)
from perturbselect.scores.laboratory import assumptions, costs, days, in_words, rounds_until
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.score import FLOORS
from perturbselect.scores.summary import HEADLINE


def plot(
    curves: pd.DataFrame,
    laboratory: pd.DataFrame,
    dataset: str,
    *,
    strategies: Sequence[str],
    rounds: Mapping[str, Mapping],
    pool: int,
    baseline: str | None = "random",
    marks: Sequence[str] = (),
    metric: str = HEADLINE,
    simulated: bool = False,
    name: str | None = None,
) -> Figure:
    """Draw the scores of a dataset against days (left) and money (right), a row for each model.

    A point is a budget; bars are 95 % bootstrap intervals over runs. A strategy that chooses all at once
    has one round at every budget; one that chooses in rounds has as many as it needs to get there. Floors
    are dashed, the ceiling is dotted, as in the learning curves.

    Parameters
    ----------
    curves, laboratory : DataFrame
        Tables ``learning_curves`` and ``laboratory``, which carries the assumptions.
    dataset : str
        Which dataset.
    strategies : sequence of str
        All strategies of the study, in the config's order (they fix the colours).
    rounds : mapping of str to mapping
        ``initial``, ``batch`` and ``count`` of those strategies that wait for what was measured before.
    pool : int
        Perturbations that may be measured; shares are shares of it.
    baseline : str or None
        Label of the strategy that others are compared with: it is black.
    marks : sequence of str
        Strategies that read the responses: they would be measured already, and are left out.
    metric : str
        Which metric.
    simulated : bool
        Whether the data are simulated.
    name : str, optional
        What the title calls the dataset; default: its key.

    Returns
    -------
    Figure
        With a line of text only where there is no score.
    """
    rows = curves[(curves["dataset"] == dataset) & (curves["metric"] == metric)]
    references = rows[rows["strategy"].isna()].set_index("model")["mean"]
    rows = rows[rows["strategy"].isin(set(strategies) - set(marks)) & ~rows["model"].isin(FLOORS)]
    rows = rows.dropna(subset=["mean"])
    heading, styles = (
        f"Score against time and money, {name or dataset}",
        strategy_styles(strategies, baseline),
    )
    assumed = laboratory[laboratory["dataset"] == dataset]
    with styled():
        if rows.empty or assumed.empty:
            return message(heading, "No strategy has a score by this metric.", simulated)
        prices = Laboratory(**{key: assumed.iloc[0].to_dict()[key] for key in assumptions(Laboratory())})
        models = list(rows["model"].unique())
        figure = Figure(
            figsize=(9.4, 2.7 * len(models) + 1.5 + 0.17 * len(strategies) / 4), layout="constrained"
        )
        axes = figure.subplots(len(models), 2, squeeze=False, sharex="col", sharey="row")
        most = [0.0, 0.0]
        for row, model in enumerate(models):
            for strategy, style in styles.items():
                curve = rows[(rows["model"] == model) & (rows["strategy"] == strategy)]
                if curve.empty:
                    continue
                curve = curve.sort_values("n_selected")
                spent = _spent(curve["n_selected"], rounds.get(strategy), pool, prices)
                most = [max(end, *x) for end, x in zip(most, spent, strict=True)]
                for axis, x in zip(axes[row], spent, strict=True):
                    axis.plot(x, curve["mean"], label=strategy, markersize=4, linewidth=1.4, **style)
                    axis.vlines(
                        x, curve["low"], curve["high"], color=style["color"], linewidth=0.8, alpha=0.5
                    )
            axes[row, 0].set_ylabel(
                f"{model}\n{wrapped(METRICS[metric].label)}\n({METRICS[metric].direction})"
            )
            drawn = axes[row, 0].get_ylim()
            for axis in axes[row]:
                draw_references(axis, references, drawn)
                axis.grid(axis="y", color="#EEEEEE")
                axis.set_axisbelow(True)
        for axis, label, end in zip(axes[-1], ("days", "US dollars"), most, strict=True):
            axis.set_xlabel(label)
            axis.xaxis.set_major_locator(MaxNLocator(5))
            axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axis.set_xlim(0, 1.06 * end)
        title(figure, heading, simulated)
        legend = legend_below(figure, axes.ravel())
        legend.set_title(in_words(assumed.iloc[0].to_dict()), prop=FontProperties(size=7.5))
        legend.set_alignment("left")
    return figure


def _spent(
    n_selected: pd.Series, plan: Mapping | None, pool: int, prices: Laboratory
) -> tuple[list[float], list[float]]:
    """Return days and dollars of each budget of a strategy."""
    sizes = np.ceil(n_selected).astype(int)
    needed = [rounds_until(size, pool, **plan) if plan else 1 for size in sizes]
    each = list(zip(sizes, needed, strict=True))
    return (
        [days(size, count, prices) for size, count in each],
        [sum(costs(size, count, prices).values()) for size, count in each],
    )
