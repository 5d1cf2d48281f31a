"""A network on the knowledge graphs that starts where kernel ridge ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from perturbselect.errors import InputError
from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge, Prediction, responses_of

if TYPE_CHECKING:
    from anndata import AnnData

    from perturbselect.models.graph_network.base import Base

FEWEST = 8  # training perturbations; below, nothing can be held out and the model is kernel ridge
SHARES = (0.25, 0.5, 0.75, 1.0)  # of the correction with the least error
CHECKS = 4  # looks at the held-out perturbations


@MODELS.register
@dataclass(frozen=True)
class Graphnet:
    """Kernel ridge on several graphs, tapered over principal responses, corrected by a network.

    Our definition. Three layers, each of which enters only as far as it improves the
    prediction of training perturbations that were held out:

    1. ``sum_m w_m K_m``: the mixture of kernels of `kernel_ridge`, its weights drawn
       towards equal ones (``towards_equal: 15``);
    2. a head on the principal responses of the training set: small components are mostly
       noise and get a higher penalty (`graph_network.head`; taper 0 is kernel ridge);
    3. a network that sees pairs of a perturbation and a gene: what the head, each kernel
       and the nearest perturbations predict, whether the gene is the perturbed one and
       how near it is in the graphs, and what is known of the gene
       (`graph_network.pairs`). It learns what the head leaves unexplained of held-out
       rows. One member for each fold, all trained in one batched program; the step and the
       factor (0 to 1) of its correction come from the rows that a member did not see.

    Head and network are judged by two marks of held-out perturbations: squared error, and how
    well the perturbations of a fold are told apart (`graph_network.base.fit_base`).

    The predictive variance is that of kernel ridge on the mixture, plus the variance of the
    corrections over the members.
    """

    features: ClassVar[tuple[str, ...]] = ("effect", "variance")
    uses_gpu: ClassVar[bool] = True

    kernel: Annotated[
        str | Annotated[tuple[str, ...], Field(min_length=1)],
        Field(description="Kernels over perturbations, to be mixed: keys of `kernels`."),
    ]
    graph: Annotated[
        str | tuple[str, ...],
        Field(description="Graphs that relate perturbed and predicted genes: keys of `graphs`; may be none."),
    ] = ()
    folds: Annotated[int, Field(ge=2, description="Folds, and members of the ensemble, at most.")] = 6
    hidden: Annotated[int, Field(ge=1, description="Hidden units of a member.")] = 24
    steps: Annotated[int, Field(ge=0, description="Optimiser steps; 0: the network's linear layer only.")] = (
        160
    )
    batch: Annotated[int, Field(ge=1, description="Pairs of perturbation and gene per member and step.")] = (
        4096
    )
    learning_rate: Annotated[float, Field(gt=0, description="Highest learning rate of Adam.")] = 5e-3
    weight_decay: Annotated[float, Field(ge=0, description="Adam's (decoupled) weight decay.")] = 1e-3

    def predict(
        self, training: AnnData, test: np.ndarray, knowledge: Knowledge, seed: int, device: str
    ) -> Prediction:
        """Train and predict; the same seed gives the same bytes on the same CPU."""
        from perturbselect.models.graph_network.base import EQUAL
        from perturbselect.models.kernel_ridge import KernelRidge
        from perturbselect.models.neural.device import usable
        from perturbselect.models.ridge.fit import RidgeFit

        device = usable(device)
        if training.n_obs < FEWEST:
            ridge = KernelRidge(self.kernel, towards_equal=EQUAL)
            return ridge.predict(training, test, knowledge, seed, device)
        base = self.base(training, test, knowledge, seed)
        correction, spread, history, summary = self.correction(base, training, test, knowledge, seed, device)
        n, responses = training.n_obs, responses_of(training).astype(np.float64)
        mean = base.predicted[n:] + correction
        fit = RidgeFit.of(base.kernel[:n, :n], responses, base.penalty)
        variance = fit.variance(base.kernel[n:, :n], base.kernel.diagonal()[n:]) + spread
        summary = base.summary | {"device": device} | summary
        return Prediction(mean.astype(np.float32), variance.astype(np.float32), history, summary)

    def base(self, training: AnnData, test: np.ndarray, knowledge: Knowledge, seed: int) -> Base:
        """Return the predictions of mixture and head, of at least two training rows and the test rows."""
        from perturbselect.models.graph_network.base import fit_base, folds_of

        responses = responses_of(training).astype(np.float64)
        perturbations = np.concatenate([training.obs_names.to_numpy(dtype=str), test])
        kernels = np.array([knowledge.kernel(name, perturbations) for name in _listed(self.kernel)])
        fold = folds_of(len(responses), min(self.folds, len(responses)), np.random.default_rng(seed))
        return fit_base(kernels, responses, fold)

    def correction(
        self,
        base: Base,
        training: AnnData,
        test: np.ndarray,
        knowledge: Knowledge,
        seed: int,
        device: str,
    ) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, dict[str, Any]]:
        """Train the network on what the base leaves.

        Returns
        -------
        correction, spread : ndarray, shape (t, G)
            Of the test rows: mean over the members, and their variance.
        history : DataFrame
            A row a look: step, training loss, the factor of least error, and what it gains.
        summary : dict
        """
        from perturbselect.models.graph_network.base import WEIGHT, surely
        from perturbselect.models.graph_network.network import Ensemble, Schedule
        from perturbselect.models.graph_network.pairs import pair_features

        responses = responses_of(training).astype(np.float64)
        n, genes = responses.shape
        perturbations = np.concatenate([training.obs_names.to_numpy(dtype=str), test])
        graphs = []
        for name in _listed(self.graph):
            if name not in knowledge.graphs:
                raise InputError(f"graphnet: there is no graph '{name}'; add it to `graphs`")
            graphs.append(knowledge.graphs[name])
        expression = training.var["control_mean"] if "control_mean" in training.var else np.zeros(genes)
        unit = float(np.sqrt(np.mean((responses - responses.mean(axis=0)) ** 2))) or 1.0
        features = pair_features(
            base,
            responses,
            perturbations,
            training.var_names.to_numpy(dtype=str),
            np.asarray(expression, np.float64),
            graphs,
            unit,
        )
        residuals = (responses - base.predicted[:n]) / unit
        schedule = Schedule(
            self.hidden, self.steps, self.batch, self.learning_rate, self.weight_decay, CHECKS
        )
        ensemble = Ensemble(features, residuals, base.fold, schedule, seed, device)
        history = []
        best_value, best_gain, best_factor, best_weights = base.value, 0.0, 0.0, None
        for step, loss, corrections, weights in ensemble.train():
            largest, gain = shrunk(corrections, residuals)
            history.append({"step": step, "loss": loss, "factor": largest, "gain": gain.mean() / genes})
            for factor in (share * largest for share in SHARES):
                gain = row_gains(corrections, residuals, factor)
                distinct = self._apart(base, responses, factor * unit * corrections) - base.apart
                value = base.summary["head_gain"] + gain.mean() / genes + WEIGHT * distinct
                if surely(gain) and value > best_value:
                    best_value, best_gain, best_factor, best_weights = value, gain.mean(), factor, weights
        summary = {
            "network_factor": best_factor,
            "network_gain": float(best_gain / genes),
            "parameters": sum(parameter.numel() for parameter in ensemble.network.parameters()),
        }
        correction, spread = np.zeros((2, len(test), genes))
        if best_weights is not None:
            mean, variance = ensemble.predict(np.arange(n, len(perturbations)), best_weights)
            correction, spread = best_factor * unit * mean, (best_factor * unit) ** 2 * variance
        return correction, spread, pd.DataFrame(history), summary

    def _apart(self, base: Base, responses: np.ndarray, correction: np.ndarray) -> float:
        """Return how well corrected predictions tell the rows of each fold apart, mean over rows."""
        from perturbselect.models.graph_network.base import told_apart

        n = len(responses)
        predicted, true = base.predicted[:n] + correction - base.mean[:n], responses - base.mean[:n]
        apart = np.empty(n)
        for rows in (base.fold == fold for fold in range(base.fold.max() + 1)):
            apart[rows] = told_apart(predicted[rows], true[rows], np.sum(true[rows] ** 2, axis=1))
        return float(apart.mean())


def _listed(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def shrunk(corrections: np.ndarray, residuals: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the factor in [0, 1] by which corrections explain residuals best, and each row's gain.

    Parameters
    ----------
    corrections, residuals : ndarray, shape (n, G)

    Returns
    -------
    factor : float
    gain : ndarray, shape (n,)
        Squared error that the shrunk corrections take away.
    """
    size = float(np.sum(corrections.astype(np.float64) ** 2))
    factor = float(np.clip(np.sum(corrections * residuals) / size, 0, 1)) if size > 0 else 0.0
    return factor, row_gains(corrections, residuals, factor)


def row_gains(corrections: np.ndarray, residuals: np.ndarray, factor: float) -> np.ndarray:
    """Return the squared error that corrections times `factor` take away from each row, shape (n,)."""
    return np.sum(residuals**2 - (residuals - factor * corrections) ** 2, axis=1)
