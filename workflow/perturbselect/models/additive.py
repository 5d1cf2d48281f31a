"""Predict a combination from its single perturbations."""

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
class Additive:
    """A+B does what A does and what B does: the sum of the responses to the single perturbations.

    A single perturbation that was not measured counts as the mean of the measured single
    ones; if there is no single one among the training perturbations, as their mean divided by
    their mean number of genes (our definition). So single test perturbations, all unmeasured,
    get one mean profile.
    """

    def predict(
        self, training: AnnData, test: np.ndarray, knowledge: Knowledge, seed: int, device: str
    ) -> Prediction:
        """Sum the responses to the genes of each test perturbation."""
        responses, names = responses_of(training), training.obs_names
        single = ~names.str.contains("+", regex=False)
        measured = dict(zip(names[single], responses[single], strict=True))
        if measured:
            unknown = responses[single].mean(axis=0)
        else:
            unknown = responses.mean(axis=0) / np.mean([name.count("+") + 1 for name in names])
        genes = [name.split("+") for name in test]
        predicted = np.array([sum(measured.get(gene, unknown) for gene in group) for group in genes])
        summary = {"unmeasured": len({gene for group in genes for gene in group} - measured.keys())}
        return Prediction(predicted.astype(np.float32), summary=summary)
