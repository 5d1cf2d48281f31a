"""V-optimal design whose kernel and noise are fitted again to what has been measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates
from perturbselect.rounds.engine.batch import Batch, check_size
from perturbselect.rounds.engine.fused_kernel import prior_kernels


@ACQUISITIONS.register
@dataclass(frozen=True)
class VOptimalRounds:
    """The batch that leaves least uncertainty, under the Gaussian process that fits what is measured.

    Mixture weights of the kernels and noise are those of `kernel_ridge` (least leave-one-out error,
    `models.ridge.choice`) on the responses measured so far; then greedy as the strategy `v_optimal`,
    the measured perturbations being in. With one kernel only the noise is fitted. Where all measured
    responses are alike, all noises fit equally well and the largest is taken; with fewer than two there is
    nothing to fit: equal weights, and the noise that `v_optimal` assumes. No other model is read.
    O(m³) for a step of the fit on m measured, and O(n·q) for a pick among n with q that count.
    """

    sees_measured: ClassVar[bool] = True

    kernel: Annotated[
        str | Annotated[tuple[str, ...], Field(min_length=1)],
        Field(description="Kernel over perturbations: a key of `kernels`, or a list of them, to be mixed."),
    ]
    universe: Annotated[
        Literal["queries", "pool"],
        Field(description="Whose variance counts: of the perturbations to predict, or of all candidates."),
    ] = "queries"

    def acquire(self, candidates: Candidates, size: int, generator: np.random.Generator) -> Batch:
        """Choose `size` of the pool."""
        from perturbselect.models.ridge.choice import leave_one_out_mixture
        from perturbselect.selection.engine.constraints import Constraints
        from perturbselect.selection.engine.gaussian import QueryVariance
        from perturbselect.selection.engine.greedy import greedy
        from perturbselect.selection.engine.similarity import Similarity
        from perturbselect.selection.strategy import Problem
        from perturbselect.selection.v_optimal import VOptimal

        check_size(len(candidates.pool), size)
        assert candidates.responses is not None
        wanted = (self.kernel,) if isinstance(self.kernel, str) else self.kernel
        everyone = np.r_[candidates.names, candidates.queries]
        kernels = np.array(prior_kernels(candidates.priors, wanted, everyone))
        known = len(candidates.labelled)
        responses = candidates.responses.astype(np.float64)
        weights, noise = np.full(len(kernels), 1 / len(kernels)), None
        if known > 1:
            weights, noise, _ = leave_one_out_mixture(kernels[:, :known, :known], responses, None)
        kernel = pd.DataFrame(np.tensordot(weights, kernels, axes=1), everyone, everyone)
        problem = Problem(
            candidates.names,
            candidates.queries,
            kernel=kernel,
            constraints=Constraints(measured=np.arange(known)),
        )
        similarity = Similarity.of(problem, self.universe)
        noise = similarity.noise(VOptimal.noise) if noise is None else noise
        picks = greedy(lambda: QueryVariance(similarity, noise, unknown_mean=True), problem, size, generator)
        dry = np.flatnonzero(picks.zero_gain[known:])
        return Batch(
            picks.order[known:] - known,
            picks.gain[known:],
            picks.tied[known:],
            int(dry[0]) if len(dry) else None,
        )
