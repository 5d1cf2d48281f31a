"""IterPert's rule without its model: what the loop adds is what this lacks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates
from perturbselect.rounds.engine.batch import Batch
from perturbselect.rounds.engine.distances import KernelDistances, farthest_first
from perturbselect.rounds.engine.fused_kernel import fuse, prior_kernels
from perturbselect.rounds.iterpert import Fusion, Priors


@ACQUISITIONS.register
@dataclass(frozen=True)
class PriorOnly:
    """Farthest point first in the fused prior kernels; no model is read.

    As `iterpert`, without the model's Gram matrix. Its picks do not depend on what was measured,
    only on which perturbations were: one round of k picks and several of k together are the same, up to ties.
    """

    priors: Priors
    fusion: Fusion = "mean"

    def acquire(self, candidates: Candidates, size: int, generator: np.random.Generator) -> Batch:
        """Choose `size` of the pool."""
        kernel = fuse(prior_kernels(candidates.priors, self.priors, candidates.names), self.fusion)
        labelled = len(candidates.labelled)
        return farthest_first(KernelDistances(kernel, labelled), labelled, size, generator)
