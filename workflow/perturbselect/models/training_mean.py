"""Predict the mean response of the measured perturbations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge, Prediction, responses_of

if TYPE_CHECKING:
    from anndata import AnnData


@MODELS.register
@dataclass(frozen=True)
class TrainingMean:
    """Every perturbation does what the measured ones do on average (each counts once)."""

    def predict(
        self, training: AnnData, test: np.ndarray, knowledge: Knowledge, seed: int, device: str
    ) -> Prediction:
        """Predict the unweighted mean over the training rows."""
        mean = responses_of(training).mean(axis=0)
        return Prediction(np.tile(mean.astype(np.float32), (len(test), 1)))
