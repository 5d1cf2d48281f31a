"""BatchBALD: the batch that is least sure as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates, Features, Sigma
from perturbselect.rounds.engine.batch import TOLERANCE, Batch, Draft
from perturbselect.rounds.engine.transforms import posterior


def largest_determinant(pool: np.ndarray, size: int, generator: np.random.Generator) -> Batch:
    """Maximise det k(B, B) greedily: pivoted Cholesky of the kernel of features, shape (n, p).

    A pick's score is the variance left in it given the picks before (the pivot). Once no pivot is
    above 0, the batch spans all features: the criterion has run dry, and the rest is drawn at random.
    O(n·p·k + n·k²) time, O(n·k) memory.
    """
    draft = Draft(len(pool), size, generator)
    rest = np.einsum("ip,ip->i", pool, pool)
    slack = TOLERANCE * float(rest.max(initial=0))
    factor = np.zeros((len(pool), size))
    for column in range(size):
        candidate, tied = draft.best(rest, slack)
        pivot = rest[candidate]
        if pivot <= slack:
            break
        draft.take(candidate, pivot, tied)
        covariance = pool @ pool[candidate] - factor[:, :column] @ factor[candidate, :column]
        factor[:, column] = covariance / np.sqrt(pivot)
        rest = rest - factor[:, column] ** 2
    return draft.finish()


@ACQUISITIONS.register
@dataclass(frozen=True)
class BatchBald:
    """Greedy log determinant of the posterior kernel.

    After `posterior`, the pick is ``argmax k'(x, x | picks so far)``. Kirsch et al. 2019 (NeurIPS),
    for regression as in Holzmüller et al. 2023 (MaxDet); no noise is added to the diagonal.
    O(t·p·min(t, p) + n·p·k + n·k²).
    """

    features: Features = "effect"
    sigma: Sigma = 0.1

    def acquire(self, candidates: Candidates, size: int, generator: np.random.Generator) -> Batch:
        """Choose `size` of the pool."""
        _, pool = posterior(*candidates.matrices(self.features), self.sigma)
        return largest_determinant(pool, size, generator)
