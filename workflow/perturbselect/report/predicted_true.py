"""Figure: predicted against true responses of a well, a fairly and a badly predicted perturbation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib.figure import Figure

from perturbselect.report.style import COLOURS, POOL_GREY, legend_below, message, styled, title
from perturbselect.scores.metrics import DE_GENES, METRICS, pearson_delta
from perturbselect.scores.score import FLOORS
from perturbselect.scores.summary import HEADLINE


def best_median_worst(scores: pd.DataFrame, metric: str = HEADLINE) -> dict[str, str]:
    """Choose three held-out perturbations of one run by the mean score of the models.

    Parameters
    ----------
    scores : DataFrame
        Table ``perturbation_scores`` of one dataset, strategy, split, seed and budget.
    metric : str
        Metric to judge by. The floors' scores do not count, if there are others.

    Returns
    -------
    dict of str to str
        Perturbation by ``best``, ``median``, ``worst``; fewer where there are fewer perturbations.
    """
    scores = scores[(scores["metric"] == metric) & scores["perturbation"].notna()].dropna(subset=["value"])
    trained = scores[~scores["model"].isin(FLOORS)]
    means = (trained if len(trained) else scores).groupby("perturbation")["value"].mean()
    order = METRICS[metric].loss(means).sort_values(kind="stable").index
    places = {"best": 0, "median": (len(order) - 1) // 2, "worst": len(order) - 1}
    chosen: dict[str, str] = {}
    for word, place in places.items():
        if len(order) > place >= 0 and order[place] not in chosen.values():
            chosen[word] = order[place]
    return chosen


def plot(
    responses: AnnData,
    predictions: Mapping[str, AnnData],
    chosen: Mapping[str, str],
    *,
    what: str,
    dataset: str,
    simulated: bool = False,
) -> Figure:
    """Draw each gene's predicted response against its true one, a row a model, a column a perturbation.

    Coloured: the genes of strongest differential expression. r is Pearson's over all genes.

    Parameters
    ----------
    responses : AnnData
        True responses; layer ``de_rank`` where known.
    predictions : mapping of str to AnnData
        Predictions of one run by each model, with the same genes.
    chosen : mapping of str to str
        Perturbation by the word that says why (`best_median_worst`).
    what : str
        What ran, for the title: strategy, number picked.
    dataset : str
        Name of the dataset.
    simulated : bool
        Whether the data are simulated.

    Returns
    -------
    Figure
        With a line of text only where there is no prediction.
    """
    heading = f"Predicted against true responses, {dataset}"
    models = [model for model in predictions if model not in FLOORS] or list(predictions)
    with styled():
        if not models or not chosen:
            return message(heading, "There is no prediction of this run.", simulated)
        figure = Figure(
            figsize=(max(6.4, 2.5 * len(chosen) + 0.9), 2.35 * len(models) + 1.3), layout="constrained"
        )
        axes = figure.subplots(len(models), len(chosen), squeeze=False, sharex="col", sharey="col")
        for column, (word, perturbation) in enumerate(chosen.items()):
            truth = responses[perturbation]
            true = _row(truth.X)
            strongest = (
                _row(truth.layers["de_rank"]) < DE_GENES
                if "de_rank" in truth.layers
                else np.zeros(len(true), dtype=bool)
            )
            for row, model in enumerate(models):
                axis, predicted = axes[row, column], _row(predictions[model][perturbation].X)
                axis.axline((0, 0), slope=1, color="#777777", linewidth=0.8)
                axis.axhline(0, color="#DDDDDD", linewidth=0.8, zorder=0)
                axis.axvline(0, color="#DDDDDD", linewidth=0.8, zorder=0)
                axis.scatter(
                    true[~strongest], predicted[~strongest], s=5, lw=0, color=POOL_GREY, rasterized=True,
                    label="gene",
                )  # fmt: skip
                axis.scatter(
                    true[strongest], predicted[strongest], s=9, lw=0, color=COLOURS[1], rasterized=True,
                    label=f"the {DE_GENES} genes of strongest differential expression",
                )  # fmt: skip
                r = np.nan_to_num(pearson_delta(predicted[None], true[None])[0])
                axis.text(0.03, 0.97, f"r = {r:.2f}", transform=axis.transAxes, va="top", fontsize=8)
                axis.locator_params(nbins=4)
                if row == 0:
                    axis.set_title(f"{word}: {perturbation}", fontsize=9)
            axes[-1, column].set_xlabel("true response")
        for row, model in enumerate(models):
            axes[row, 0].set_ylabel(f"{model}\npredicted response")
        title(figure, f"{heading}\n{what}", simulated)
        legend_below(figure, [axes[0, 0]])
    return figure


def _row(values: np.ndarray) -> np.ndarray:
    """Return one row as floats, dense."""
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=float).ravel()
