"""MaxSpec by the nuclear norm: the sum of the singular values of the chosen rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.reach import GraphKey, Hops, influence_of
from perturbselect.selection.engine.spectrum import Gram, NuclearNorm
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class MaxSpecNuclear:
    """Greedy maximisation of the sum of the singular values of ``B[S, :]``, our definition.

    ``B = P_hat^hops`` is the model's propagation. It is the trace of the square root of
    the principal submatrix ``(B Bᵀ)[S, S]``. The derivative of -√x is operator monotone, so that
    the trace is submodular (Friedland and Gaubert 2013), and it never falls: greedy has at
    least 1 - 1/e of the best value. Computed as a mixture of 15 log-determinants (engine/spectrum.py):
    O(15 n j) for the j-th pick.

    References
    ----------
    Friedland and Gaubert 2013, "Submodular spectral functions of principal submatrices of a
    hermitian matrix, extensions and applications", Linear Algebra and its Applications 438:3872.
    """

    graph: GraphKey
    hops: Hops = 1

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        gram = Gram(influence_of(problem, self.hops))
        picks = greedy(lambda: NuclearNorm(gram), problem, budget, generator)
        return Selection.of(problem, picks, hops=self.hops)
