"""BALD: the candidates whose response the model is least sure of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates, Features, Sigma
from perturbselect.rounds.engine.batch import TOLERANCE, Batch, Draft
from perturbselect.rounds.engine.transforms import posterior


def largest(score: np.ndarray, size: int, generator: np.random.Generator) -> Batch:
    """Take the candidates of highest score, O(n·k); where none is above 0, draw at random."""
    draft = Draft(len(score), size, generator)
    slack = TOLERANCE * float(score.max(initial=0))
    while draft.open:
        candidate, tied = draft.best(score, slack)
        if score[candidate] <= slack:
            break
        draft.take(candidate, score[candidate], tied)
    return draft.finish()


@ACQUISITIONS.register
@dataclass(frozen=True)
class Bald:
    """The largest posterior variances k'(x, x), each on its own.

    Features are transformed by `posterior`. The mutual information of a response and the weights,
    ½ log(1 + k'/σ²), grows with k', so the order is that of BALD (Houlsby et al. 2011). Candidates
    like each other are taken together: see `batchbald`. With ``features: variance`` the model's own
    predictive variances, summed over genes, stand for k'. O(t·p·min(t, p) + n·p·min(t, p) + n·k).
    """

    features: Features = "effect"
    sigma: Sigma = 0.1

    def acquire(self, candidates: Candidates, size: int, generator: np.random.Generator) -> Batch:
        """Choose `size` of the pool."""
        labelled, pool = candidates.matrices(self.features)
        if self.features == "variance":
            return largest(pool.sum(axis=1), size, generator)
        _, pool = posterior(labelled, pool, self.sigma)
        return largest(np.einsum("ip,ip->i", pool, pool), size, generator)
