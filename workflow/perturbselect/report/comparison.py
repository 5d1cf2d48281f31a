"""Figure: paired differences to the baseline, with intervals (a forest plot)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from perturbselect.report.style import limits, message, strategy_styles, styled, title
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.score import FLOORS
from perturbselect.scores.statistics import clear_of_zero
from perturbselect.scores.summary import HEADLINE


def plot(
    comparisons: pd.DataFrame,
    dataset: str,
    *,
    strategies: Sequence[str],
    metric: str = HEADLINE,
    simulated: bool = False,
    name: str | None = None,
) -> Figure:
    """Draw each strategy's paired difference to the baseline, a row per model, a column per budget.

    Points are mean differences over runs, bars their 95 % bootstrap intervals. Filled: clear of 0
    (`perturbselect.scores.statistics.clear_of_zero`: the interval leaves out 0 and Holm's p is below
    0.05, which takes 6 pairs or more); hollow: not.

    Parameters
    ----------
    comparisons : DataFrame
        Table ``comparisons``.
    dataset : str
        Which dataset.
    strategies : sequence of str
        All strategies of the study, in the config's order (they fix the colours).
    metric : str
        Which metric.
    simulated : bool
        Whether the data are simulated.
    name : str, optional
        What the title calls the dataset; default: its key.

    Returns
    -------
    Figure
        With a line of text only where there is nothing to compare.
    """
    chosen = comparisons[(comparisons["dataset"] == dataset) & (comparisons["metric"] == metric)]
    chosen = chosen[~chosen["model"].isin(FLOORS)]
    heading = f"Difference to the baseline, {name or dataset}"
    with styled():
        if chosen.empty:
            return message(heading, "No strategy was run beside the baseline: nothing to compare.", simulated)
        rule, baseline = METRICS[metric], chosen["baseline"].iloc[0]
        models = list(chosen["model"].unique())
        shown = [strategy for strategy in strategies if (chosen["strategy"] == strategy).any()]
        budgets = list(chosen.sort_values("n_selected")["budget"].unique())
        styles = strategy_styles(strategies, baseline)
        figure = Figure(
            figsize=(max(6.4, 2.1 * len(budgets) + 1.6), len(models) * (0.24 * len(shown) + 0.75) + 1.0),
            layout="constrained",
        )
        axes = figure.subplots(len(models), len(budgets), squeeze=False, sharex=True, sharey=True)
        drawn = chosen[["low", "high", "difference"]].assign(baseline=0.0)
        axes[0, 0].set(xlim=limits(drawn.to_numpy()), ylim=(len(shown) - 0.4, -0.6))
        for row, model in enumerate(models):
            for column, budget in enumerate(budgets):
                axis = axes[row, column]
                of_panel = chosen[(chosen["model"] == model) & (chosen["budget"] == budget)]
                axis.axvline(0, color="black", linewidth=0.8)
                places = of_panel["strategy"].map(shown.index)
                colours = [styles[strategy]["color"] for strategy in of_panel["strategy"]]
                axis.hlines(places, of_panel["low"], of_panel["high"], colors=colours, linewidth=1.6)
                clear = [clear_of_zero(line.low, line.high, line.p_holm) for line in of_panel.itertuples()]
                inside = [
                    colour if filled else "white" for colour, filled in zip(colours, clear, strict=True)
                ]
                axis.scatter(
                    of_panel["difference"],
                    places,
                    s=25,
                    c=inside,
                    edgecolors=colours,
                    linewidths=1,
                    zorder=2.5,
                )
                axis.yaxis.set_visible(column == 0)
                axis.grid(axis="x", color="#EEEEEE")
                axis.set_axisbelow(True)
                axis.locator_params(axis="x", nbins=4)
                if row == 0 and len(of_panel):
                    axis.set_title(f"{of_panel['n_selected'].mean():.4g} picked", fontsize=9)
            axes[row, 0].set_yticks(range(len(shown)), shown)
            axes[row, 0].set_ylabel(model, weight="bold")
        side = "right" if rule.better == "higher" else "left"
        figure.supxlabel(f"{rule.label}:\nstrategy − {baseline} ({side} of 0 is better)", fontsize=9)
        title(figure, heading, simulated)
    return figure
