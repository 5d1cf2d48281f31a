"""Multicover GraphReach: reach every embedding several times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.coverage import Coverage, multicover
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.reach import (
    Direction,
    Exact,
    GraphKey,
    Hops,
    Universe,
    counted,
    fields_of,
    optimum_facts,
)
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class GraphReachMulticover:
    """Greedy maximisation of ``f_r(S) = Σ_u min(r, #{v ∈ S : u ∈ R(v)})``, our definition.

    R(v) as in ``graphreach``; an embedding counts each time it is reached, up to r times.
    Monotone submodular for every r: greedy has at least 1 - 1/e of the best value (Nemhauser,
    Wolsey and Fisher 1978). When f_r is saturated, r grows by one, and so on; those picks
    are ``decided_by`` ``fallback``. O(r · total size of the receptive fields).
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
    times: Annotated[int, Field(ge=1, description="r: how many times a gene counts, at first.")] = 2
    exact: Exact = False

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        incidence = fields_of(problem, self.hops, self.direction)
        if self.universe != "graph":
            incidence = sp.csr_array(sp.csc_array(incidence)[:, counted(problem, self.universe)])
        cover = Coverage(incidence, times=self.times)
        picks = greedy(
            cover.anew,
            problem,
            budget,
            generator,
            lambda order: multicover(cover.anew(), order),
        )
        reached = incidence[picks.order].astype(np.int64).sum(axis=0)
        exact = optimum_facts(problem, picks, budget, incidence, None, self.times) if self.exact else {}
        return Selection.of(
            problem,
            picks,
            hops=self.hops,
            direction=self.direction,
            universe=incidence.shape[1],
            covered=int((reached > 0).sum()),
            coverage=float(np.mean(reached > 0)),
            coverage_times=float(np.mean(reached >= self.times)),
            **exact,
        )
