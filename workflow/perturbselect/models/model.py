"""The contract of every model: what it may see and what it returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

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
    """

    graphs: dict[str, Graph] = field(default_factory=dict)
    kernels: dict[str, pd.DataFrame] = field(default_factory=dict)

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
    """

    mean: np.ndarray
    variance: np.ndarray | None = None
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    summary: dict[str, Any] = field(default_factory=dict)


def responses_of(training: AnnData) -> np.ndarray:
    """Return the mean responses of the training perturbations, dense float32 of shape (n, G).

    Raises
    ------
    InputError
        If there is no training perturbation, or a response is not finite.
    """
    responses = training.X.toarray() if hasattr(training.X, "toarray") else np.asarray(training.X)
    if len(responses) == 0:
        raise InputError("responses: no training perturbation; raise the budget")
    finite = np.isfinite(responses)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise InputError(
            f"responses: perturbation '{training.obs_names[row]}', gene '{training.var_names[column]}' "
            f"is {responses[row, column]}; remove or mend such values in the source"
        )
    return responses.astype(np.float32, copy=False)


class Model(Protocol):
    """A frozen dataclass whose fields are the options of the config."""

    def predict(
        self, training: AnnData, test: np.ndarray, knowledge: Knowledge, seed: int, device: str
    ) -> Prediction:
        """Train on the responses `training` (rows = measured perturbations) and predict `test`."""
        ...
