"""Kernel herding: pick a sample whose mean embedding is that of everyone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.geometry import MeanDiscrepancy
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.similarity import Kernel, Similarity, Universe
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class KernelHerding:
    """Greedy reduction of the maximum mean discrepancy between the picks and those that count.

    With a constant diagonal of the kernel this is kernel herding (Chen, Welling and Smola
    2010, arXiv 1203.3472). The gain is the fall of the squared discrepancy, and may be negative
    late in the run; no guarantee for subsets of a pool. O(q n) once, then O(n) a pick.
    """

    kernel: Kernel
    universe: Annotated[
        Universe,
        Field(
            description="Whose mean is matched: of the `queries` (their names only), the `pool`, or `all`."
        ),
    ] = "pool"

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        similarity = Similarity.of(problem, self.universe)
        picks = greedy(lambda: MeanDiscrepancy(similarity), problem, budget, generator)
        return Selection.of(problem, picks, universe=self.universe, universe_size=len(similarity.universe))
