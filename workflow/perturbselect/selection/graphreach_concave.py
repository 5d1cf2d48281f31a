"""Concave GraphReach: reach with diminishing returns, which never quite saturates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.concave import ConcaveCoverage
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.reach import GraphKey, Hops, Universe, influence_of, leaned_on
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class GraphReachConcave:
    """Greedy maximisation of ``Σ_u w_u φ(Σ_{v ∈ S} B[v, u])``, φ(x) = 1 - exp(-x/τ); our definition.

    ``B = P_hat^hops`` is the model's propagation: B[v, u] says how strongly embedding u is
    moved when v is measured, and ``w_u = Σ_{q ∈ Q} B[q, u]`` how much those that count lean on it.
    A concave function of a sum, hence monotone submodular: greedy has at least 1 - 1/e of
    the best value (Nemhauser, Wolsey and Fisher 1978). Lazy greedy: each gain computed anew
    costs O(size of a receptive field), at worst all n of them at every pick: O(k · total size of
    the receptive fields).
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
    tau: Annotated[
        float,
        Field(
            gt=0,
            description="τ: the influence at which an embedding counts 63 %, relative to the mean influence "
            "that the whole pool has on one.",
        ),
    ] = 0.1

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        influence, weights = influence_of(problem, self.hops), leaned_on(problem, self.universe, self.hops)
        tau = self.tau * float(influence.sum(axis=0).mean())
        picks = greedy(lambda: ConcaveCoverage(influence, weights, tau), problem, budget, generator)
        return Selection.of(
            problem,
            picks,
            hops=self.hops,
            universe=self.universe,
            tau=tau,
            coverage=float(picks.gain.sum() / weights.sum()),
        )
