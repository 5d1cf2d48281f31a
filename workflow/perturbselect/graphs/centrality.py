"""How central each gene of a graph is."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.sparse as sp

from perturbselect.graphs.graph import Graph


def node_degree(graph: Graph, direction: Literal["in", "out", "total"], weighted: bool) -> np.ndarray:
    """Return the degree of each gene, float64, shape (N,)."""
    adjacency = (
        graph.adjacency.astype(np.float64) if weighted else graph.adjacency.astype(bool).astype(np.float64)
    )
    into, out = adjacency.sum(axis=1), adjacency.sum(axis=0)
    return {"in": into, "out": out, "total": into + out}[direction]


def pagerank(graph: Graph, damping: float, direction: Literal["in", "out"], weighted: bool) -> np.ndarray:
    """Return the stationary distribution of a walk that follows edges and sometimes jumps.

    Parameters
    ----------
    graph : Graph
    damping : float
        Chance to follow an edge; else, and from a gene without one, it jumps to any gene.
    direction : {'in', 'out'}
        Follow edges from source to target (``in``: to those that receive), or back.
    weighted : bool
        Choose edges by weight, or evenly.

    Returns
    -------
    ndarray of float64, shape (N,)
        Sums to 1; off by less than 1e-12 in total.
    """
    step = graph.adjacency.astype(np.float64)  # row: where to, column: where from
    if direction == "out":
        step = sp.csr_array(step.T)
    if not weighted:
        step.data = (step.data != 0).astype(np.float64)
    leaving = step.sum(axis=0)
    step = step @ sp.diags_array(1 / np.where(leaving > 0, leaving, 1))
    rank = np.full(len(graph), 1 / len(graph))
    # the error falls by the factor `damping` a step
    for _ in range(int(np.ceil(np.log(1e-13) / np.log(damping)))):
        followed = damping * (step @ rank)
        rank = followed + (1 - followed.sum()) / len(graph)
    return rank
