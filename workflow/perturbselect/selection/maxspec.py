"""MaxSpec, read literally: the largest singular value of the chosen rows of the propagation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.reach import GraphKey, Hops, influence_of
from perturbselect.selection.engine.spectrum import Gram, LargestSingularValue
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class MaxSpec:
    """Greedy maximisation of ``f(S) = ‖B[S, :]‖₂``, the largest singular value; our definition.

    ``B = P_hat^hops`` is the model's propagation. The criterion is named by Panagopoulos et al.,
    arXiv 2503.14571, who say that it is maximised as a submodular function; the largest
    singular value is **not** submodular (tests hold counter-examples), so this is plain
    greedy, without a guarantee. ``maxspec_logdet`` and ``maxspec_nuclear`` have one. It
    concentrates on one dense corner of the graph. O(j³ + n j²) for the j-th pick.
    """

    graph: GraphKey
    hops: Hops = 1

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        gram = Gram(influence_of(problem, self.hops))
        picks = greedy(lambda: LargestSingularValue(gram), problem, budget, generator)
        return Selection.of(problem, picks, hops=self.hops)
