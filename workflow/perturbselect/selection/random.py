"""Draw perturbations at random: what every other strategy has to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.ranking import down_a_list
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class Random:
    """A uniform draw without replacement; another one for every seed. O(n)."""

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        order = generator.permutation(len(problem.candidates))
        return Selection.of(problem, down_a_list(order, problem, budget))
