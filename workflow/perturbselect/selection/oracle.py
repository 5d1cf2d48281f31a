"""An upper mark: picks made by someone who knows all responses. Never a contender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from perturbselect.errors import InputError
from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.known_responses import TestError
from perturbselect.selection.engine.similarity import Kernel, Noise, Similarity
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class Oracle:
    """Greedy reduction of the true squared error of kernel regression on the perturbations to predict.

    It reads the responses of the pool *and of the test set*: it shows how far a choice could
    lower the error of a kernel model, and is left out wherever strategies compete. The
    regression is that of `kernel_ridge` with a fixed noise and an unknown mean. Picks may raise
    the error late in the run (negative gains). Greedy, so no bound either: a choice may be
    better still. O((n + q)²) a pick.
    """

    sees_responses: ClassVar[bool] = True

    kernel: Kernel
    noise: Noise = 0.5

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        if problem.responses is None or not len(problem.queries):
            raise InputError(
                "strategy oracle: needs the true responses of all perturbations and some to predict"
            )
        similarity = Similarity.of(problem, "queries")
        responses = problem.responses.loc[[*problem.candidates, *problem.queries]].to_numpy(np.float64)
        noise = similarity.noise(self.noise)
        picks = greedy(lambda: TestError(similarity, responses, noise), problem, budget, generator)
        return Selection.of(problem, picks, contender=False)
