"""IterPert: k-center on the model's kernel fused with prior ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates, Features
from perturbselect.rounds.engine.batch import Batch
from perturbselect.rounds.engine.distances import KernelDistances, farthest_first
from perturbselect.rounds.engine.fused_kernel import fuse, prior_kernels

Priors = Annotated[list[str], Field(min_length=1, description="Keys of the prior kernels.")]
Fusion = Annotated[
    Literal["mean", "max", "product"], Field(description="How max-normalised kernels become one.")
]


@ACQUISITIONS.register
@dataclass(frozen=True)
class IterPert:
    """Farthest point first in the fused kernel, labelled points as the first centres.

    The kernel is the mean (or maximum, or product) of the model's Gram matrix ΔΔᵀ of predicted
    responses and of every prior kernel, each divided by its largest value. Huang et al. 2023.
    Run dry means that all candidates left coincide with centres; the rest is drawn at random.
    O((t + n)²·(p + number of priors) + (t + k)·n) time, O((t + n)²) memory for each kernel.
    """

    priors: Priors
    features: Features = "effect"
    fusion: Fusion = "mean"

    def acquire(self, candidates: Candidates, size: int, generator: np.random.Generator) -> Batch:
        """Choose `size` of the pool."""
        features = np.vstack(candidates.matrices(self.features))
        kernels = prior_kernels(candidates.priors, self.priors, candidates.names)
        kernel = fuse([features @ features.T, *kernels], self.fusion)
        labelled = len(candidates.labelled)
        return farthest_first(KernelDistances(kernel, labelled), labelled, size, generator)
