"""What candidates reach on a graph, and whom that is counted for: shared by the coverage strategies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from perturbselect.errors import InputError
from perturbselect.graphs.centrality import node_degree
from perturbselect.graphs.membership import membership, perturbed_genes
from perturbselect.graphs.propagation import propagated_rows, receptive_fields
from perturbselect.selection.engine.coverage import Coverage, multicover
from perturbselect.selection.engine.criterion import Criterion, FixedScores
from perturbselect.selection.engine.optimum import best_cover
from perturbselect.selection.strategy import Picks, Problem

GraphKey = Annotated[str, Field(description="Key of the graph.")]
Hops = Annotated[
    int, Field(ge=1, le=3, description="Propagation steps of the model: how far a receptive field goes.")
]
Direction = Annotated[
    Literal["in", "out", "undirected"],
    Field(description="Genes that the gene receives from (`in`), that receive from it (`out`), or both."),
]
Universe = Literal["graph", "pool", "queries"]
Fallback = Annotated[
    Literal["multicover", "random", "degree"],
    Field(
        description="What goes on when all is covered: cover genes one time more, then another "
        "(`multicover`), draw at `random`, or take the highest total `degree`."
    ),
]
Exact = Annotated[
    bool,
    Field(
        description="Also find the best set of the largest budget by integer programming, and report how far "
        "greedy is from it. For small pools: it may take long, and stops after a minute."
    ),
]


def fields_of(problem: Problem, hops: int, direction: Literal["in", "out", "undirected"]) -> sp.csr_array:
    """Return which genes of the graph each candidate reaches, bool, shape (n, N)."""
    assert problem.graph is not None
    fields = receptive_fields(problem.graph, hops, direction)
    if np.array_equal(problem.candidates, problem.graph.genes):
        return fields
    return sp.csr_array(membership(problem.candidates, problem.graph.genes).astype(bool) @ fields)


def influence_of(problem: Problem, hops: int) -> sp.csr_array:
    """Return the candidates' rows of the propagation ``B = P_hat^hops``, float64, shape (n, N)."""
    assert problem.graph is not None
    return propagated_rows(problem.graph, problem.candidates, hops)


def names_of(problem: Problem, universe: Universe) -> np.ndarray:
    """Return the perturbations, or genes, that count.

    Raises
    ------
    InputError
        If there are none.
    """
    assert problem.graph is not None
    names = {"graph": problem.graph.genes, "pool": problem.candidates, "queries": problem.queries}[universe]
    if not len(names):
        raise InputError("universe: queries needs perturbations to predict; use universe: graph")
    return names


def counted(problem: Problem, universe: Universe) -> np.ndarray:
    """Return the nodes of the graph that count, int, sorted."""
    assert problem.graph is not None
    return membership(perturbed_genes(names_of(problem, universe)), problem.graph.genes).indices


def leaned_on(problem: Problem, universe: Universe, hops: int) -> np.ndarray:
    """Return how much those that count lean on each embedding, ``w_u = Σ_q B[q, u]``, shape (N,)."""
    assert problem.graph is not None
    return propagated_rows(problem.graph, names_of(problem, universe), hops).sum(axis=0)


def go_on(
    problem: Problem, cover: Coverage, fallback: Literal["multicover", "random", "degree"], order: np.ndarray
) -> Iterator[Criterion]:
    """Yield what ranks once all is covered; nothing for `random`, so that ties decide.

    Parameters
    ----------
    problem : Problem
    cover : Coverage
        Of the empty set.
    fallback : {'multicover', 'random', 'degree'}
    order : ndarray of int
        Candidates that are in.
    """
    if fallback == "multicover":
        yield from multicover(cover, order)
    elif fallback == "degree":
        assert problem.graph is not None
        degree = node_degree(problem.graph, "total", weighted=False)
        yield FixedScores(membership(problem.candidates, problem.graph.genes) @ degree)


def optimum_facts(
    problem: Problem,
    picks: Picks,
    budget: int,
    incidence: sp.csr_array,
    weights: np.ndarray | None = None,
    times: int = 1,
) -> dict[str, Any]:
    """Find the best set of the budget, and say how much of its value greedy has."""
    best = best_cover(incidence, budget, problem.constraints, weights, times)
    return {
        "optimum": best.value,
        "optimum_proved": best.proved,
        "optimum_at_most": best.upper_bound,
        "share_of_optimum": float(picks.gain.sum()) / best.value if best.value else 1.0,
    }
