"""Draw perturbations at random: what every other strategy has to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.selection import STRATEGIES
from perturbselect.selection.strategy import Problem, Selection, check_budget, selection_table


@STRATEGIES.register
@dataclass(frozen=True)
class Random:
    """A uniform draw without replacement; another one for every seed. O(n)."""

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        check_budget(problem, budget)
        count = len(problem.candidates)
        picks = problem.candidates[generator.permutation(count)[:budget]]
        return Selection(selection_table(picks, tied=count - np.arange(budget)), {"candidates": count})
