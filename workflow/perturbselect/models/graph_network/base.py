"""The part of `graphnet` that is no network: predictions of rows that were held out, and of new rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.models.graph_network.head import Head, PrincipalResponses
from perturbselect.models.ridge.choice import leave_one_out_mixture

# Tried around the leave-one-out penalty of kernel ridge: a taper wants less of it.
PENALTIES = np.exp(np.arange(-2.5, 0.75, 0.5))
TAPERS = (0.0, 0.5, 1.0, 1.5, 2.0)
EQUAL = 5.0  # perturbations that speak for equal weights of the kernels
ERRORS = 2.0  # standard errors by which another head must beat kernel ridge


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
    summary : dict
        Weights, penalty, taper, and the error relative to kernel ridge's.
    """

    fold: np.ndarray
    kernel: np.ndarray
    mean: np.ndarray
    predicted: np.ndarray
    alone: np.ndarray
    penalty: float
    summary: dict[str, object]


def folds_of(n: int, folds: int, generator: np.random.Generator) -> np.ndarray:
    """Return the fold of each of n rows, sizes differing by at most 1."""
    return generator.permutation(n) % folds


def fit_base(kernels: np.ndarray, responses: np.ndarray, fold: np.ndarray) -> Base:
    """Choose mixture, penalty and taper, and predict.

    Weights and penalty are those of `kernel_ridge` (leave-one-out) with ``towards_equal`` at
    `EQUAL`. Penalty and taper of the head are then those with the least error on the held-out
    folds, provided that this is less than that of kernel ridge by two standard errors (over
    perturbations); else the head is kernel ridge.

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
    errors = {(factor, taper): np.zeros(n) for taper in TAPERS for factor in (*PENALTIES, 1.0)}
    for head, (rest, held) in zip(heads, parts, strict=True):
        cross = kernel[np.ix_(held, np.flatnonzero(rest))]
        true = (responses[held] - head.targets.mean) @ head.targets.components.T
        for factor, taper in errors:
            scores = head.predict_scores(cross, penalty * factor, taper)
            errors[factor, taper][held] = np.sum((scores - true) ** 2 - true**2, axis=1)
    plain, best = (1.0, 0.0), min(errors, key=lambda key: errors[key].mean())
    gain = errors[plain] - errors[best]
    if gain.mean() <= ERRORS * gain.std() / np.sqrt(n):
        best = plain
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
    total = np.sum((responses - responses.mean(axis=0)) ** 2)
    summary: dict[str, object] = {
        "weights": weights.tolist(),
        "penalty": float(penalty * factor),
        "taper": taper,
        "head_gain": float(gain.sum() / total) if best != plain else 0.0,
    }
    return Base(fold, kernel, mean, predicted, alone, float(penalty * factor), summary)
