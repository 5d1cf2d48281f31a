"""Change a share of a graph's edges at random, to see what a selection owes to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import scipy.sparse as sp

from perturbselect.errors import InputError
from perturbselect.graphs.go import Annotation
from perturbselect.graphs.graph import Graph

Change = Literal["drop", "rewire", "add"]
ROUNDS = 100  # in which pairs of edges are drawn for rewiring, at most


def perturb_graph(graph: Graph, change: Change, share: float, generator: np.random.Generator) -> Graph:
    """Drop, rewire or add edges.

    Parameters
    ----------
    graph : Graph
    change : {'drop', 'rewire', 'add'}
        ``rewire`` exchanges the ends of pairs of edges, so that every degree (in and out) stays;
        weights stay with the target. ``add`` joins genes that have no edge, with weights
        drawn from those there are.
    share : float
        Of the edges, between 0 and 1; at least one edge is changed.
    generator : numpy.random.Generator

    Returns
    -------
    Graph
        Where every edge has an equal one the other way round, pairs of them are one edge, and
        stay so.

    Raises
    ------
    InputError
        If so many edges cannot be rewired or added.
    """
    matrix = graph.adjacency.tocoo()
    symmetric = (graph.adjacency != graph.adjacency.T).nnz == 0
    kept = matrix.row < matrix.col if symmetric else np.ones(matrix.nnz, dtype=bool)
    edges = np.stack([matrix.row[kept], matrix.col[kept]], axis=1).astype(np.int64)
    edges, weight = _changed(
        edges, matrix.data[kept], graph.adjacency.shape, change, share, generator, loops=False, both=symmetric
    )
    if symmetric:
        edges, weight = np.concatenate([edges, edges[:, ::-1]]), np.r_[weight, weight]
    adjacency = sp.csr_array((weight, (edges[:, 0], edges[:, 1])), shape=graph.adjacency.shape)
    adjacency.sort_indices()
    return replace(graph, adjacency=adjacency)


def perturb_annotation(
    annotation: Annotation, change: Change, share: float, generator: np.random.Generator
) -> Annotation:
    """Drop, rewire or add pairs of gene and term; the degrees that rewiring keeps are both sizes."""
    matrix = annotation.matrix.tocoo()
    edges = np.stack([matrix.row, matrix.col], axis=1).astype(np.int64)
    edges, kept = _changed(edges, matrix.data, matrix.shape, change, share, generator, loops=True, both=False)
    changed = sp.csr_array((kept, (edges[:, 0], edges[:, 1])), shape=matrix.shape)
    changed.sort_indices()
    return replace(annotation, matrix=changed)


def _changed(
    edges: np.ndarray,
    weight: np.ndarray,
    shape: tuple[int, int],
    change: Change,
    share: float,
    generator: np.random.Generator,
    *,
    loops: bool,
    both: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Change edges (target, source), shape (E, 2); `both`: an edge is the same either way round."""
    count = max(1, round(share * len(edges)))
    if change == "drop":
        left = np.sort(generator.permutation(len(edges))[count:])
        return edges[left], weight[left]
    if change == "rewire":
        return _rewired(edges, shape, count, generator, loops=loops, both=both), weight
    new = _new_edges(edges, shape, count, generator, loops=loops, both=both)
    return np.concatenate([edges, new]), np.r_[weight, generator.choice(weight, count)]


def _keys(edges: np.ndarray, columns: int, both: bool) -> np.ndarray:
    """Return a number for each edge."""
    edges = np.sort(edges, axis=1) if both else edges
    return edges[:, 0] * columns + edges[:, 1]


def _rewired(
    edges: np.ndarray,
    shape: tuple[int, int],
    count: int,
    generator: np.random.Generator,
    *,
    loops: bool,
    both: bool,
) -> np.ndarray:
    """Exchange the sources of pairs of edges drawn at random, each edge once, until `count` have changed."""
    edges = edges.copy()
    present = set(_keys(edges, shape[1], both).tolist())
    waiting = generator.permutation(len(edges))
    left = count + count % 2
    for _ in range(ROUNDS):
        drawn, refused = waiting[:left], list(waiting[left:])
        for first, second in drawn[: len(drawn) // 2 * 2].reshape(-1, 2):
            pair = edges[[first, second]]
            if both and generator.random() < 0.5:
                pair[1] = pair[1, ::-1]
            old, new = _keys(pair, shape[1], both), pair.copy()
            new[:, 1] = pair[::-1, 1]
            keys = _keys(new, shape[1], both)
            loop = not loops and (new[:, 0] == new[:, 1]).any()
            if loop or keys[0] == keys[1] or not present.isdisjoint(keys.tolist()):
                refused += [first, second]
                continue
            present.difference_update(old.tolist())
            present.update(keys.tolist())
            edges[[first, second]] = new
            left -= 2
        if left == 0:
            return edges
        waiting = generator.permutation(np.array(refused, dtype=np.int64))
    if left > count / 2:
        raise InputError(
            f"stability: of {count} edges to rewire, {left} cannot be exchanged without doubling another; "
            "the graph is too small or too dense: leave rewire out of changes"
        )
    return edges


def _new_edges(
    edges: np.ndarray,
    shape: tuple[int, int],
    count: int,
    generator: np.random.Generator,
    *,
    loops: bool,
    both: bool,
) -> np.ndarray:
    """Draw `count` pairs that have no edge."""
    room = shape[0] * shape[1] - (0 if loops else shape[0])
    if count > (room // 2 if both else room) - len(edges):
        raise InputError(
            f"stability: there is no room for {count} more edges in this graph; leave add out of changes"
        )
    present = set(_keys(edges, shape[1], both).tolist())
    new: list[np.ndarray] = []
    while len(new) < count:
        drawn = np.stack([generator.integers(size, size=count) for size in shape], axis=1)
        for pair, key in zip(drawn, _keys(drawn, shape[1], both).tolist(), strict=True):
            if len(new) < count and key not in present and (loops or pair[0] != pair[1]):
                present.add(key)
                new.append(pair)
    return np.array(new)
