"""Facility location: everyone who counts is served by the most similar pick."""

from __future__ import annotations

import numpy as np

from perturbselect.selection.engine.greedy import Criterion
from perturbselect.selection.engine.low_rank import Products
from perturbselect.selection.engine.similarity import BLOCK


class FacilityLocation(Criterion):
    """``f(S) = sum_q max(0, max_{v in S} K[q, v])``: monotone submodular.

    Gains stay exact: a pick changes them only through those it serves better than before,
    whose rows are read again. On average those become fewer as picks become more, so a run
    reads the kernel a few times in all: about O(n q log k).

    Parameters
    ----------
    kernel : ndarray of float, or Products, shape (q, n)
        Those that count × candidates.
    """

    submodular = True

    def __init__(self, kernel: np.ndarray | Products) -> None:
        self.kernel = kernel
        self.served = np.zeros(len(kernel), kernel.dtype)
        self.step = max(1, BLOCK // kernel.shape[1])
        if kernel.dtype == np.float32:
            self.tolerance = 1e-7
        self._gains = np.zeros(kernel.shape[1])
        for start in range(0, len(kernel), self.step):
            self._gains += self.kernel[start : start + self.step].clip(min=0).sum(axis=0, dtype=np.float64)

    def gains(self) -> np.ndarray:
        """Return ``f(S + v) - f(S)`` for every v, shape (n,)."""
        return self._gains

    def take(self, candidate: int) -> None:
        """Serve those who are more like this candidate than like any other pick."""
        similar = self.kernel[:, candidate]
        better = np.flatnonzero(similar > self.served)
        for start in range(0, len(better), self.step):
            rows = better[start : start + self.step]
            before, after = self.served[rows, None], similar[rows, None]
            part = self.kernel[rows]
            np.clip(part, before, after, out=part)
            part -= before
            self._gains -= part.sum(axis=0, dtype=np.float64)
        self.served[better] = similar[better]
