"""Distances between predicted and observed distributions of expression.

Of one gene, between histograms over the same bins; of all genes together, between cells. Both sides
may be samples of different size: what a small sample adds to a distance is taken off (e-distance),
or is the same for all contenders, since all are compared with the same cells (Wasserstein).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from perturbselect.data.histograms import Histograms, as_shares, bin_values


@dataclass(frozen=True)
class Distributions:
    """Predicted and observed histograms of P perturbations and G genes, K bins.

    Attributes
    ----------
    predicted : ndarray of float, shape (P, G, K) or (G, K)
        Shares of cells, sum 1; without P: the same for all perturbations.
    observed : ndarray of int, shape (P, G, K)
        Cells.
    values : ndarray of float64, shape (G, K)
        Expression that stands for a bin, ascending.
    predicted_cells : ndarray of int, shape (P,), or None
        Where the prediction is itself a sample: its size. None: it is a distribution.
    """

    predicted: np.ndarray
    observed: np.ndarray
    values: np.ndarray
    predicted_cells: np.ndarray | None = None

    @classmethod
    def beside(cls, measured: Histograms, predicted: np.ndarray) -> Distributions:
        """Put predictions beside the second half of the measured cells."""
        return cls(predicted, measured.second, bin_values(measured.width, measured.second.shape[-1]))

    @classmethod
    def of_halves(cls, measured: Histograms) -> Distributions:
        """Put the first half of the measured cells beside the second."""
        made = cls.beside(measured, as_shares(measured.first))
        return cls(made.predicted, made.observed, made.values, measured.first[:, 0].sum(axis=-1))

    def each(self, distance: Callable[..., np.ndarray]) -> np.ndarray:
        """Mean over genes of a distance of histograms (below), for each perturbation, shape (P,).

        One perturbation at a time, so that memory does not grow with their number.
        """
        result = np.empty(len(self.observed))
        for row, counts in enumerate(self.observed):
            predicted = self.predicted if self.predicted.ndim == 2 else self.predicted[row]
            size = None if self.predicted_cells is None else int(self.predicted_cells[row])
            result[row] = np.mean(distance(predicted.astype(np.float64), counts, self.values, size))
        return result


def energy_distance_of_histograms(
    predicted: np.ndarray, observed: np.ndarray, values: np.ndarray, predicted_cells: int | None = None
) -> np.ndarray:
    """Energy distance of each gene, 2 E|X − Y| − E|X − X'| − E|Y − Y'|, without bias.

    X is drawn from the prediction, Y is observed. With the distribution functions F and Q it is
    2 ∫ (F − Q)² (Székely & Rizzo 2013); of a sample of n, E|Y − Y'| is estimated over pairs of
    *different* cells, i.e. n / (n − 1) times the value over all pairs. Hence the expectation is 0
    where prediction and truth agree, however few cells there are, and single values may be negative.

    Parameters
    ----------
    predicted : ndarray of float64, shape (G, K)
        Shares.
    observed : ndarray of int, shape (G, K)
        Cells.
    values : ndarray of float64, shape (G, K)
        Position of the bins.
    predicted_cells : int or None
        Size of the sample that the prediction is; None: it is a distribution.

    Returns
    -------
    ndarray of float64, shape (G,)
        In units of expression; NaN where a sample has fewer than 2 cells.
    """
    step = np.diff(values, axis=1)
    cells = observed.sum(axis=1)
    of_predicted = np.cumsum(predicted, axis=1)[:, :-1]
    of_observed = np.cumsum(observed / cells[:, None], axis=1)[:, :-1]
    distance = 2 * np.sum((of_predicted - of_observed) ** 2 * step, axis=1)
    samples = [(of_observed, int(cells[0]))]
    if predicted_cells is not None:
        samples.append((of_predicted, predicted_cells))
    for shares, size in samples:
        within = 2 * np.sum(shares * (1 - shares) * step, axis=1)
        distance -= within / (size - 1) if size > 1 else np.nan
    return distance


def wasserstein_of_histograms(
    predicted: np.ndarray, observed: np.ndarray, values: np.ndarray, predicted_cells: int | None = None
) -> np.ndarray:
    """Wasserstein-1 distance of each gene: ∫ |F − Q| with the distribution functions F and Q.

    Parameters and shape are those of `energy_distance_of_histograms`; ``predicted_cells`` is not
    used: there is no unbiased estimator. Of a sample, also a perfect prediction is away from 0.
    """
    step = np.diff(values, axis=1)
    shares = observed / observed.sum(axis=1, keepdims=True)
    return np.sum(np.abs(np.cumsum(predicted - shares, axis=1)[:, :-1]) * step, axis=1)


def energy_distance_of_cells(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Energy distance between two sets of cells over all genes together, without bias.

    2 E‖X − Y‖ − E‖X − X'‖ − E‖Y − Y'‖ with Euclidean norms, means over pairs of different cells
    (Székely & Rizzo 2013): samples may differ in size. For models that generate cells.

    Parameters
    ----------
    predicted : ndarray of float, shape (m, G)
    observed : ndarray of float, shape (n, G)
        2 cells or more each.

    Notes
    -----
    O((m + n)² G) time, O(m n) memory.
    """
    from scipy.spatial.distance import cdist, pdist  # here: every job that scores imports this file

    between = np.mean(cdist(predicted, observed))
    return float(2 * between - np.mean(pdist(predicted)) - np.mean(pdist(observed)))
