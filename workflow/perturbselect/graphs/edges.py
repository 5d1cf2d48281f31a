"""Graphs from lists of interactions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from perturbselect.errors import InputError
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.source_table import read_columns, united_symbols

if TYPE_CHECKING:
    from perturbselect.config import EdgesGraph, StringGraph
    from perturbselect.data.gene_names import Aliases


def read_edges(path: str | os.PathLike, options: EdgesGraph, aliases: Aliases) -> pd.DataFrame:
    """Read a weighted edge list (tab, comma or space delimited, with a header).

    Parameters
    ----------
    path : path
    options : EdgesGraph
        ``columns`` names source, target and weight (``None``: all weights are 1).
    aliases : Aliases

    Returns
    -------
    DataFrame
        ``gene1`` (source), ``gene2`` (target), ``score`` (float64).

    Raises
    ------
    InputError
        If the file cannot be read, lacks a column, or a weight is no finite number.
    """
    source, target, weight = options.columns
    table = read_columns(path, [source, target] + ([weight] if weight else []))
    score = scores(table[weight], path) if weight else np.ones(len(table))
    return with_symbols(table[source], table[target], score, aliases)


def scores(column: pd.Series, path: str | os.PathLike) -> np.ndarray:
    """Return a column as finite numbers, or say which line has none."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    if not np.isfinite(numbers).all():
        row = int(np.argmin(np.isfinite(numbers)))
        raise InputError(
            f"{path}: line {row + 2} has '{column.iloc[row]}' for '{column.name}', which is no number; "
            "correct the line, or name the right column in the config"
        )
    return numbers


def with_symbols(gene1: pd.Series, gene2: pd.Series, score: np.ndarray, aliases: Aliases) -> pd.DataFrame:
    """Return the edges between current symbols."""
    position, names = pd.factorize(np.concatenate([gene1, gene2]), sort=True)
    symbols = united_symbols(names, aliases)[position]
    return pd.DataFrame({"gene1": symbols[: len(score)], "gene2": symbols[len(score) :], "score": score})


def edge_genes(edges: pd.DataFrame) -> np.ndarray:
    """Return the genes of an edge list, sorted and unique."""
    return np.unique(np.concatenate([edges["gene1"].unique(), edges["gene2"].unique()]).astype(str))


def interaction_graph(
    edges: pd.DataFrame, nodes: np.ndarray, options: StringGraph | EdgesGraph, name: str = "graph"
) -> Graph:
    """Build a graph from an edge list.

    STRING edges need a score of at least ``options.threshold`` and weigh score / 1000;
    edges of other lists need a weight above it and keep it. Undirected edges go both
    ways. Of edges given more than once, the strongest counts; self loops are left out.

    Parameters
    ----------
    edges : DataFrame
        ``gene1`` (source), ``gene2`` (target), ``score``.
    nodes : ndarray of str, shape (N,)
        Sorted, unique; edges with other genes are left out.
    options : StringGraph or EdgesGraph
    name : str
        The graph's key in the config, for messages.

    Returns
    -------
    Graph

    Raises
    ------
    InputError
        If no edge is left.
    """
    index = pd.Index(nodes)
    source, target = index.get_indexer(edges["gene1"]), index.get_indexer(edges["gene2"])
    score = edges["score"].to_numpy(np.float64)
    strong = score >= options.threshold if options.type == "string" else score > options.threshold
    keep = strong & (score > 0) & (source >= 0) & (target >= 0) & (source != target)
    if not keep.any():
        raise InputError(
            f"graphs.{name}: no two of its {len(nodes)} genes are joined by an edge that passes threshold "
            f"{options.threshold:g} (strongest score in the source: {score.max():g}); "
            f"lower graphs.{name}.threshold or set nodes: all"
        )
    source, target, weight = source[keep], target[keep], score[keep]
    if options.type == "string":
        weight = weight / 1000
    if options.type == "string" or not options.directed:
        source, target, weight = np.r_[source, target], np.r_[target, source], np.r_[weight, weight]
    order = np.lexsort((-weight, source, target))
    source, target, weight = source[order], target[order], weight[order]
    first = np.r_[True, (np.diff(target) != 0) | (np.diff(source) != 0)]
    adjacency = sp.csr_array(
        (weight[first].astype(np.float32), (target[first], source[first])), shape=(len(nodes), len(nodes))
    )
    return Graph(np.asarray(nodes, dtype=str), adjacency, np.isin(nodes, edge_genes(edges)))
