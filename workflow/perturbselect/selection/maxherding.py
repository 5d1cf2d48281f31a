"""MaxHerding: cover everyone softly, by a radial kernel of the embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.facility import FacilityLocation
from perturbselect.selection.engine.geometry import squared_distances
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.similarity import Kernel, Similarity, Universe
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class MaxHerding:
    """Greedy maximisation of ``Σ_q max_{v ∈ S} exp(-d(q, v)² / 2 h²)``, the generalised coverage.

    d is the kernel's metric. Facility location with a radial kernel, hence monotone
    submodular: at least 1 - 1/e of the best value. It is ProbCover with soft balls. About
    O(n q log k).

    References
    ----------
    Bae, Noh and Sutherland 2024, "Generalized coverage for more robust low-budget active
    learning", arXiv 2407.12212.
    """

    kernel: Kernel
    universe: Annotated[
        Universe,
        Field(description="Who is covered: the `queries` (their names only), the `pool`, or `all`."),
    ] = "pool"
    bandwidth: Annotated[
        Literal["median"] | Annotated[float, Field(gt=0)],
        Field(description="h: a distance, or the `median` distance of those that count to the candidates."),
    ] = "median"

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        similarity = Similarity.of(problem, self.universe)
        squared = squared_distances(
            similarity.between().copy(), similarity.universe_diagonal(), similarity.diagonal()
        )
        width = float(np.sqrt(np.median(squared))) if self.bandwidth == "median" else self.bandwidth
        squared /= -2 * max(width**2, 1e-30)
        # far ones count nothing: the smallest floats make arithmetic slow
        radial = np.exp(np.maximum(squared, -80, out=squared), out=squared)
        picks = greedy(lambda: FacilityLocation(radial), problem, budget, generator)
        return Selection.of(
            problem, picks, universe=self.universe, universe_size=len(radial), bandwidth=width
        )
