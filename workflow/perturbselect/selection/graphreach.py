"""GraphReach: perturb genes whose receptive fields together cover the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.coverage import Coverage
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.reach import (
    Direction,
    Exact,
    Fallback,
    GraphKey,
    Hops,
    Universe,
    counted,
    fields_of,
    go_on,
    optimum_facts,
)
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class GraphReach:
    """Greedy maximisation of ``f(S) = |∪_{v ∈ S} R(v)|``, our definition of GraphReach.

    R(v) holds the genes whose embeddings receive gradient when v is measured: v and
    its in-neighbours within `hops`. A combination reaches what any of its genes reaches.
    f is monotone submodular, so greedy is within 1 - 1/e of the best value of f (which
    says nothing of the test error). The criterion is named by Panagopoulos et al.,
    arXiv 2503.14571, whose formula we do not have.

    Where no candidate adds anything (f is saturated), the fallback goes on: its picks
    have gain 0 and are ``decided_by`` ``fallback``, and ``tied`` counts the candidates that
    the fallback held equal. Ties are broken by a permutation drawn from the generator.

    O(total size of the receptive fields); see engine/coverage.py.
    """

    graph: GraphKey
    hops: Hops = 1
    direction: Direction = "in"
    universe: Annotated[
        Universe,
        Field(
            description="Genes that count as covered: all of the `graph`, those of the `pool`, or those of "
            "the perturbations to predict (`queries`: their names only)."
        ),
    ] = "graph"
    fallback: Fallback = "multicover"
    exact: Exact = False

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        incidence = fields_of(problem, self.hops, self.direction)
        if self.universe != "graph":
            incidence = sp.csr_array(sp.csc_array(incidence)[:, counted(problem, self.universe)])
        cover = Coverage(incidence)
        picks = greedy(
            cover.anew,
            problem,
            budget,
            generator,
            lambda order: go_on(problem, cover.anew(), self.fallback, order),
        )
        universe, covered = incidence.shape[1], int(picks.gain.sum())
        return Selection.of(
            problem,
            picks,
            hops=self.hops,
            direction=self.direction,
            universe=universe,
            covered=covered,
            coverage=covered / universe,
            **(optimum_facts(problem, picks, budget, incidence) if self.exact else {}),
        )
