"""Pick the perturbations of highest PageRank: a control that seeks hubs of hubs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from perturbselect.graphs.centrality import pagerank
from perturbselect.graphs.membership import membership
from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.ranking import highest
from perturbselect.selection.engine.reach import GraphKey
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class PageRank:
    """The perturbations of highest PageRank; a combination has the sum of its genes'.

    The gain is the PageRank, times the number of genes: 1 on average. No criterion of a set.
    O(edges) a step; ``log(1e-13) / log(damping)`` of them, 185 with the default.

    References
    ----------
    Page, Brin, Motwani and Winograd 1999, "The PageRank citation ranking", Stanford InfoLab.
    """

    graph: GraphKey
    damping: Annotated[
        float,
        Field(
            gt=0,
            le=0.99,
            description="Chance to follow an edge, not to jump; 0.99 at most, which takes 3000 steps.",
        ),
    ] = 0.85
    direction: Annotated[
        Literal["in", "out"],
        Field(
            description="`in`: the walk follows messages, so that genes that receive much are high; `out`: "
            "against them, so that genes that send much are high."
        ),
    ] = "out"
    weighted: Annotated[
        bool, Field(description="Follow an edge with a chance proportional to its weight.")
    ] = False

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        assert problem.graph is not None
        rank = pagerank(problem.graph, self.damping, self.direction, self.weighted) * len(problem.graph)
        score = membership(problem.candidates, problem.graph.genes) @ rank
        return Selection.of(problem, highest(score, problem, budget, generator))
