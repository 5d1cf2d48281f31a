"""BAIT: the batch that lowers the variance of all perturbations most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates, Features, Sigma
from perturbselect.rounds.engine.batch import TOLERANCE, Batch, Draft
from perturbselect.rounds.engine.transforms import posterior


def forward_bait(
    labelled: np.ndarray, pool: np.ndarray, sigma: float, size: int, generator: np.random.Generator
) -> Batch:
    """Take the candidate whose measurement lowers ``Σ_x k(x, x)`` over labelled and pool most.

    With ``C = Σ_x φ(x)φ(x)ᵀ`` that fall is the score ``φᵀCφ / (φᵀφ + σ²)``. After a pick u all
    features are projected, ``φ ← (I − βuuᵀ)φ`` with ``(I − βuuᵀ)² = I − uuᵀ/(uᵀu + σ²)``, which is
    conditioning on its measurement; C and the scores' numerators follow by updates of low rank. Where
    nothing has variance left, the rest is drawn at random.

    Parameters
    ----------
    labelled, pool : ndarray of float64, shapes (t, p) and (n, p)
        Posterior features.
    sigma : float
        Noise standard deviation.
    size : int
    generator : numpy.random.Generator

    Notes
    -----
    O((t + n)·p² + k·(n·p + p²)) time, O(n·p + p²) memory; features that outnumber the
    perturbations are rotated into as many dimensions as there are perturbations.
    """
    draft = Draft(len(pool), size, generator)
    every = np.vstack([labelled, pool])
    if every.shape[1] > len(every):
        every = np.asarray(np.linalg.qr(every.T, mode="r")).T
    pool = every[len(labelled) :]
    fisher = every.T @ every
    fall = np.einsum("ip,ip->i", pool @ fisher, pool)
    variance = np.einsum("ip,ip->i", pool, pool)
    slack = TOLERANCE * float((fall / (variance + sigma**2)).max(initial=0))
    while draft.open:
        score = fall / (variance + sigma**2)
        candidate, tied = draft.best(score, slack)
        if score[candidate] <= slack:
            break
        draft.take(candidate, score[candidate], tied)
        pick = pool[candidate].copy()
        size_of_pick = pick @ pick
        weight = 1 / (size_of_pick + sigma**2)
        along, seen = pool @ pick, fisher @ pick
        fall += (weight * along) ** 2 * (pick @ seen) - 2 * weight * along * (pool @ seen)
        variance -= weight * along**2
        beta = (1 - sigma * np.sqrt(weight)) / size_of_pick
        pool = pool - beta * np.outer(along, pick)
        crossed = beta * np.outer(pick, seen)
        fisher = fisher - crossed - crossed.T + beta**2 * (pick @ seen) * np.outer(pick, pick)
        np.maximum(variance, 0, out=variance)
    return draft.finish()


@ACQUISITIONS.register
@dataclass(frozen=True)
class Bait:
    """Greedy fall of the summed posterior variance of all perturbations, labelled and not.

    After `posterior`. Ash et al. 2021 (NeurIPS), forward pass only, for regression as in Holzmüller
    et al. 2023. It is `v_optimal` on the model's features. See `forward_bait` for formula and cost.
    """

    features: Features = "effect"
    sigma: Sigma = 0.1

    def acquire(self, candidates: Candidates, size: int, generator: np.random.Generator) -> Batch:
        """Choose `size` of the pool."""
        labelled, pool = posterior(*candidates.matrices(self.features), self.sigma)
        return forward_bait(labelled, pool, self.sigma, size, generator)
