"""How central each gene of a graph is."""

from __future__ import annotations

from typing import Literal

import numpy as np

from perturbselect.graphs.graph import Graph


def node_degree(graph: Graph, direction: Literal["in", "out", "total"], weighted: bool) -> np.ndarray:
    """Return the degree of each gene, float64, shape (N,)."""
    adjacency = (
        graph.adjacency.astype(np.float64) if weighted else graph.adjacency.astype(bool).astype(np.float64)
    )
    into, out = adjacency.sum(axis=1), adjacency.sum(axis=0)
    return {"in": into, "out": out, "total": into + out}[direction]
