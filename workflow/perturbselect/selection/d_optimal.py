"""D-optimal design: pick perturbations that tell most about the whole function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.criterion import Criterion
from perturbselect.selection.engine.gaussian import InformationGain
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.low_rank import Features, LowRankInformation
from perturbselect.selection.engine.similarity import Kernel, Noise, Similarity
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class DOptimal:
    """Greedy maximisation of ``log det(I + K_SS / σ²)``: twice the information gained about f ~ GP(0, K).

    Monotone submodular: greedy has at least 1 - 1/e of the best value. It is also the most
    probable set of a determinantal point process, found greedily. It seeks what is unlike
    everything picked, wherever the perturbations to predict are. O(n j) for the j-th pick;
    the kernel is read one column a pick. With r features in place of the kernel O(n r) a pick.

    References
    ----------
    Srinivas et al. 2010, arXiv 0912.3995; Chaloner and Verdinelli 1995, Statistical
    Science 10:273.
    """

    kernel: Kernel
    noise: Noise = 0.5

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        make: Callable[[], Criterion]
        if problem.features is None:
            similarity = Similarity.of(problem)
            make = partial(InformationGain, similarity, similarity.noise(self.noise))
        else:
            features = Features.of(problem)
            make = partial(LowRankInformation, features, features.noise(self.noise))
        picks = greedy(make, problem, budget, generator)
        return Selection.of(problem, picks)
