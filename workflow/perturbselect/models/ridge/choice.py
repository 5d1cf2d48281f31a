"""Choose the penalty, and the mixture of kernels, with the least leave-one-out error."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.special import softmax

DECADES = 4  # penalties tried: up to this many decades above and below the kernel's mean diagonal
LOGIT_BOUND = 8.0  # of the mixture: a weight is at least about e^-16 of the largest


def compressed(responses: np.ndarray) -> np.ndarray:
    """Return columns with the same inner products of rows: min(n, G) of them."""
    n, genes = responses.shape
    return np.asarray(np.linalg.qr(responses.T, mode="r")).T if genes > n else responses


def leave_one_out_penalty(kernel: np.ndarray, responses: np.ndarray) -> tuple[float, float | None]:
    """Return the penalty with the least mean squared leave-one-out error, and that error.

    The grid has ten penalties a decade, from 10^-4 to 10^4 times the kernel's mean
    diagonal. Where penalties do equally well (two training rows: all do) the
    largest is taken; from a single row nothing can be left out.

    Parameters
    ----------
    kernel : ndarray of float64, shape (n, n)
    responses : ndarray of float64, shape (n, G)

    Notes
    -----
    O(n^3), and O(n^2 min(n, G)) for each penalty.
    """
    n, genes = responses.shape
    values, vectors = np.linalg.eigh(kernel)
    values = values.clip(min=0)
    grid = np.logspace(DECADES, -DECADES, 20 * DECADES + 1) * max(values.sum() / n, np.finfo(float).tiny)
    if n == 1:
        return float(grid[0]), None
    rotated = vectors.T @ compressed(responses)
    ones = vectors.sum(axis=0)
    errors = np.empty(len(grid))
    for k, penalty in enumerate(grid):
        shrunk = vectors / (values + penalty)
        q_ones = shrunk @ ones
        total = q_ones.sum()
        residuals = shrunk @ rotated - np.outer(q_ones, (ones / (values + penalty)) @ rotated / total)
        precision = np.einsum("ij,ij->i", shrunk, vectors) - q_ones**2 / total
        errors[k] = np.sum((residuals / precision[:, None]) ** 2) / (n * genes)
    best = int(np.flatnonzero(errors <= errors.min() * (1 + 1e-9))[0])
    return float(grid[best]), float(errors[best])


def leave_one_out_mixture(
    kernels: np.ndarray, responses: np.ndarray, penalty: float | None, towards_equal: float = 0.0
) -> tuple[np.ndarray, float, float | None]:
    """Return the weights of a mixture of kernels, the penalty, and their leave-one-out error.

    The mean squared leave-one-out error is minimised over the weights (positive, their sum
    is 1) and the penalty, by L-BFGS with its exact gradient, from equal weights and the best
    penalty for these: a local minimum.

    Parameters
    ----------
    kernels : ndarray of float64, shape (M, n, n)
        Each positive semidefinite, of comparable diagonals.
    responses : ndarray of float64, shape (n, G)
    penalty : float or None
        None: chosen.
    towards_equal : float
        How many rows speak for equal weights: ``towards_equal / n`` times the Kullback-Leibler
        divergence of the weights from equal ones is added to the log of the error. 0: none do.

    Notes
    -----
    O(n^3 + M n^2) for each step.
    """
    count, n, _ = kernels.shape
    equal = np.full(count, 1 / count)
    start, error = leave_one_out_penalty(kernels.mean(axis=0), responses)
    if count == 1 or n <= 2:
        return equal, penalty or start, error if penalty is None else None
    scale = float(np.trace(kernels.mean(axis=0))) / n
    rows, genes = compressed(responses), responses.shape[1]

    def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        weights = softmax(parameters[:count])
        chosen = penalty or np.exp(parameters[count])
        error, slope = leave_one_out_error(kernels, rows, weights / chosen)
        slope = np.append(slope - weights * slope.sum(), -slope.sum())
        if not towards_equal:
            return error / (n * genes), slope / (n * genes)
        slope /= max(error, np.finfo(float).tiny)
        slope[:count] += towards_equal / n * (weights - equal)
        return np.log(max(error, np.finfo(float).tiny)) - towards_equal / n * np.mean(
            np.log(weights * count)
        ), slope

    first = np.append(np.zeros(count), np.log(penalty or start))
    low, high = np.log(scale) - DECADES * np.log(10), np.log(scale) + DECADES * np.log(10)
    bounds = [(-LOGIT_BOUND, LOGIT_BOUND)] * count + [(low, high)]
    if penalty is not None:
        bounds[-1] = (first[-1], first[-1])
    found = minimize(objective, first, jac=True, method="L-BFGS-B", bounds=bounds)
    weights, chosen = softmax(found.x[:count]), float(np.exp(found.x[count]))
    error = float(found.fun)
    if towards_equal:
        error = leave_one_out_error(kernels, rows, weights / chosen)[0] / (n * genes)
    return weights, chosen, error


def leave_one_out_error(
    kernels: np.ndarray, responses: np.ndarray, strengths: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return the summed squared leave-one-out error, and its slope in the log of each strength.

    The covariance is sum_m strength_m K_m + I. With e_i = (P Y)_i / P_ii and
    dP = -P dC P (P of `RidgeFit`), the slope is -2 strength_m <K_m, A>, where
    A = P V (P Y)' - P diag(c) P, V_i = (P Y)_i / P_ii^2, c_i = |(P Y)_i|^2 / P_ii^3.

    Parameters
    ----------
    kernels : ndarray, shape (M, n, n)
    responses : ndarray, shape (n, r)
    strengths : ndarray, shape (M,)
    """
    n = len(responses)
    covariance = np.tensordot(strengths, kernels, axes=1) + np.eye(n)
    inverse = cho_solve(cho_factor(covariance), np.eye(n))
    ones = inverse.sum(axis=0)
    projection = inverse - np.outer(ones, ones) / ones.sum()
    residuals, precision = projection @ responses, projection.diagonal()[:, None]
    squares = np.sum(residuals**2, axis=1)
    inner = (projection @ (residuals / precision**2)) @ residuals.T
    inner -= (projection * (squares / precision[:, 0] ** 3)) @ projection
    slope = -2 * strengths * np.einsum("mij,ij->m", kernels, inner)
    return float(np.sum(squares / precision[:, 0] ** 2)), slope
