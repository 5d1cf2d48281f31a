"""Kernel ridge regression (Gaussian-process regression) on a kernel over perturbations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from perturbselect.errors import InputError
from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge, Prediction, responses_of

if TYPE_CHECKING:
    from anndata import AnnData


@MODELS.register
@dataclass(frozen=True)
class KernelRidge:
    """Similar perturbations, by a kernel from the knowledge graphs, respond alike.

    The responses of gene g are modelled as ``y = mu_g + f + noise`` with
    ``f ~ N(0, s_g K)``, noise of variance ``s_g * penalty`` and an unknown mean
    ``mu_g`` that is estimated with the rest (generalised least squares; "universal
    kriging"). With Q = (K + penalty I)^-1 and P = Q - Q 1 1'Q / 1'Q 1, the error of
    predicting row i from all others is (P Y)_i / P_ii, exactly (Dubrule 1983,
    Mathematical Geology 15:687), so the penalty is chosen by leave-one-out over the
    training perturbations in closed form. One penalty serves all genes.

    The variance is that of a new measured response: s_g (k** + penalty - k'Qk +
    (1 - 1'Qk)^2 / 1'Q1), where s_g is the mean over training rows of the squared
    leave-one-out error times P_ii.
    """

    kernel: Annotated[str, Field(description="Kernel over perturbations: a key of `kernels`.")]
    penalty: Annotated[
        Literal["loo"] | Annotated[float, Field(gt=0)],
        Field(
            description="Ridge penalty added to the kernel's diagonal, or `loo`: "
            "that with the least leave-one-out error on the training perturbations."
        ),
    ] = "loo"

    def predict(
        self, training: AnnData, test: np.ndarray, knowledge: Knowledge, seed: int, device: str
    ) -> Prediction:
        """Predict by the kernel: O(n^3) for n training rows, and O(n^2 min(n, G)) a penalty tried."""
        if knowledge.kernel is None:
            raise InputError(f"kernel_ridge: there is no kernel '{self.kernel}'; add it to `kernels`")
        names = training.obs_names.to_numpy(dtype=str)
        rows = _positions(knowledge.kernel, names, self.kernel)
        columns = _positions(knowledge.kernel, test, self.kernel)
        kernel = knowledge.kernel.to_numpy(np.float64)
        responses = responses_of(training).astype(np.float64)

        values, vectors = np.linalg.eigh(kernel[np.ix_(rows, rows)])
        values = values.clip(min=0)  # rounding can make a zero slightly negative
        penalty, error = (
            _leave_one_out_penalty(values, vectors, responses)
            if self.penalty == "loo"
            else (self.penalty, None)
        )
        inverse = (vectors / (values + penalty)) @ vectors.T  # Q
        ones = inverse.sum(axis=0)  # Q 1
        mean = ones @ responses / ones.sum()
        cross = kernel[np.ix_(columns, rows)]
        predicted = mean + cross @ (inverse @ (responses - mean))

        variance = None
        if len(rows) > 1:
            projection = inverse - np.outer(ones, ones) / ones.sum()  # P
            precision = projection.diagonal()
            scale = np.mean((projection @ responses) ** 2 / precision[:, None], axis=0)
            spread = (
                kernel[columns, columns]
                + penalty
                - np.einsum("ij,jk,ik->i", cross, inverse, cross, optimize=True)
                + (1 - cross @ ones) ** 2 / ones.sum()
            )
            variance = np.outer(spread, scale).astype(np.float32)
        summary = {"penalty": float(penalty), "leave_one_out_error": error}
        return Prediction(predicted.astype(np.float32), variance, summary=summary)


def _positions(kernel: pd.DataFrame, perturbations: np.ndarray, name: str) -> np.ndarray:
    positions = kernel.index.get_indexer(np.asarray(perturbations, dtype=str))
    if (positions < 0).any():
        missing = np.asarray(perturbations)[positions < 0]
        raise InputError(
            f"kernel '{name}': {len(missing)} perturbations are not in it, e.g. '{missing[0]}'; "
            "build the kernel from graphs whose nodes cover the screen's perturbations"
        )
    return positions


def _leave_one_out_penalty(
    values: np.ndarray, vectors: np.ndarray, responses: np.ndarray
) -> tuple[float, float | None]:
    """Return the penalty with the least mean squared leave-one-out error, and that error.

    The grid has ten penalties a decade, from 10^-4 to 10^4 times the kernel's mean
    diagonal. Where penalties do equally well (two training rows: all do) the
    largest is taken; from a single row nothing can be left out.
    """
    n, genes = responses.shape
    grid = np.logspace(4, -4, 81) * max(values.sum() / n, np.finfo(float).tiny)
    if n == 1:
        return float(grid[0]), None
    # Only inner products of rows matter: n columns say as much as G.
    compressed = vectors.T @ (np.asarray(np.linalg.qr(responses.T, mode="r")).T if genes > n else responses)
    ones = vectors.sum(axis=0)
    errors = np.empty(len(grid))
    for k, penalty in enumerate(grid):
        shrunk = vectors / (values + penalty)
        q_ones = shrunk @ ones
        total = q_ones.sum()
        residuals = shrunk @ compressed - np.outer(q_ones, (ones / (values + penalty)) @ compressed / total)
        precision = np.einsum("ij,ij->i", shrunk, vectors) - q_ones**2 / total
        errors[k] = np.sum((residuals / precision[:, None]) ** 2) / (n * genes)
    best = int(np.flatnonzero(errors <= errors.min() * (1 + 1e-9))[0])
    return float(grid[best]), float(errors[best])
