"""The knowledge graph: genes, weighted directed edges, and its two files."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from perturbselect.errors import InputError
from perturbselect.files import read_tsv, write_tsv


@dataclass(frozen=True)
class Graph:
    """A knowledge graph over genes.

    Attributes
    ----------
    genes : ndarray of str, shape (N,)
        Nodes, sorted and unique.
    adjacency : scipy.sparse.csr_array of float32, shape (N, N)
        ``adjacency[t, s] > 0``: gene t receives from gene s with that weight.
        No self loops: propagation adds them.
    in_source : ndarray of bool, shape (N,)
        Whether the source knows the gene at all (a gene it does not know is an
        isolated node).
    """

    genes: np.ndarray
    adjacency: sp.csr_array
    in_source: np.ndarray

    def __len__(self) -> int:
        return len(self.genes)


def write_edges(graph: Graph, path: str | os.PathLike) -> None:
    """Write the edge list: target, source, weight. The node table is `summary.node_table`'s."""
    matrix = graph.adjacency.tocoo()
    order = np.lexsort((matrix.col, matrix.row))
    edges = {
        "target": graph.genes[matrix.row[order]],
        "source": graph.genes[matrix.col[order]],
        "weight": matrix.data[order].astype(np.float32),
    }
    write_tsv(pd.DataFrame(edges), path)


def read_graph(edges: str | os.PathLike, nodes: str | os.PathLike) -> Graph:
    """Read a graph from its edge list and its node table (columns gene and in_source)."""
    node_table = read_tsv(nodes, dtype={"gene": str})
    edge_table = read_tsv(edges, dtype={"target": str, "source": str, "weight": np.float32})
    genes = node_table["gene"].to_numpy(dtype=str)
    index = pd.Index(genes)
    rows, columns = index.get_indexer(edge_table["target"]), index.get_indexer(edge_table["source"])
    if (rows < 0).any() or (columns < 0).any():
        raise InputError(f"{edges}: has a gene that is not in {nodes}; make both anew")
    adjacency = sp.csr_array(
        (edge_table["weight"].to_numpy(np.float32), (rows, columns)), shape=(len(genes), len(genes))
    )
    return Graph(genes, adjacency, node_table["in_source"].to_numpy(bool))
