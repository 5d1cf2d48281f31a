"""Figure: how alike a strategy's selections stay when something changes that should not matter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from perturbselect.report.style import message, styled, title

_WORDS = {
    "seeds": "other seed",
    "splits": "other split",
    "ties": "other order\nof ties",
    "drop": "edges\ndropped",
    "rewire": "edges\nrewired",
    "add": "edges\nadded",
}


def plot(
    stability: pd.DataFrame,
    dataset: str,
    *,
    strategies: Sequence[str],
    budget: str,
    simulated: bool = False,
    name: str | None = None,
) -> Figure:
    """Draw mean Jaccard indices as a heat map, a row for each strategy, a column for each change.

    Below each change stands what random sets of the same sizes would have. Empty cells: the change
    does not concern the strategy, or there was a single run.

    Parameters
    ----------
    stability : DataFrame
        Table ``stability``.
    dataset : str
        Which dataset.
    strategies : sequence of str
        All strategies of the study, in the config's order.
    budget : str
        Budget as the table spells it.
    simulated : bool
        Whether the data are simulated.
    name : str, optional
        What the title calls the dataset; default: its key.

    Returns
    -------
    Figure
        With a line of text only where nothing was compared.
    """
    chosen = stability[(stability["dataset"] == dataset) & (stability["budget"] == budget)]
    heading = f"Stability of selections, {name or dataset}"
    with styled():
        if chosen.empty:
            return message(heading, "One run of each strategy and no change: nothing to compare.", simulated)
        kinds = [*_WORDS, *sorted(set(chosen["change"]) - set(_WORDS))]
        order = chosen["change"].map(kinds.index)
        chosen = chosen.assign(order=order, share=chosen["share"].fillna(0))
        table = chosen.pivot(index="strategy", columns=["order", "share"], values="jaccard").sort_index(
            axis=1
        )
        table = table.reindex([strategy for strategy in strategies if strategy in table.index])
        expected = chosen.groupby(["order", "share"])["expected"].mean()
        labels = [
            _label(kinds[place], share) + f"\n(random: {expected[place, share]:.2f})"
            for place, share in table.columns
        ]
        shape = len(labels), len(table)
        figure = Figure(
            figsize=(max(6.4, 0.72 * shape[0] + 2.6), 0.27 * shape[1] + 2.3), layout="constrained"
        )
        axis = figure.subplots()
        values = table.to_numpy(float)
        image = axis.imshow(np.ma.masked_invalid(values), cmap="cividis", vmin=0, vmax=1, aspect="auto")
        axis.set_facecolor("#F0F0F0")
        for row, column in np.argwhere(~np.isnan(values)):
            value = values[row, column]
            shade = "white" if value < 0.55 else "black"
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7.5, color=shade)
        axis.set_yticks(range(shape[1]), table.index)
        axis.set_xticks(range(shape[0]), labels, fontsize=7, rotation=90 if shape[0] > 6 else 0)
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0)
        figure.colorbar(image, ax=axis, label="Jaccard index of the picks", shrink=0.9)
        size = chosen["n_selected"].mean()
        title(figure, f"{heading}: {size:.4g} picks", simulated)
    return figure


def _label(change: str, share: float) -> str:
    words = _WORDS.get(change, f"{change}\ninstead")
    return f"{share:.0%} of {words}" if share else words
