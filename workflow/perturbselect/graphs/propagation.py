"""How information travels over a graph: propagation matrix and receptive fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import scipy.sparse as sp

from perturbselect.graphs.graph import Graph
from perturbselect.graphs.membership import membership

Direction = Literal["in", "out", "undirected"]


def propagation_matrix(graph: Graph) -> sp.csr_array:
    """Return ``D^-1/2 (A + I) D^-1/2``, D the in-degree with self loop: one SGConv hop.

    Returns
    -------
    scipy.sparse.csr_array of float64, shape (N, N)
        Row = target, column = source.
    """
    looped = graph.adjacency.astype(np.float64) + sp.eye_array(len(graph))
    scale = sp.diags_array(1 / np.sqrt(looped.sum(axis=1)))
    return sp.csr_array(scale @ looped @ scale)


def propagated_rows(graph: Graph, perturbations: Sequence[str] | np.ndarray, hops: int) -> sp.csr_array:
    """Return the rows of ``B = P_hat^hops`` for some perturbations: how much they lean on each embedding.

    Parameters
    ----------
    graph : Graph
    perturbations : sequence of str, length P
        ``A`` or ``A+B``; a combination has the sum of its genes' rows.
    hops : int

    Returns
    -------
    scipy.sparse.csr_array of float64, shape (P, N)
    """
    hop = propagation_matrix(graph)
    rows = membership(perturbations, graph.genes).astype(np.float64)
    for _ in range(hops):
        rows = rows @ hop
    return sp.csr_array(rows)


def receptive_fields(graph: Graph, hops: int, direction: Direction) -> sp.csr_array:
    """Return which genes each gene reaches within some hops, itself included.

    Parameters
    ----------
    graph : Graph
    hops : int
        At least 1.
    direction : {'in', 'out', 'undirected'}
        ``in``: row v holds the genes that v receives from, whose embeddings get a
        gradient when v is measured (``R(v)``); ``out``: the genes that receive from v.

    Returns
    -------
    scipy.sparse.csr_array of bool, shape (N, N)
        Indices of a row in no particular order.
    """
    linked = graph.adjacency.astype(bool)
    linked.eliminate_zeros()
    step = linked + sp.eye_array(len(graph), dtype=bool, format="csr")
    if direction == "out":
        step = step.T
    elif direction == "undirected":
        step = step + step.T
    step = sp.csr_array(step)
    step.indices, step.indptr = step.indices.astype(np.int32), step.indptr.astype(np.int32)  # half the memory
    fields = step
    for _ in range(hops - 1):
        fields = sp.csr_array(fields @ step)
    return fields


def coverage_curve(
    graph: Graph, order: Sequence[str] | np.ndarray, hops: int, direction: Direction
) -> np.ndarray:
    """Return the share of the graph's genes in the union of the first 1, 2, … receptive fields.

    Parameters
    ----------
    graph : Graph
    order : sequence of str, length k
        Perturbations in the order of picking; ``A+B`` reaches what A or B reaches.
    hops, direction
        As in `receptive_fields`.

    Returns
    -------
    ndarray of float64, shape (k,)
    """
    reached = sp.csr_array(
        membership(order, graph.genes).astype(bool) @ receptive_fields(graph, hops, direction)
    )
    pick = np.repeat(np.arange(len(order)), np.diff(reached.indptr))
    first_pick = np.full(len(graph), len(order))
    np.minimum.at(first_pick, reached.indices, pick)
    return np.bincount(first_pick, minlength=len(order) + 1)[: len(order)].cumsum() / len(graph)
