"""Predict no response at all: the mean of the control cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge, Prediction

if TYPE_CHECKING:
    from anndata import AnnData


@MODELS.register
@dataclass(frozen=True)
class ControlMean:
    """The perturbed cells look like control cells: every response is 0."""

    def predict(
        self, training: AnnData, test: np.ndarray, knowledge: Knowledge, seed: int, device: str
    ) -> Prediction:
        """Predict 0 for every gene of every test perturbation."""
        return Prediction(np.zeros((len(test), training.n_vars), np.float32))
