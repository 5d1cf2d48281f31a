"""MaxSpec by the log-determinant: all singular values of the chosen rows count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.gaussian import InformationGain
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.reach import GraphKey, Hops, influence_of
from perturbselect.selection.engine.spectrum import Gram
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class MaxSpecLogDet:
    """Greedy maximisation of ``f(S) = log det(I + α B_S B_Sᵀ)``, our definition.

    ``B = P_hat^hops`` is the model's propagation. Monotone submodular: greedy has at least
    1 - 1/e of the best value (Nemhauser, Wolsey and Fisher 1978). It is greedy MAP inference
    of a determinantal point process, by a pivoted Cholesky decomposition (Chen, Zhang and
    Zhou 2018, arXiv 1709.05135): O(n j) for the j-th pick, and the entries of B; ``B Bᵀ`` is
    never written down.
    """

    graph: GraphKey
    hops: Hops = 1
    alpha: Annotated[
        float, Field(gt=0, description="α, relative to the mean squared length of the candidates' rows of B.")
    ] = 1.0

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        gram = Gram(influence_of(problem, self.hops))
        noise = float(gram.diagonal().mean()) / self.alpha
        picks = greedy(lambda: InformationGain(gram, noise), problem, budget, generator)
        return Selection.of(problem, picks, hops=self.hops, alpha=1 / noise)
