"""Transforms of features, after Holzmüller et al. 2023 (JMLR 24:164), whose names they bear.

Everywhere ``labelled`` is float64 of shape (t, p), ``pool`` of shape (n, p). A transform fixes what it
learns on the labelled set and is applied to both; the kernel of features φ is k(x, x') = φ(x)ᵀφ(x').
"""

from __future__ import annotations

import numpy as np


def scale(labelled: np.ndarray, pool: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Divide by the root of the labelled set's mean squared norm: φ / √mean‖φ_T‖².

    If nothing is labelled, or all of its features are 0, the pool's norm stands in; if that is 0
    too, nothing is done. O((t + n)·p).
    """
    for known in (labelled, pool):
        size = np.sqrt(np.einsum("ip,ip->", known, known) / max(len(known), 1))
        if size > 0:
            return labelled / size, pool / size
    return labelled, pool


def posterior(labelled: np.ndarray, pool: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Scale, then condition the Gaussian process of the features on the labelled set.

    The new features have the kernel ``k'(x, x') = σ² φ(x)ᵀ(Φ_TᵀΦ_T + σ²I)⁻¹ φ(x')``: the posterior
    covariance of a Bayesian linear model with prior N(0, I) and noise σ². They are φ times the symmetric
    root of ``Σ = σ²(Φ_TᵀΦ_T + σ²I)⁻¹``. With the thin singular value decomposition
    ``Φ_T = U diag(s) Vᵀ`` it is ``Σ^½ = I − V diag(1 − σ/√(s² + σ²)) Vᵀ``: no p × p matrix is made
    where features outnumber labels, and no t × t matrix where it is the other way round.

    Parameters
    ----------
    labelled, pool : ndarray of float64, shapes (t, p) and (n, p)
    sigma : float
        Noise standard deviation, in units of the scaled features.

    Returns
    -------
    labelled, pool : ndarray of float64, shapes (t, p) and (n, p)

    Notes
    -----
    O(t·p·min(t, p) + n·p·min(t, p)) time.
    """
    labelled, pool = scale(labelled, pool)
    if not labelled.size:
        return labelled, pool
    _, size, directions = np.linalg.svd(labelled, full_matrices=False)
    shrinkage = 1 - sigma / np.sqrt(size**2 + sigma**2)

    def conditioned(features: np.ndarray) -> np.ndarray:
        return features - (features @ directions.T * shrinkage) @ directions

    return conditioned(labelled), conditioned(pool)


def sketch(
    labelled: np.ndarray, pool: np.ndarray, size: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Project on `size` Gaussian directions: φ·W/√size with W standard normal, shape (p, size).

    Squared distances and inner products keep their expectation. Where there are no more than `size`
    features, a projection would only add noise, and they are returned as they are (our choice).
    O((t + n)·p·size).
    """
    if pool.shape[1] <= size:
        return labelled, pool
    directions = generator.standard_normal((pool.shape[1], size)) / np.sqrt(size)
    return labelled @ directions, pool @ directions


def acs_random_features(
    labelled: np.ndarray,
    pool: np.ndarray,
    size: int,
    sigma: float,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return random features of the utility of active Bayesian coresets, shapes (t, size) and (n, size).

    For one draw f of the posterior, the utility of measuring x is the expected log likelihood plus
    the predictive entropy, for Gaussian noise σ²,

        u(x) = ½ log(1 + k(x, x)/σ²) − (f(x)² + k(x, x)) / (2σ²),   f ~ GP(0, k),

    with k the posterior kernel of `posterior`. Feature j is u of the j-th draw divided by √size, so
    that inner products estimate E[u(x)·u(x')]. Source: Pinsler et al. 2019 (NeurIPS), for regression
    as in Holzmüller et al. 2023, section 4; derived afresh. O((t + n)·p·size).
    """
    labelled, pool = posterior(labelled, pool, sigma)
    draws = generator.standard_normal((pool.shape[1], size))

    def utility(features: np.ndarray) -> np.ndarray:
        variance = np.einsum("ip,ip->i", features, features)[:, None]
        value = np.log1p(variance / sigma**2) - ((features @ draws) ** 2 + variance) / sigma**2
        return value / (2 * np.sqrt(size))

    return utility(labelled), utility(pool)
