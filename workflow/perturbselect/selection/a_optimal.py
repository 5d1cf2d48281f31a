"""A-optimal design: pick perturbations that leave the weights of the kernel's features least uncertain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.gaussian import WeightUncertainty
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.similarity import Kernel, Noise, Similarity
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class AOptimal:
    """Greedy reduction of the trace of the weights' posterior covariance (Bayesian A-optimality).

    With ``K = F F'`` and ``f = F w``, ``w ~ N(0, I)``, the trace after measuring S with noise
    σ² is that of ``(I + F_S' F_S / σ²)^-1``. Not submodular; greedy has approximate guarantees
    (Chamon and Ribeiro 2017, NIPS). `v_optimal` is the design for predictions.
    O(n j) for the j-th pick; the features are not computed; see engine/gaussian.py.

    References
    ----------
    Chaloner and Verdinelli 1995, Statistical Science 10:273.
    """

    kernel: Kernel
    noise: Noise = 0.5

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        similarity = Similarity.of(problem)
        noise = similarity.noise(self.noise)
        picks = greedy(lambda: WeightUncertainty(similarity, noise), problem, budget, generator)
        return Selection.of(problem, picks)
