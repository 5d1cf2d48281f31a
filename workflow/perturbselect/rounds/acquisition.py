"""The contract of every acquisition: what it may see after a round and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, Protocol

import numpy as np
import pandas as pd
from pydantic import Field

from perturbselect.errors import InputError
from perturbselect.rounds.engine.batch import Batch

FEATURE_KINDS = {
    "effect": "predicted response, one column a gene",
    "variance": "predictive variance, one column a gene",
    "ll": "activations before the last layer",
    "grad": "sketch of the gradient of the output by the weights",
}
Features = Annotated[
    Literal["effect", "variance", "ll", "grad"], Field(description="Which of the model's features.")
]
Sigma = Annotated[float, Field(gt=0, description="Noise (standard deviation) of scaled features' labels.")]


@dataclass(frozen=True)
class Candidates:
    """What an acquisition may see: names, the model's features, prior kernels; no test response.

    Attributes
    ----------
    labelled : ndarray of str, shape (t,)
        Perturbations measured so far.
    pool : ndarray of str, shape (n,)
        Those that could be measured next.
    features : mapping of str to ndarray of float, each of shape (t + n, p)
        What the trained model gives, by kind (`FEATURE_KINDS`); rows are the labelled
        perturbations, then the pool.
    priors : mapping of str to DataFrame
        Kernels over perturbations that need no model, by their names in the study.
    queries : ndarray of str, shape (q,)
        Names of the perturbations whose responses are to be predicted.
    responses : ndarray of float or None, shape (t, G)
        What was measured of the labelled perturbations; for acquisitions with `sees_measured`.
    """

    labelled: np.ndarray
    pool: np.ndarray
    features: Mapping[str, np.ndarray] = field(default_factory=dict)
    priors: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    queries: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=str))
    responses: np.ndarray | None = None

    @property
    def names(self) -> np.ndarray:
        """All perturbations: the labelled ones, then the pool."""
        return np.r_[self.labelled, self.pool].astype(str)

    def matrices(self, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the features of labelled and pool, float64, shapes (t, p) and (n, p).

        Raises
        ------
        InputError
            If the model gives no such features, their shape is wrong, or one is not finite.
        """
        if kind not in self.features:
            given = ", ".join(sorted(self.features)) or "none"
            what = FEATURE_KINDS.get(kind, "unknown kind")
            raise InputError(
                f"features: {kind}: the model gives no such features ({what}); it gives: {given}. "
                "Choose one of those, or another model"
            )
        values = np.asarray(self.features[kind], dtype=np.float64)
        names = self.names
        if values.ndim != 2 or len(values) != len(names):
            raise InputError(
                f"features: {kind}: shape {values.shape} does not fit {len(names)} perturbations; "
                "give one row for each, the labelled ones first"
            )
        wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(wrong):
            raise InputError(
                f"features: {kind}: those of perturbation '{names[wrong[0]]}' ({len(wrong)} in all) are not "
                "finite; the model diverged: lower its learning rate or leave this run out"
            )
        return values[: len(self.labelled)], values[len(self.labelled) :]


class Acquisition(Protocol):
    """A frozen dataclass whose fields are the options of the config.

    One with the option `features` reads the trained model; `priors` or `kernel` name kernels.
    """

    def acquire(self, candidates: Candidates, size: int, generator: np.random.Generator) -> Batch:
        """Choose `size` of the pool; the same generator state gives the same choice."""
        ...
