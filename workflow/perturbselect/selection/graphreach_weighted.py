"""Weighted GraphReach: cover the embeddings on which the perturbations to predict lean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.coverage import Coverage
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.reach import (
    Exact,
    Fallback,
    GraphKey,
    Hops,
    Universe,
    fields_of,
    go_on,
    leaned_on,
    optimum_facts,
)
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class GraphReachWeighted:
    """Greedy maximisation of ``f(S) = Σ_u w_u · 1[u ∈ ∪_{v ∈ S} R(v)]``, our definition.

    R(v) as in ``graphreach``; ``w_u = Σ_{q ∈ Q} B[q, u]`` says how much those that count lean
    on embedding u, with ``B = P_hat^hops`` the model's propagation. Monotone submodular:
    greedy has at least 1 - 1/e of the best value (Nemhauser, Wolsey and Fisher 1978). After
    saturation as ``graphreach``, the covers weighted too. O(total size of the receptive fields).
    """

    graph: GraphKey
    hops: Hops = 1
    universe: Annotated[
        Universe,
        Field(
            description="Who leans on the embeddings: the perturbations to predict (`queries`, their names "
            "only), the `pool`, or all genes of the `graph`."
        ),
    ] = "queries"
    fallback: Fallback = "multicover"
    exact: Exact = False

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        incidence, weights = fields_of(problem, self.hops, "in"), leaned_on(problem, self.universe, self.hops)
        cover = Coverage(incidence, weights)
        picks = greedy(
            cover.anew,
            problem,
            budget,
            generator,
            lambda order: go_on(problem, cover.anew(), self.fallback, order),
        )
        return Selection.of(
            problem,
            picks,
            hops=self.hops,
            universe=self.universe,
            covered=int((incidence[picks.order].sum(axis=0) > 0).sum()),
            coverage=float(picks.gain.sum() / weights.sum()),
            **(optimum_facts(problem, picks, budget, incidence, weights) if self.exact else {}),
        )
