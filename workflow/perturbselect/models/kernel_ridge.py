"""Kernel ridge regression (Gaussian-process regression) on kernels over perturbations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge, Prediction, responses_of

if TYPE_CHECKING:
    from anndata import AnnData


@MODELS.register
@dataclass(frozen=True)
class KernelRidge:
    """Similar perturbations, by kernels from the knowledge graphs, respond alike.

    The responses of gene g are modelled as ``y = mu_g + f + noise`` with
    ``f ~ N(0, s_g K)``, noise of variance ``s_g * penalty`` and an unknown mean
    ``mu_g`` that is estimated with the rest (`ridge.fit.RidgeFit`). K is a kernel, or
    ``sum_m w_m K_m`` with positive weights that sum to 1. Weights and penalty are those
    with the least leave-one-out error over the training perturbations, in closed form
    (`ridge.choice`); they serve all genes.
    """

    features: ClassVar[tuple[str, ...]] = ("effect", "variance")

    kernel: Annotated[
        str | Annotated[tuple[str, ...], Field(min_length=1)],
        Field(
            description="Kernel over perturbations: a key of `kernels`, or a list of them, "
            "whose mixture weights are chosen by leave-one-out."
        ),
    ]
    penalty: Annotated[
        Literal["loo"] | Annotated[float, Field(gt=0)],
        Field(
            description="Ridge penalty added to the kernel's diagonal, or `loo`: "
            "that with the least leave-one-out error on the training perturbations."
        ),
    ] = "loo"
    towards_equal: Annotated[
        float,
        Field(
            ge=0,
            description="How many more perturbations speak for equal weights of the kernels: "
            "few measured ones cannot tell kernels apart. 0: none do.",
        ),
    ] = 0.0

    def predict(
        self, training: AnnData, test: np.ndarray, knowledge: Knowledge, seed: int, device: str
    ) -> Prediction:
        """Predict by the kernel: O(n^3) for n training rows, times the steps of the search."""
        from perturbselect.models.ridge.choice import leave_one_out_mixture
        from perturbselect.models.ridge.fit import RidgeFit

        names = (self.kernel,) if isinstance(self.kernel, str) else self.kernel
        perturbations = np.concatenate([training.obs_names.to_numpy(dtype=str), test])
        kernels = np.array([knowledge.kernel(name, perturbations) for name in names])
        n = training.n_obs
        responses = responses_of(training).astype(np.float64)
        weights, penalty, error = leave_one_out_mixture(
            kernels[:, :n, :n],
            responses,
            None if self.penalty == "loo" else self.penalty,
            self.towards_equal,
        )
        kernel = np.tensordot(weights, kernels, axes=1)
        fit = RidgeFit.of(kernel[:n, :n], responses, penalty)
        variance = fit.variance(kernel[n:, :n], kernel.diagonal()[n:]).astype(np.float32) if n > 1 else None
        summary = {
            "penalty": penalty,
            "leave_one_out_error": error,
            "weights": dict(zip(names, weights.tolist(), strict=True)),
        }
        return Prediction(fit.predict(kernel[n:, :n]).astype(np.float32), variance, summary=summary)
