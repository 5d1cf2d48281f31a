"""Facility location: pick perturbations that resemble those to predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.facility import FacilityLocation as Criterion
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.low_rank import Features
from perturbselect.selection.engine.similarity import Kernel, Similarity, Universe
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class FacilityLocation:
    """Greedy maximisation of ``f(S) = Σ_q max_{v ∈ S} K[q, v]``, the k-medoids objective.

    Everyone who counts should have a pick that resembles it. Negative similarities count as
    none. f is monotone submodular: greedy has at least 1 - 1/e of the best value
    (Nemhauser, Wolsey and Fisher 1978). About O(n q log k) in all, the kernel in memory;
    see engine/facility.py. With r features in place of the kernel r times that, and only
    they are in memory.

    References
    ----------
    Cornuejols, Fisher and Nemhauser 1977, Management Science 23:789.
    """

    kernel: Kernel
    universe: Annotated[
        Universe,
        Field(
            description="Who counts: perturbations to predict (`queries`, their names only), the `pool`, "
            "or `all`."
        ),
    ] = "queries"

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        of = Similarity.of if problem.features is None else Features.of
        kernel = of(problem, self.universe).between()
        picks = greedy(lambda: Criterion(kernel), problem, budget, generator)
        return Selection.of(problem, picks, universe=self.universe, universe_size=len(kernel))
