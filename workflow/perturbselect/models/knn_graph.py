"""Predict the mean response of the most similar measured perturbations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge, Prediction, responses_of

if TYPE_CHECKING:
    from anndata import AnnData


@MODELS.register
@dataclass(frozen=True)
class KnnGraph:
    """The mean response of the k nearest measured perturbations, nearest by a kernel.

    Perturbations that are equally similar share the last places: a perturbation like no
    measured one gets the mean of all of them (our definition). k is an option, or the one
    with the least leave-one-out error over the training perturbations, of 1, 2, 3, 4, 6,
    8, 12, ... and all.
    """

    kernel: Annotated[str, Field(description="Kernel over perturbations: a key of `kernels`.")]
    neighbours: Annotated[
        Literal["loo"] | Annotated[int, Field(ge=1)],
        Field(
            description="k, or `loo`: the k with the least leave-one-out error on the training perturbations."
        ),
    ] = "loo"

    def predict(
        self, training: AnnData, test: np.ndarray, knowledge: Knowledge, seed: int, device: str
    ) -> Prediction:
        """Predict `test`: O(n^2 G) for n training rows and each k tried."""
        n = training.n_obs
        kernel = knowledge.kernel(self.kernel, np.concatenate([training.obs_names, test]))
        responses = responses_of(training)
        error = None
        if self.neighbours == "loo":
            neighbours, error = _leave_one_out(kernel[:n, :n], responses)
        else:
            neighbours = min(self.neighbours, n)
        summary = {"neighbours": neighbours, "leave_one_out_error": error}
        return Prediction(nearest(kernel[n:, :n], neighbours) @ responses, summary=summary)


def nearest(similarity: np.ndarray, neighbours: int) -> np.ndarray:
    """Return each column's share in the mean of a row's k largest values.

    Parameters
    ----------
    similarity : ndarray, shape (t, n)
        ``-inf``: never a neighbour.
    neighbours : int
        k, at most n.

    Returns
    -------
    ndarray of float32, shape (t, n)
        Rows sum to 1. Columns as large as the k-th largest share the places that the larger
        ones leave.
    """
    last = np.sort(similarity, axis=1)[:, [-neighbours]]
    above, tied = similarity > last, similarity == last
    places = neighbours - above.sum(axis=1, keepdims=True)
    return ((above + tied * (places / tied.sum(axis=1, keepdims=True))) / neighbours).astype(np.float32)


def _leave_one_out(kernel: np.ndarray, responses: np.ndarray) -> tuple[int, float | None]:
    """Return the k with the least leave-one-out error (ties: the largest), and that error."""
    n = len(responses)
    if n == 1:
        return 1, None
    others = kernel.copy()
    np.fill_diagonal(others, -np.inf)
    tried = sorted(
        {k for power in range(n.bit_length()) for k in (2**power, 3 * 2**power) if k < n} | {n - 1}
    )
    errors = [float(np.mean((nearest(others, k) @ responses - responses) ** 2)) for k in tried]
    best = max(k for k, error in zip(tried, errors, strict=True) if error <= min(errors) * (1 + 1e-9))
    return best, min(errors)
