"""Figure: where in the space of responses each strategy picked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from anndata import AnnData
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from perturbselect.errors import InputError
from perturbselect.report.style import POOL_GREY, legend_below, limits, strategy_styles, styled, title


def plot(
    responses: AnnData,
    picks: Mapping[str, Sequence[str]],
    test: Sequence[str],
    *,
    strategies: Sequence[str],
    baseline: str | None = "random",
    dataset: str,
    simulated: bool = False,
) -> Figure:
    """Draw the perturbations in the plane of their two main components, a panel for each strategy.

    Principal components of the true responses of all perturbations, test ones included: a picture
    for the reader, which no strategy sees. Test perturbations are hollow, the pool is grey, picks
    have the strategy's colour.

    Parameters
    ----------
    responses : AnnData
        True responses, perturbations x genes.
    picks : mapping of str to sequence of str
        Picks of each strategy at one budget, without what was measured already.
    test : sequence of str
        Test perturbations.
    strategies : sequence of str
        All strategies of the study, in the config's order (they fix the colours).
    baseline : str or None
        Label of the strategy that others are compared with: it is black.
    dataset : str
        Name of the dataset.
    simulated : bool
        Whether the data are simulated.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If there are fewer than 2 perturbations or genes, or a pick has no response.
    """
    if min(responses.shape) < 2:
        raise InputError(f"dataset {dataset}: a plane of responses needs 2 perturbations and 2 genes")
    names = responses.obs_names
    unknown = [pick for chosen in picks.values() for pick in chosen if pick not in names]
    if unknown:
        raise InputError(f"dataset {dataset}: the pick '{unknown[0]}' has no response; select again")
    pca = PCA(n_components=2, random_state=0)
    plane = pca.fit_transform(np.asarray(responses.X))
    shares = pca.explained_variance_ratio_
    in_test = names.isin(test)
    styles = strategy_styles(strategies, baseline)
    shown = [strategy for strategy in strategies if strategy in picks]
    columns = min(len(shown), 3 if len(shown) <= 9 else 5)
    rows = -(-len(shown) // columns)
    with styled():
        size = 2.9 if columns <= 3 else 2.2
        figure = Figure(figsize=(max(6.0, size * columns + 0.7), size * rows + 1.2), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        axes[0, 0].set(xlim=limits(plane[:, 0]), ylim=limits(plane[:, 1]))
        for place, axis in enumerate(axes.ravel()):
            if place >= len(shown):
                axis.set_axis_off()
                continue
            if place + columns >= len(shown):
                axis.set_xlabel(f"PC 1 ({shares[0]:.0%} of variance)", fontsize=8)
                axis.tick_params(labelbottom=True)
            if place % columns == 0:
                axis.set_ylabel(f"PC 2 ({shares[1]:.0%} of variance)", fontsize=8)
            strategy = shown[place]
            picked = names.isin(picks[strategy])
            rest = ~picked & ~in_test
            # Lines without a line: points that all look alike are drawn faster than a scatter plot's.
            axis.plot(*plane[rest].T, "o", ms=3, color=POOL_GREY, mew=0, label="pool, not picked")
            axis.plot(*plane[in_test].T, "o", ms=3.5, mfc="none", mec="#777777", mew=0.6, label="test")
            axis.plot(*plane[picked].T, "o", ms=4.2, color=styles[strategy]["color"], mec="white", mew=0.3)
            axis.set_title(strategy, fontsize=9)
        axes[0, 0].plot([], [], "o", ms=4.2, color="black", label="picked (in the strategy's colour)")
        count = max(len(chosen) for chosen in picks.values())
        title(figure, f"{count} picks in response space, {dataset}", simulated)
        legend_below(figure, [axes[0, 0]])
    return figure
