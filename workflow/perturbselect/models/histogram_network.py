"""A network that predicts the distribution of each gene's expression over the cells of a perturbation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge, Prediction, responses_of
from perturbselect.models.training_histogram import TrainingHistogram

if TYPE_CHECKING:
    from anndata import AnnData

FEWEST = 4  # training perturbations; below, nothing can be held out
EQUAL = 5.0  # perturbations that speak for equal weights of the kernels, as in `graphnet`


@MODELS.register
@dataclass(frozen=True)
class HistogramNetwork:
    """The training cells' histogram of each gene, tilted by a network that starts at kernel ridge.

    Our definition. A gene's histogram changes in three directions (`distribution.tilts`): how often the
    gene is seen, how much where it is, and how widely. Kernel ridge predicts them for a new
    perturbation; a network on pairs of perturbation and gene scales and moves them. It is trained on
    the histograms of the measured perturbations' cells, by the energy distance. One member for each
    fold; held-out perturbations choose the step and by how much the histogram is tilted, and if no
    choice brings them nearer than the training cells' histogram, that is predicted.
    """

    uses_gpu: ClassVar[bool] = True
    needs_histograms: ClassVar[bool] = True

    kernel: Annotated[
        str | Annotated[tuple[str, ...], Field(min_length=1)],
        Field(description="Kernels over perturbations, to be mixed: keys of `kernels`."),
    ]
    folds: Annotated[int, Field(ge=2, description="Folds, and members of the ensemble, at most.")] = 6
    hidden: Annotated[int, Field(ge=1, description="Hidden units of a member.")] = 24
    steps: Annotated[int, Field(ge=0, description="Optimiser steps; 0: kernel ridge's tilts only.")] = 150
    batch: Annotated[int, Field(ge=1, description="Pairs of perturbation and gene per step.")] = 1024
    learning_rate: Annotated[float, Field(gt=0, description="Highest learning rate of Adam.")] = 5e-3
    weight_decay: Annotated[float, Field(ge=0, description="Adam's (decoupled) weight decay.")] = 1e-3

    def predict(
        self, training: AnnData, test: np.ndarray, knowledge: Knowledge, seed: int, device: str
    ) -> Prediction:
        """Train and predict; the same seed gives the same bytes on the same CPU.

        The mean response is that of the training set plus what the tilts change in it.
        """
        from perturbselect.data.histograms import bin_values
        from perturbselect.models.distribution.member import Screen
        from perturbselect.models.distribution.training import Schedule, choose, train_members
        from perturbselect.models.graph_network.base import folds_of
        from perturbselect.models.neural.device import usable
        from perturbselect.models.ridge.choice import leave_one_out_mixture

        device = usable(device)
        measured = knowledge.measured_histograms("histogram_network")
        responses, n = responses_of(training).astype(np.float64), training.n_obs
        floor = TrainingHistogram().predict(training, test, knowledge, seed, device)
        if n < FEWEST:
            return floor
        names = (self.kernel,) if isinstance(self.kernel, str) else self.kernel
        perturbations = np.concatenate([training.obs_names.to_numpy(dtype=str), test])
        kernels = np.array([knowledge.kernel(name, perturbations) for name in names])
        weights, penalty, _ = leave_one_out_mixture(kernels[:, :n, :n], responses, None, EQUAL)
        shares = measured.shares()
        values = bin_values(measured.width, shares.shape[2])
        kernel = np.tensordot(weights, kernels, axes=1)
        screen = Screen.of(shares, values, kernel, penalty, perturbations, measured.genes)
        fold = folds_of(n, min(self.folds, n), np.random.default_rng(seed))
        schedule = Schedule(self.hidden, self.steps, self.batch, self.learning_rate, self.weight_decay)
        members, gains = train_members(screen, fold, schedule, seed, device)
        history = pd.DataFrame({"loss": np.mean([member.losses for member in members], axis=0)})
        chosen = choose(gains)
        summary = {"device": device, "weights": weights.tolist(), "penalty": penalty, "tilted": chosen}
        if chosen is None:
            return Prediction(floor.mean, history=history, summary=summary, histograms=floor.histograms)
        rows = np.arange(n, len(perturbations))
        mean, histograms = np.zeros((len(test), training.n_vars)), np.zeros((len(test), *values.shape))
        for member in members:
            predicted = member.predict(rows, *chosen)
            change = np.sum((predicted - member.member.base.shares) * values, axis=2)
            mean += (responses[member.member.used].mean(axis=0) + change) / len(members)
            histograms += predicted / len(members)
        return Prediction(
            mean.astype(np.float32), None, history, summary, histograms=histograms.astype(np.float32)
        )
