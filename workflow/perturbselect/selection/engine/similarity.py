"""The part of a kernel that a selection looks at: candidates, and those that count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from perturbselect.errors import InputError
from perturbselect.graphs.kernels.validity import check_values
from perturbselect.selection.strategy import Problem

EXACT = 2**25  # entries up to which double precision is affordable
BLOCK = 2**22  # entries worked on at once, to keep temporary arrays small

Kernel = Annotated[str, Field(description="Kernel over perturbations: a key of `kernels`.")]
Universe = Literal["queries", "pool", "all"]
Noise = Annotated[
    float, Field(gt=0, description="Variance of the noise, relative to the kernel's mean diagonal.")
]


@dataclass(frozen=True)
class Similarity:
    """How alike candidates are to one another and to those that count.

    Attributes
    ----------
    whole : ndarray of float, shape (m, m)
        The kernel.
    pool : ndarray of int, shape (n,)
        Rows of the candidates.
    universe : ndarray of int, shape (q,)
        Rows of those that count.
    """

    whole: np.ndarray
    pool: np.ndarray
    universe: np.ndarray

    @classmethod
    def of(cls, problem: Problem, universe: Universe = "pool") -> Similarity:
        """Look up the rows of the problem's names.

        Parameters
        ----------
        problem : Problem
            With a kernel.
        universe : {'queries', 'pool', 'all'}
            Which perturbations count: those to predict, the candidates, or every row.

        Raises
        ------
        InputError
            If a name has no row, nobody counts, or the kernel is not finite, not symmetric, or
            negative on its diagonal. Whether it is positive semidefinite is not looked at: O(m²).
        """
        assert problem.kernel is not None
        whole = problem.kernel.to_numpy()
        pool, counted = rows_of(
            problem,
            universe,
            problem.kernel.index,
            "the kernel has no row for {} perturbations, e.g. '{}'; "
            "build it from graphs whose nodes cover the screen's perturbations",
        )
        check_values(whole, problem.kernel.index)
        return cls(whole, pool, counted)

    def between(self) -> np.ndarray:
        """Return the kernel of those that count with the candidates, shape (q, n).

        float64 where that is affordable (small matrices), else float32.
        """
        kind = np.float64 if len(self.universe) * len(self.pool) <= EXACT else np.float32
        everyone = np.arange(len(self.whole))
        if np.array_equal(self.pool, everyone) and np.array_equal(self.universe, everyone):
            return np.ascontiguousarray(self.whole, dtype=kind)
        part = np.empty((len(self.universe), len(self.pool)), kind)
        step = max(1, BLOCK // len(self.pool))
        for start in range(0, len(part), step):
            rows = self.universe[start : start + step]
            part[start : start + step] = self.whole[rows][:, self.pool]
        return part

    def diagonal(self) -> np.ndarray:
        """Return the kernel of each candidate with itself, float64, shape (n,)."""
        return self.whole[self.pool, self.pool].astype(np.float64)

    def noise(self, relative: float) -> float:
        """Return a variance that is given relative to the mean diagonal over the candidates."""
        return relative * float(self.diagonal().mean())

    def column(self, candidate: int) -> np.ndarray:
        """Return the kernel of all candidates with one of them, float64, shape (n,)."""
        return self.whole[self.pool[candidate]][self.pool].astype(np.float64)

    def universe_diagonal(self) -> np.ndarray:
        """Return the kernel of each that counts with itself, float64, shape (q,)."""
        return self.whole[self.universe, self.universe].astype(np.float64)


def rows_of(
    problem: Problem, universe: Universe, index: pd.Index, missing: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the candidates, and of those that count, in a table with such an index.

    Raises
    ------
    InputError
        If a name has no row (`missing` is formatted with their number and the first), or nobody counts.
    """

    def rows(names: np.ndarray) -> np.ndarray:
        found = index.get_indexer(np.asarray(names, dtype=str))
        if (found < 0).any():
            raise InputError(missing.format((found < 0).sum(), names[found < 0][0]))
        return found

    pool = rows(problem.candidates)
    if universe == "all":
        counted = np.arange(len(index))
    else:
        counted = rows(problem.queries) if universe == "queries" else pool
    if not len(counted):
        raise InputError("universe: queries needs perturbations to predict; use universe: pool")
    return pool, counted
