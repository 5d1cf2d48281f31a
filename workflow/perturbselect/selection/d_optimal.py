"""D-optimal design: pick perturbations that tell most about the whole function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.gaussian import InformationGain
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.similarity import Kernel, Noise, Similarity
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class DOptimal:
    """Greedy maximisation of ``log det(I + K_SS / σ²)``: twice the information gained about f ~ GP(0, K).

    Monotone submodular: greedy has at least 1 - 1/e of the best value. It is also the most
    probable set of a determinantal point process, found greedily. It seeks what is unlike
    everything picked, wherever the perturbations to predict are. O(n j) for the j-th pick;
    the kernel is read one column a pick.

    References
    ----------
    Srinivas et al. 2010, arXiv 0912.3995; Chaloner and Verdinelli 1995, Statistical
    Science 10:273.
    """

    kernel: Kernel
    noise: Noise = 0.5

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        similarity = Similarity.of(problem)
        noise = similarity.noise(self.noise)
        picks = greedy(lambda: InformationGain(similarity, noise), problem, budget, generator)
        return Selection.of(problem, picks)
