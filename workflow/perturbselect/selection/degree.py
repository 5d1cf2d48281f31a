"""Pick hubs: a control for strategies that merely seek them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from perturbselect.graphs.centrality import node_degree
from perturbselect.graphs.membership import membership
from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.ranking import highest
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class Degree:
    """The perturbations of highest degree; a combination has the sum of its genes' degrees.

    The gain is the degree, the value their sum. Ties are broken by a permutation drawn
    from the generator. O(edges + n log n).
    """

    graph: Annotated[str, Field(description="Key of the graph.")]
    direction: Annotated[
        Literal["in", "out", "total"],
        Field(description="Count edges `in`to the gene (it receives), `out` of it, or both."),
    ] = "total"
    weighted: Annotated[bool, Field(description="Sum the edges' weights instead of counting edges.")] = False

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        assert problem.graph is not None
        degree = node_degree(problem.graph, self.direction, self.weighted)
        score = membership(problem.candidates, problem.graph.genes) @ degree
        return Selection.of(problem, highest(score, problem, budget, generator))
