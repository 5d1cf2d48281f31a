"""Predict the distribution of expression over the cells of the measured perturbations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge, Prediction, responses_of

if TYPE_CHECKING:
    from anndata import AnnData


@MODELS.register
@dataclass(frozen=True)
class TrainingHistogram:
    """Every perturbation's cells are spread as those of the measured ones (each counts once)."""

    needs_histograms: ClassVar[bool] = True

    def predict(
        self, training: AnnData, test: np.ndarray, knowledge: Knowledge, seed: int, device: str
    ) -> Prediction:
        """Predict the mean over the training rows, of responses and of histograms."""
        mean = responses_of(training).mean(axis=0).astype(np.float32)
        shares = knowledge.measured_histograms("training_histogram").shares().mean(axis=0)
        return Prediction(
            np.tile(mean, (len(test), 1)), histograms=np.tile(shares.astype(np.float32), (len(test), 1, 1))
        )
