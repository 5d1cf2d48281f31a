"""The part of `graphnet` that is no network: predictions of rows that were held out, and of new rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.models.graph_network.head import Head, PrincipalResponses
from perturbselect.models.ridge.choice import leave_one_out_mixture

# Tried around the leave-one-out penalty of kernel ridge: a taper wants less of it.
PENALTIES = np.exp(np.arange(-2.5, 0.75, 0.5))
TAPERS = (0.0, 0.5, 1.0, 1.5, 2.0)
EQUAL = 15.0  # perturbations that speak for equal weights of the kernels
WEIGHT = 3.0  # of a share of rows told apart, beside a share of the variance
ERRORS = 2.0  # standard errors by which a gain on held-out rows must be above 0


@dataclass(frozen=True)
class Base:
    """Predictions of P = n + t rows, the n training rows each without the rows of its fold.

    Attributes
    ----------
    fold : ndarray of int, shape (n,)
    kernel : ndarray of float64, shape (P, P)
        The mixture; training rows first.
    mean : ndarray of float64, shape (P, G)
        Mean of the training responses that a row's prediction may use.
    predicted : ndarray of float64, shape (P, G)
        By the mixture.
    alone : ndarray of float64, shape (M, P, G)
        By each kernel, with the same penalty.
    penalty : float
    apart : float
        How well kernel ridge tells the training rows apart (`told_apart`).
    value : float
        What the head gains over kernel ridge by both marks, as they are added in `fit_base`.
    summary : dict
        Weights, penalty, taper, and the gain in error as a share of the responses' variance.
    """

    fold: np.ndarray
    kernel: np.ndarray
    mean: np.ndarray
    predicted: np.ndarray
    alone: np.ndarray
    penalty: float
    apart: float
    value: float
    summary: dict[str, object]


def folds_of(n: int, folds: int, generator: np.random.Generator) -> np.ndarray:
    """Return the fold of each of n rows, sizes differing by at most 1."""
    return generator.permutation(n) % folds


def fit_base(kernels: np.ndarray, responses: np.ndarray, fold: np.ndarray) -> Base:
    """Choose mixture, penalty and taper, and predict.

    Weights and penalty are those of `kernel_ridge` (leave-one-out) with ``towards_equal`` at
    `EQUAL`. Penalty and taper of the head are then chosen on the held-out folds, by two marks:
    the squared error, as a share of the responses' variance, and how well predictions tell the
    perturbations of a fold apart (`told_apart`). The error alone would shrink whatever is
    uncertain, until predictions are alike. Of the heads whose error is less than that of
    kernel ridge by two standard errors (over perturbations) and that tell apart no worse, the one
    with the largest sum of both gains, the second times `WEIGHT`, is taken; if there is none, the
    head is kernel ridge. In folds of one row nothing can be told apart, and the error alone decides.

    Parameters
    ----------
    kernels : ndarray of float64, shape (M, P, P)
        Training rows first.
    responses : ndarray of float64, shape (n, G)
    fold : ndarray of int, shape (n,)

    Notes
    -----
    O(n^3) for each step of the search, each fold and each kernel.
    """
    n, genes = responses.shape
    weights, penalty, _ = leave_one_out_mixture(kernels[:, :n, :n], responses, None, EQUAL)
    kernel = np.tensordot(weights, kernels, axes=1)
    parts = [(fold != f, np.flatnonzero(fold == f)) for f in range(fold.max() + 1)]
    heads = [
        Head.of(kernel[np.ix_(used, used)], PrincipalResponses.of(responses[used]))
        for used in (np.flatnonzero(rest) for rest, _ in parts)
    ]
    plain = (1.0, 0.0)  # kernel ridge
    errors = {(factor, taper): np.zeros(n) for taper in TAPERS for factor in (*PENALTIES, 1.0)}
    apart = {key: np.zeros(n) for key in errors}
    for head, (rest, held) in zip(heads, parts, strict=True):
        turned = kernel[np.ix_(held, np.flatnonzero(rest))] @ head.vectors
        true = responses[held] - head.targets.mean
        scores = true @ head.targets.components.T
        square = np.sum(true**2, axis=1)
        for key in errors:
            predicted_scores = head.predict_scores(turned, penalty * key[0], key[1])
            errors[key][held] = np.sum((predicted_scores - scores) ** 2 - scores**2, axis=1)
            apart[key][held] = told_apart(predicted_scores, scores, square)
    gains = {key: errors[plain] - error for key, error in errors.items()}
    variance = float(np.sum((responses - responses.mean(axis=0)) ** 2)) / n or 1.0
    distinct = {key: float(np.mean(told - apart[plain])) for key, told in apart.items()}
    value = {key: float(gain.mean()) / variance + WEIGHT * distinct[key] for key, gain in gains.items()}
    better = [key for key, gain in gains.items() if surely(gain) and distinct[key] >= 0]
    best = max(better, key=lambda key: value[key], default=plain)
    factor, taper = best

    new = np.arange(n, len(kernel))
    mean, predicted = np.empty((2, len(kernel), genes))
    alone = np.empty((len(kernels), len(kernel), genes))
    whole = Head.of(kernel[:n, :n], PrincipalResponses.of(responses))
    for head, used, rows in [
        *((head, np.flatnonzero(rest), held) for head, (rest, held) in zip(heads, parts, strict=True)),
        (whole, np.arange(n), new),
    ]:
        mean[rows] = head.targets.mean
        predicted[rows] = head.predict(kernel[np.ix_(rows, used)], penalty * factor, taper)
        for m, one in enumerate(kernels):
            single = Head.of(one[np.ix_(used, used)], head.targets)
            alone[m, rows] = single.predict(one[np.ix_(rows, used)], penalty, 0.0)
    summary: dict[str, object] = {
        "weights": weights.tolist(),
        "penalty": float(penalty * factor),
        "taper": taper,
        "head_gain": float(gains[best].mean() / variance),
    }
    return Base(
        fold,
        kernel,
        mean,
        predicted,
        alone,
        float(penalty * factor),
        float(np.mean(apart[plain])),
        value[best],
        summary,
    )


def surely(gain: np.ndarray) -> bool:
    """Say whether the mean gain over rows is above 0 by `ERRORS` standard errors."""
    return bool(gain.mean() > ERRORS * gain.std() / np.sqrt(len(gain)))


def told_apart(predicted: np.ndarray, true: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Return the share of other rows that are farther from a prediction than its own row; a tie is ½.

    Parameters
    ----------
    predicted, true : ndarray, shape (h, r)
        Principal scores of h held-out rows.
    square : ndarray, shape (h,)
        Squared length of the true rows, what lies outside the components included.
    """
    if len(true) < 2:
        return np.full(len(true), 0.5)
    distance = square - 2 * predicted @ true.T  # but for the prediction's own length
    own = np.diagonal(distance)[:, None]
    closer = (own < distance).sum(axis=1) + 0.5 * ((own == distance).sum(axis=1) - 1)
    return closer / (len(true) - 1)
