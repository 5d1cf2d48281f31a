"""GraphReach: perturb genes whose receptive fields together cover the graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from perturbselect.errors import InputError
from perturbselect.graphs.centrality import node_degree
from perturbselect.graphs.membership import membership, perturbed_genes
from perturbselect.graphs.propagation import receptive_fields
from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.coverage import Coverage, multicover
from perturbselect.selection.engine.criterion import Criterion, FixedScores
from perturbselect.selection.engine.greedy import greedy
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

    O(total size of the receptive fields) and O(n) for each pick; see engine/coverage.py.
    """

    graph: Annotated[str, Field(description="Key of the graph.")]
    hops: Annotated[
        int, Field(ge=1, le=3, description="Propagation steps of the model: how far a receptive field goes.")
    ] = 1
    direction: Annotated[
        Literal["in", "out", "undirected"],
        Field(description="Genes that the gene receives from (`in`), that receive from it (`out`), or both."),
    ] = "in"
    universe: Annotated[
        Literal["graph", "pool", "queries"],
        Field(
            description="Genes that count as covered: all of the `graph`, those of the `pool`, or those of "
            "the perturbations to predict (`queries`: their names only)."
        ),
    ] = "graph"
    fallback: Annotated[
        Literal["multicover", "random", "degree"],
        Field(
            description="What goes on when all is covered: cover genes a second, third, … time "
            "(`multicover`), draw at `random`, or take the highest total `degree`."
        ),
    ] = "multicover"

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        incidence = self._incidence(problem)
        picks = greedy(
            lambda: Coverage(incidence), problem, budget, generator, partial(self._go_on, problem, incidence)
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
        )

    def _incidence(self, problem: Problem) -> sp.csr_array:
        """Return which genes of the universe each candidate reaches, bool, shape (n, m)."""
        graph = problem.graph
        assert graph is not None
        reached = membership(problem.candidates, graph.genes).astype(bool) @ receptive_fields(
            graph, self.hops, self.direction
        )
        if self.universe == "graph":
            return sp.csr_array(reached)
        names = problem.candidates if self.universe == "pool" else problem.queries
        if not len(names):
            raise InputError(
                "strategy graphreach: universe: queries needs perturbations to predict; use universe: graph"
            )
        counted = membership(perturbed_genes(names), graph.genes).indices
        return sp.csr_array(sp.csc_array(reached)[:, counted])

    def _go_on(self, problem: Problem, incidence: sp.csr_array, order: np.ndarray) -> Iterator[Criterion]:
        """Yield what ranks after saturation; nothing for `random`, so that ties decide."""
        if self.fallback == "multicover":
            yield from multicover(Coverage(incidence), order)
        elif self.fallback == "degree":
            assert problem.graph is not None
            degree = node_degree(problem.graph, "total", weighted=False)
            yield FixedScores(membership(problem.candidates, problem.graph.genes) @ degree)
