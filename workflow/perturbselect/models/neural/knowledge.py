"""From knowledge graphs to what a network takes as input."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp

from perturbselect.errors import InputError
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.membership import perturbed_genes

Policy = Literal["error", "drop", "isolated"]


def place(names: np.ndarray, graph: Graph, policy: Policy, name: str) -> tuple[Graph, np.ndarray]:
    """Say which perturbations have a place in the graph, after `policy` dealt with those that have not.

    Parameters
    ----------
    names : ndarray of str, shape (n,)
        Perturbations, ``A`` or ``A+B``.
    graph : Graph
    policy : {'error', 'drop', 'isolated'}
        ``isolated`` gives the genes that the graph does not have a node without neighbours.
    name : str
        The graph's key in the config, for the message.

    Returns
    -------
    graph : Graph
        The same, or with more nodes.
    known : ndarray of bool, shape (n,)

    Raises
    ------
    InputError
        If a gene is absent and the policy is ``error``.
    """
    absent = np.setdiff1d(perturbed_genes(names), graph.genes)
    if len(absent) == 0:
        return graph, np.ones(len(names), bool)
    hit = [set(absent).intersection(str(n).split("+")) for n in names]
    known = np.array([not genes for genes in hit])
    if policy == "error":
        first = names[np.argmin(known)]
        raise InputError(
            f"graphs.{name}: perturbation '{first}' hits a gene that is not in the graph "
            f"({(~known).sum()} such perturbations); make the graph anew, or set the model's option "
            "`absent` to `drop` or `isolated`"
        )
    return (graph, known) if policy == "drop" else (_with_nodes(graph, absent), np.ones(len(names), bool))


def gene_graph(graph: Graph | None, genes: pd.Index) -> Graph:
    """Return a co-expression graph in the order of the predicted genes; without edges if there is none."""
    if graph is None:
        empty = sp.csr_array((len(genes), len(genes)), dtype=np.float32)
        return Graph(genes.to_numpy(), empty, np.zeros(len(genes), bool))
    return Graph(genes.to_numpy(), _moved(graph, genes), genes.isin(graph.genes[graph.in_source]))


def _with_nodes(graph: Graph, more: np.ndarray) -> Graph:
    genes = pd.Index(np.union1d(graph.genes, more))
    return Graph(genes.to_numpy(dtype=str), _moved(graph, genes), genes.isin(graph.genes[graph.in_source]))


def _moved(graph: Graph, genes: pd.Index) -> sp.csr_array:
    """Return the adjacency among `genes`, in their order."""
    edges = graph.adjacency.tocoo()
    positions = genes.get_indexer(graph.genes)
    rows, columns = positions[edges.row], positions[edges.col]
    known = (rows >= 0) & (columns >= 0)
    shape = (len(genes), len(genes))
    return sp.csr_array((edges.data[known], (rows[known], columns[known])), shape=shape)
