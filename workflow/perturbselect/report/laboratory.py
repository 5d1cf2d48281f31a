"""Figure: days and money against the number of rounds."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from perturbselect.report.style import COLOURS, LINES, MARKERS, message, styled, title
from perturbselect.scores.laboratory import in_words


def plot(
    laboratory: pd.DataFrame, dataset: str, *, simulated: bool = False, name: str | None = None
) -> Figure:
    """Draw what each budget of a dataset takes, one line a budget, and print the assumptions below.

    Budgets that need the same number of experiments take the same days: their lines coincide.

    Parameters
    ----------
    laboratory : DataFrame
        Table ``laboratory``.
    dataset : str
        Which dataset.
    simulated : bool
        Whether the data are simulated.
    name : str, optional
        What the title calls the dataset; default: its key.

    Returns
    -------
    Figure
    """
    rows = laboratory[laboratory["dataset"] == dataset]
    heading = f"Time and money in the laboratory, {name or dataset}"
    with styled():
        if rows.empty:
            return message(heading, "No budget: no model made a prediction.", simulated)
        figure = Figure(figsize=(9.4, 4.6), layout="constrained")
        axes = figure.subplots(1, 2)
        for axis, column, label in ((axes[0], "days", "days"), (axes[1], "cost", "US dollars")):
            for place, (count, budget) in enumerate(rows.groupby("perturbations")):
                axis.plot(
                    budget["rounds"],
                    budget[column],
                    label=f"{count} perturbations",
                    color=COLOURS[place % len(COLOURS)],
                    linestyle=LINES[place // len(COLOURS) % len(LINES)],
                    marker=MARKERS[place % len(MARKERS)],
                    markersize=4,
                    linewidth=1.4,
                )
            axis.set_xlabel("rounds (1: all chosen at once)")
            axis.set_ylabel(label)
            axis.set_ylim(bottom=0)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axis.grid(axis="y", color="#EEEEEE")
            axis.set_axisbelow(True)
        title(figure, heading, simulated)
        figure.supxlabel(in_words(rows.iloc[0].to_dict()), fontsize=7.5, x=0.01, ha="left")
        axes[1].legend(loc="best")
    return figure
