"""What a graph looks like: a row per gene, and a few numbers for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from perturbselect.graphs.graph import Graph
from perturbselect.graphs.membership import membership

if TYPE_CHECKING:
    from perturbselect.data.gene_names import Aliases


def node_table(graph: Graph, perturbation_genes: np.ndarray) -> pd.DataFrame:
    """Return one row a gene.

    Parameters
    ----------
    graph : Graph
    perturbation_genes : ndarray of str
        Genes that the screen perturbs.

    Returns
    -------
    DataFrame
        ``gene``; ``in_source`` and ``perturbed`` (0 or 1); ``in_degree`` and
        ``out_degree`` (edges); ``component`` (weak, 0 = the largest).
    """
    count, label = connected_components(graph.adjacency, directed=True, connection="weak")
    # the largest component first, equal ones by their first gene
    first = np.full(count, len(graph))
    np.minimum.at(first, label, np.arange(len(graph)))
    rank = np.empty(count, dtype=int)
    rank[np.lexsort((first, -np.bincount(label, minlength=count)))] = np.arange(count)
    return pd.DataFrame(
        {
            "gene": graph.genes,
            "in_source": graph.in_source.astype(int),
            "perturbed": np.isin(graph.genes, perturbation_genes).astype(int),
            "in_degree": np.diff(graph.adjacency.indptr),
            "out_degree": np.bincount(graph.adjacency.indices, minlength=len(graph)),
            "component": rank[label],
        }
    )


def source_names(genes: np.ndarray, aliases: Aliases) -> dict[str, Any]:
    """Count the genes of a graph's source, and list those that the alias table does not know.

    Parameters
    ----------
    genes : ndarray of str
        As read, names already reconciled: what has no current symbol kept its own name.
    aliases : Aliases

    Returns
    -------
    dict, JSON-ready
        ``source_genes`` (number) and ``source_names_not_matched`` (names; none without an
        alias table).
    """
    table = aliases.reconcile(genes)
    unmatched = table.loc[table["status"].isin(["unmatched", "ambiguous"]), "name"]
    return {"source_genes": len(genes), "source_names_not_matched": sorted(unmatched)}


def describe(graph: Graph, perturbations: Sequence[str] | np.ndarray) -> dict[str, Any]:
    """Return the numbers of the graph report.

    Parameters
    ----------
    graph : Graph
    perturbations : sequence of str
        All perturbations of the screen.

    Returns
    -------
    dict, JSON-ready
        ``nodes``; ``edges`` (pairs of genes joined in either direction) and
        ``directed_edges``; ``density`` (directed edges over N(N-1)); ``components``;
        ``isolated`` nodes; ``degree_median``, ``degree_mean``, ``degree_max`` (distinct
        neighbours); ``perturbations`` (their number); ``perturbations_not_in_graph``
        (names of those with a gene that is no node or that the source does not know) and
        ``perturbations_isolated`` (names of those none of whose genes has an edge).
    """
    joined = sp.csr_array(graph.adjacency.astype(bool) + graph.adjacency.T.astype(bool))
    degree = np.diff(joined.indptr)
    names = np.asarray(perturbations, dtype=str)
    nodes = set(graph.genes)
    inside = np.array([nodes.issuperset(name.split("+")) for name in names], dtype=bool)
    hits = membership(names[inside], graph.genes)
    unknown = np.sort(np.r_[names[~inside], names[inside][hits @ (~graph.in_source).astype(int) > 0]])
    pairs = len(graph) * (len(graph) - 1)
    return {
        "nodes": len(graph),
        "edges": joined.nnz // 2,
        "directed_edges": int(graph.adjacency.nnz),
        "density": graph.adjacency.nnz / pairs if pairs else 0.0,
        "components": int(connected_components(joined, directed=False)[0]),
        "isolated": int((degree == 0).sum()),
        "degree_median": float(np.median(degree)),
        "degree_mean": float(degree.mean()),
        "degree_max": int(degree.max()),
        "perturbations": len(names),
        "perturbations_not_in_graph": unknown.tolist(),
        "perturbations_isolated": names[inside][hits @ (degree > 0).astype(int) == 0].tolist(),
    }
