"""Metrics of predicted responses: one function each.

Everywhere ``predicted`` and ``true`` are responses Δ̂ and Δ, float, shape (P, G): mean
log-normalised expression of P test perturbations in G genes minus that of the dataset's fixed
control cells. A model's own prediction of control cells never enters. Functions of level
``perturbation`` return one value for each test perturbation, shape (P,), those of level ``set``
a single number. Where a metric is undefined they return NaN; what a table shows then is said in
`METRICS` (``undefined``) and applied, and counted, by `perturbselect.scores.score`.

Formulas are the project's definitions (design note "Measuring predictions"); a source is named
where a publication defines the same quantity. All take O(P·G) time unless stated otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from perturbselect.scores.distributions import (
    Distributions,
    energy_distance_of_histograms,
    wasserstein_of_histograms,
)

# Float32 responses carry a relative rounding error of about 1e-7; a spread below this share of a
# profile's size is rounding, not signal.
ROUNDING = 1e-6
DE_GENES = 20


def strongest_genes(de_rank: np.ndarray, count: int = DE_GENES) -> np.ndarray:
    """Return the genes of strongest differential expression of each perturbation.

    Parameters
    ----------
    de_rank : ndarray of int, shape (P, G)
        Rank of each gene in each perturbation, 0 the strongest; each row a permutation.
    count : int
        How many; all genes where there are fewer.

    Returns
    -------
    ndarray of int, shape (P, min(count, G))
        Column numbers, in ascending order.
    """
    count = min(count, de_rank.shape[1])
    return np.nonzero(de_rank < count)[1].reshape(len(de_rank), count)


def mse(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Mean squared error: mean over genes of (Δ̂ − Δ)².

    Range [0, ∞), lower is better. Source: GEARS (Roohani et al. 2023) and IterPert (Huang et al.
    2023), whose error of the mean expression is the same number: the control mean cancels.
    """
    return np.mean((predicted - true) ** 2, axis=1)


def mse_de20(predicted: np.ndarray, true: np.ndarray, de20: np.ndarray) -> np.ndarray:
    """Mean squared error over the 20 genes of strongest differential expression.

    ``de20`` is int, shape (P, 20), from `strongest_genes`. Range [0, ∞), lower is better.
    Source: GEARS (Roohani et al. 2023).
    """
    return mse(np.take_along_axis(predicted, de20, 1), np.take_along_axis(true, de20, 1))


def rmse(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Root of the mean squared error over genes, per perturbation.

    Range [0, ∞), lower is better. Source: our definition, √`mse` of each perturbation before any
    mean over perturbations.
    """
    return np.sqrt(mse(predicted, true))


def mae(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Mean absolute error: mean over genes of ``|Δ̂ − Δ|``.

    Range [0, ∞), lower is better. Source: the usual definition; ``mae`` of cell-eval is the same number.
    """
    return np.mean(np.abs(predicted - true), axis=1)


def _correlation(a: np.ndarray, b: np.ndarray, size_a: np.ndarray, size_b: np.ndarray) -> np.ndarray:
    """Pearson correlation of rows; NaN where a row's spread is rounding against its size."""
    a = a - a.mean(axis=1, keepdims=True)
    b = b - b.mean(axis=1, keepdims=True)
    spread_a, spread_b = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    defined = (spread_a > ROUNDING * size_a) & (spread_b > ROUNDING * size_b)
    product = np.where(defined, spread_a * spread_b, 1)
    return np.where(defined, np.clip(np.einsum("pg,pg->p", a, b) / product, -1, 1), np.nan)


def pearson_delta(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Pearson correlation over genes of Δ̂ and Δ: r(ŷ − c, y − c), signs kept.

    Range [−1, 1], higher is better. Rewards the shift that all perturbations share. Undefined
    (a profile without spread) counts as 0. Source: GEARS (Roohani et al. 2023).
    """
    return _correlation(predicted, true, np.linalg.norm(predicted, axis=1), np.linalg.norm(true, axis=1))


def pearson_delta_de20(predicted: np.ndarray, true: np.ndarray, de20: np.ndarray) -> np.ndarray:
    """Pearson correlation of Δ̂ and Δ over the 20 genes of strongest differential expression.

    ``de20`` is int, shape (P, 20), from `strongest_genes`. Range [−1, 1], higher is better.
    Undefined counts as 0. Source: GEARS (Roohani et al. 2023).
    """
    return pearson_delta(np.take_along_axis(predicted, de20, 1), np.take_along_axis(true, de20, 1))


def pearson_delta_perturbed_ref(predicted: np.ndarray, true: np.ndarray, pool_mean: np.ndarray) -> np.ndarray:
    """Pearson correlation over genes against the mean perturbation of the pool: r(ŷ − m, y − m).

    ``pool_mean`` is the mean response of all perturbations that may be measured, float, shape (G,):
    the same for every strategy and budget of a split.
    Range [−1, 1], higher is better. Only what is specific to a perturbation counts: a prediction
    equal to m (up to float32 rounding) has an undefined correlation, which counts as 0. Source:
    the perturbed reference of Systema (Viñas Torné et al. 2025), whose mean is over the training
    perturbations; that of a selection's picks would be another reference for each selection, and the
    farther it lies from the pool's, the better a prediction of nothing would score.
    """
    size_reference = np.linalg.norm(pool_mean)
    return _correlation(
        predicted - pool_mean,
        true - pool_mean,
        np.linalg.norm(predicted, axis=1) + size_reference,
        np.linalg.norm(true, axis=1) + size_reference,
    )


def r2_delta(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Explained share of the squared response: 1 − Σ(Δ̂ − Δ)² / ΣΔ².

    Range (−∞, 1], higher is better; 0 is what the control mean reaches. Sensitive to scale.
    Undefined, and left out of means, where Δ = 0 in all genes. Source: our definition, the coefficient
    of determination about 0 instead of about the mean over genes.
    """
    total = np.sum(true**2, axis=1)
    rest = np.sum((predicted - true) ** 2, axis=1)
    return np.where(total > 0, 1 - rest / np.where(total > 0, total, 1), np.nan)


def explained_variance(predicted: np.ndarray, true: np.ndarray, pool_mean: np.ndarray) -> float:
    """Variance explained over the test set: 1 − Σ‖ŷ − y‖² / Σ‖m − y‖².

    ``pool_mean`` is the mean response of all perturbations that may be measured, float, shape (G,):
    the same for every strategy and budget of a split.
    Range (−∞, 1], higher is better: 0 is the pool's mean, 1 is perfect. Set level: strong
    perturbations weigh more. Undefined where all test responses equal m. Source: our definition, the
    coefficient of determination about m, over all genes and perturbations together.
    """
    total = np.sum((pool_mean - true) ** 2)
    return float(1 - np.sum((predicted - true) ** 2) / total) if total > 0 else np.nan


def direction_accuracy(predicted: np.ndarray, true: np.ndarray, de20: np.ndarray) -> np.ndarray:
    """Share of the 20 genes of strongest differential expression whose sign of Δ is right.

    ``de20`` is int, shape (P, 20), from `strongest_genes`. Range [0, 1], higher is better. A
    predicted Δ of exactly 0 is wrong; genes whose true Δ is 0 have no direction and are left out.
    Undefined, and left out of means, where no gene remains. Source: our definition;
    ``de_direction_match`` of cell-eval is the same share, of significant genes.
    """
    predicted, true = np.take_along_axis(predicted, de20, 1), np.take_along_axis(true, de20, 1)
    moved = true != 0
    right = (np.sign(predicted) == np.sign(true)) & moved
    count = moved.sum(axis=1)
    return np.where(count > 0, right.sum(axis=1) / np.maximum(count, 1), np.nan)


def centroid_accuracy(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Share of other test truths that are farther from a prediction than its own truth.

    Euclidean distance over all genes; a tie (up to rounding) counts ½, so that neither order nor
    seed decides. Range [0, 1], higher is better, 0.5 is chance (and exactly what one profile for
    all perturbations reaches on average). Undefined with a single test perturbation. O(P²·G)
    time, O(P²) memory. Source: centroid accuracy of Systema (Viñas Torné et al. 2025); the tie
    rule is ours.
    """
    count = len(true)
    if count < 2:
        return np.full(count, np.nan)
    # ‖ŷ_p − y_q‖² without ‖ŷ_p‖², which is the same for all q. Centring keeps the products small.
    centre = true.mean(axis=0)
    predicted, true = predicted - centre, true - centre
    squares = np.einsum("pg,pg->p", true, true)
    distance = squares - 2 * (predicted @ true.T)
    own = np.diagonal(distance)[:, None]
    tolerance = 1e-9 * (squares.max() + np.einsum("pg,pg->p", predicted, predicted))[:, None]
    farther = distance > own + tolerance
    tied = np.abs(distance - own) <= tolerance
    # Each prediction ties with its own truth: take that ½ off again.
    return (farther.sum(axis=1) + 0.5 * tied.sum(axis=1) - 0.5) / (count - 1)


def de_overlap(predicted: np.ndarray, true: np.ndarray, significant: np.ndarray) -> np.ndarray:
    """Overlap of the N genes of largest predicted ``|Δ̂|`` with the N significant genes: ``|T ∩ S| / N``.

    S are the significant genes of a perturbation, N = ``|S|``, T the N genes of largest ``|Δ̂|``.
    ``significant`` marks S, shape (P, G); ``true`` is not used. Range [0, 1], higher is better. Genes
    that tie at the N-th place share the places left, i.e. the value is the expectation over all tie
    orders: ``(|A ∩ S| + |E ∩ S|·(N − |A|) / |E|) / N`` for t the N-th largest ``|Δ̂|``,
    A = {g: ``|Δ̂_g|`` > t} and E = {g: ``|Δ̂_g|`` = t}. A prediction of 0 everywhere has N / G.
    Undefined, and left out of means, where no gene is significant. O(P·G·log G). Source: our
    definition, after ``overlap_at_N`` of cell-eval, which ranks by tests of predicted cells.
    """
    significant = significant.astype(bool)
    size = np.abs(predicted)
    wanted = significant.sum(axis=1)
    descending = -np.sort(-size, axis=1)
    last = np.take_along_axis(descending, np.maximum(wanted - 1, 0)[:, None], 1)
    above, tied = size > last, size == last
    share = (wanted - above.sum(axis=1)) / tied.sum(axis=1)
    found = (above & significant).sum(axis=1) + share * (tied & significant).sum(axis=1)
    return np.where(wanted > 0, found / np.maximum(wanted, 1), np.nan)


def spread_ratio(predicted: np.ndarray, true: np.ndarray) -> float:
    """How much predictions differ between perturbations, against how much truths do.

    Mean over genes of sd_p(Δ̂) / sd_p(Δ), genes whose true sd is 0 left out. Range [0, ∞); 1 is
    best, 0 a collapse to one profile. Set level. Undefined with a single perturbation. Source: our
    definition.
    """
    spread = true.std(axis=0)
    varies = spread > 0
    return float(np.mean(predicted.std(axis=0)[varies] / spread[varies])) if varies.any() else np.nan


def calibration(predicted: np.ndarray, true: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Share of genes whose true response lies in the predicted central 90 % interval.

    The interval is normal, Δ̂ ± 1.645·√variance, ``variance`` of shape (P, G) as the model gives
    it. Range [0, 1]; 0.9 is best, less is overconfident. Source: our definition, the empirical
    coverage of a normal predictive interval.
    """
    half_width = NormalDist().inv_cdf(0.95) * np.sqrt(variance)
    return np.mean(np.abs(true - predicted) <= half_width, axis=1)


def error_to_variance(predicted: np.ndarray, true: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Mean squared error over the mean predicted variance, per perturbation.

    ``variance`` is that of the response, shape (P, G), as the model gives it. Range [0, ∞); 1 is
    best, more is overconfident. Undefined, and left out of means, where the variance is 0. Source: our
    definition.
    """
    said = np.mean(variance, axis=1)
    return np.where(said > 0, mse(predicted, true) / np.where(said > 0, said, 1), np.nan)


def e_distance(predicted: np.ndarray, true: np.ndarray, distributions: Distributions) -> np.ndarray:
    """Energy distance between predicted and observed cells, mean over genes, without bias.

    ``distributions`` holds the histograms; ``predicted`` and ``true`` are not used. Range about 0 to ∞,
    lower is better; its expectation is 0 where the distributions agree, so single values may be
    negative. Per gene, 2 E|X − Y| − E|X − X'| − E|Y − Y'|, over different cells. Source: Székely &
    Rizzo 2013; the mean over genes is our definition. Undefined with fewer than 2 observed cells.
    """
    return distributions.each(energy_distance_of_histograms)


def wasserstein(predicted: np.ndarray, true: np.ndarray, distributions: Distributions) -> np.ndarray:
    """Wasserstein-1 distance between predicted and observed cells, mean over genes.

    ``distributions`` holds the histograms; ``predicted`` and ``true`` are not used. Range [0, ∞),
    lower is better; a perfect prediction is not at 0 since the observed cells are a sample. Per gene
    ∫ |F − Q|. Source: the usual form in one dimension; the mean over genes is our definition.
    """
    return distributions.each(wasserstein_of_histograms)


@dataclass(frozen=True)
class Metric:
    """A metric as tables, figures and comparisons need it.

    Attributes
    ----------
    function : callable
        ``function(predicted, true, *needs)``.
    level : str
        ``perturbation`` (one value each) or ``set`` (one for the test set).
    better : str
        ``higher``, ``lower``, or ``target``: nearer to `ideal`.
    ideal : float
        Value of a perfect prediction.
    label : str
        Name on axes, with unit.
    needs : tuple of str
        Further arguments: ``de20``, ``pool_mean``, ``significant``, ``variance``,
        ``distributions``.
    undefined : float
        What an undefined value counts as; NaN: it is left out of means.
    """

    function: Callable[..., np.ndarray | float]
    level: Literal["perturbation", "set"]
    better: Literal["higher", "lower", "target"]
    ideal: float
    label: str
    needs: tuple[str, ...] = ()
    undefined: float = np.nan

    def loss(self, value):
        """Turn values (number, array or Series) round so that lower is better."""
        if self.better == "target":
            return abs(value - self.ideal)
        return value if self.better == "lower" else -value

    @property
    def direction(self) -> str:
        """Say which way is better, in words."""
        return f"{self.ideal:g} is best" if self.better == "target" else f"{self.better} is better"


METRICS: dict[str, Metric] = {
    "mse": Metric(mse, "perturbation", "lower", 0, "MSE (squared response)"),
    "mse_de20": Metric(
        mse_de20, "perturbation", "lower", 0, "MSE, top 20 DE genes (squared response)", ("de20",)
    ),
    "rmse": Metric(rmse, "perturbation", "lower", 0, "RMSE (response)"),
    "mae": Metric(mae, "perturbation", "lower", 0, "MAE (response)"),
    "pearson_delta": Metric(
        pearson_delta, "perturbation", "higher", 1, "Pearson r of response, control as reference", (), 0.0
    ),
    "pearson_delta_de20": Metric(
        pearson_delta_de20,
        "perturbation",
        "higher",
        1,
        "Pearson r of response, top 20 DE genes",
        ("de20",),
        0.0,
    ),
    "pearson_delta_perturbed_ref": Metric(
        pearson_delta_perturbed_ref,
        "perturbation",
        "higher",
        1,
        "Pearson r of response, pool mean as reference",
        ("pool_mean",),
        0.0,
    ),
    "r2_delta": Metric(r2_delta, "perturbation", "higher", 1, "R² of response"),
    "explained_variance": Metric(
        explained_variance,
        "set",
        "higher",
        1,
        "Variance explained beyond the pool mean",
        ("pool_mean",),
    ),
    "direction_accuracy": Metric(
        direction_accuracy, "perturbation", "higher", 1, "Right direction, top 20 DE genes (share)", ("de20",)
    ),
    "centroid_accuracy": Metric(centroid_accuracy, "perturbation", "higher", 1, "Centroid accuracy (share)"),
    "de_overlap": Metric(
        de_overlap, "perturbation", "higher", 1, "Overlap with significant genes (share)", ("significant",)
    ),
    "spread_ratio": Metric(spread_ratio, "set", "target", 1, "Spread of predictions / spread of truths"),
    "calibration": Metric(
        calibration, "perturbation", "target", 0.9, "Truths in the 90 % interval (share)", ("variance",)
    ),
    "error_to_variance": Metric(
        error_to_variance, "perturbation", "target", 1, "Squared error / predicted variance", ("variance",)
    ),
    "e_distance": Metric(
        e_distance, "perturbation", "lower", 0, "Energy distance of cells (expression)", ("distributions",)
    ),
    "wasserstein": Metric(
        wasserstein,
        "perturbation",
        "lower",
        0,
        "Wasserstein distance of cells (expression)",
        ("distributions",),
    ),
}
