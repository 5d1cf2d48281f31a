"""Draw perturbations by their ridge leverage scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.ranking import down_a_list
from perturbselect.selection.engine.similarity import Kernel, Similarity
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class Leverage:
    """A draw without replacement with chances proportional to ``diag(K (K + λ I)^-1)`` over the pool.

    The score of a perturbation says how much of its prediction rests on itself: high where
    few others resemble it. There is no criterion of a set; kernel ridge on enough
    perturbations drawn so is provably close to kernel ridge on all. Successive draws are made
    at once, by Gumbel noise. O(n³).

    References
    ----------
    Alaoui and Mahoney 2015, arXiv 1411.0306.
    """

    kernel: Kernel
    ridge: Annotated[float, Field(gt=0, description="λ, relative to the kernel's mean diagonal.")] = 0.5

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        from scipy.linalg import cho_factor, cho_solve

        similarity = Similarity.of(problem)
        ridge = similarity.noise(self.ridge)
        kernel = similarity.between().astype(np.float64)
        kernel[np.diag_indices_from(kernel)] += ridge
        inverse = cho_solve(cho_factor(kernel, overwrite_a=True), np.eye(len(kernel)), overwrite_b=True)
        scores = (1 - ridge * inverse.diagonal()).clip(min=np.finfo(float).tiny)
        order = np.argsort(-(np.log(scores) + generator.gumbel(size=len(scores))), kind="stable")
        return Selection.of(
            problem, down_a_list(order, problem, budget), effective_dimension=float(scores.sum())
        )
