"""The contract of every model: what it may see and what it returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from perturbselect.data.histograms import Histograms
from perturbselect.errors import InputError
from perturbselect.graphs.graph import Graph

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Knowledge:
    """Prior knowledge for a model.

    Attributes
    ----------
    graphs : dict of str to Graph
        The graphs that the model's options name.
    kernels : dict of str to DataFrame of float, shape (P, P)
        The kernels that its option ``kernel`` names; rows and columns are perturbations.
    histograms : Histograms or None
        Cells of the measured perturbations and of the control, for a model that asks for them
        (`needs_histograms`).
    """

    graphs: dict[str, Graph] = field(default_factory=dict)
    kernels: dict[str, pd.DataFrame] = field(default_factory=dict)
    histograms: Histograms | None = None

    def measured_histograms(self, model: str) -> Histograms:
        """Return the histograms.

        Raises
        ------
        InputError
            If there are none: the dataset has no cells, or the model trains between rounds.
        """
        if self.histograms is None:
            raise InputError(f"{model}: there are no histograms of cells; it needs a dataset of type cells")
        return self.histograms

    def kernel(self, name: str, perturbations: np.ndarray) -> np.ndarray:
        """Return a kernel over some perturbations, float64 of shape (n, n).

        Raises
        ------
        InputError
            If there is no such kernel, or a perturbation is not in it.
        """
        if name not in self.kernels:
            raise InputError(f"there is no kernel '{name}'; add it to `kernels`")
        kernel = self.kernels[name]
        positions = kernel.index.get_indexer(np.asarray(perturbations, dtype=str))
        if (positions < 0).any():
            missing = np.asarray(perturbations)[positions < 0]
            raise InputError(
                f"kernel '{name}': {len(missing)} perturbations are not in it, e.g. '{missing[0]}'; "
                "build the kernel from graphs whose nodes cover the screen's perturbations"
            )
        return kernel.to_numpy(np.float64)[np.ix_(positions, positions)]


@dataclass(frozen=True)
class Prediction:
    """Predicted responses.

    Attributes
    ----------
    mean : ndarray of float32, shape (T, G)
        Response (mean expression minus control) of each test perturbation.
    variance : ndarray of float32, shape (T, G), or None
        Predictive variance of the mean response.
    history : DataFrame
        What the training recorded, one row a step or epoch; may be empty.
    summary : dict
        JSON-ready facts: parameters, chosen penalty, device, ...
    features : dict of str to ndarray of float32, each of shape (T, p)
        Further features that were asked for (`features_given`).
    histograms : ndarray of float32, shape (T, G, K), or None
        Predicted shares of cells in the bins of `perturbselect.data.histograms`.

    Raises
    ------
    InputError
        If a mean or a variance is not finite: the run has failed, not its scores.
    """

    mean: np.ndarray
    variance: np.ndarray | None = None
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    summary: dict[str, Any] = field(default_factory=dict)
    features: dict[str, np.ndarray] = field(default_factory=dict)
    histograms: np.ndarray | None = None

    def __post_init__(self) -> None:
        for part, values in {"response": self.mean, "variance": self.variance}.items():
            if values is not None and not np.isfinite(values).all():
                raise InputError(
                    f"the model diverged: {np.count_nonzero(~np.isfinite(values))} values of the predicted "
                    f"{part} are not finite; lower its learning rate or leave this run out"
                )

    def feature(self, kind: str) -> np.ndarray:
        """Return features of the predicted perturbations by kind, shape (T, p).

        Raises
        ------
        InputError
            If the model does not give them here: too few perturbations were measured, for example.
        """
        known = {"effect": self.mean, "variance": self.variance, **self.features}
        values = known.get(kind)
        if values is None:
            raise InputError(
                f"features: the model trained on so few perturbations gives no '{kind}'; raise rounds.initial"
            )
        return values


def features_given(model: Any) -> tuple[str, ...]:
    """Return the kinds of features that a model gives for acquisitions; everyone predicts the `effect`.

    Those beside ``effect`` and ``variance`` have to be asked for: ``predict(..., features=("ll",))``.
    """
    return getattr(model, "features", ("effect",))


def needs_histograms(model: Any) -> bool:
    """Say whether a model, or its class, trains on histograms of cells and predicts them."""
    return getattr(model, "needs_histograms", False)


def is_network(model: Any) -> bool:
    """Say whether a model, or its class, is a neural network, which is what trains on a GPU here."""
    return getattr(model, "uses_gpu", False)


def responses_of(training: AnnData) -> np.ndarray:
    """Return the mean responses of the training perturbations, dense float32 of shape (n, G).

    Raises
    ------
    InputError
        If there is no training perturbation, or a response is not finite.
    """
    if training.n_obs == 0:
        raise InputError("responses: no training perturbation; raise the budget")
    return finite(training.X, training, "responses")


def finite(values: Any, training: AnnData, what: str) -> np.ndarray:
    """Return values of the training perturbations as dense float32, after a check that all are finite.

    Parameters
    ----------
    values : sparse matrix or ndarray, shape (n, G)
        X or a layer of `training`.
    what : str
        Its name, for the message.
    """
    dense = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    good = np.isfinite(dense)
    if not good.all():
        row, column = np.argwhere(~good)[0]
        raise InputError(
            f"{what}: perturbation '{training.obs_names[row]}', gene '{training.var_names[column]}' "
            f"is {dense[row, column]}; remove or mend such values in the source"
        )
    return dense.astype(np.float32, copy=False)


class Model(Protocol):
    """A frozen dataclass whose fields are the options of the config."""

    def predict(
        self, training: AnnData, test: np.ndarray, knowledge: Knowledge, seed: int, device: str
    ) -> Prediction:
        """Train on the responses `training` (rows = measured perturbations) and predict `test`."""
        ...
