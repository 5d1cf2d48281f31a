"""The co-expression graph: genes that vary together over control cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from perturbselect.errors import InputError
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.neighbours import strongest

if TYPE_CHECKING:
    from perturbselect.config import CoexpressionGraph

CHUNK = 2048  # cells made dense at a time


def coexpression_graph(
    control_expression: sp.csr_array,
    genes: np.ndarray,
    options: CoexpressionGraph,
    name: str = "coexpression",
) -> Graph:
    """Connect each gene to the genes most correlated with it.

    The weight is the absolute Pearson correlation over the cells; edges need more than
    ``options.threshold``, and each target keeps its ``options.neighbours`` strongest
    sources (ties: the name that sorts first). Genes of constant expression are isolated.

    Parameters
    ----------
    control_expression : scipy.sparse.csr_array, shape (cells, N)
        log1p-normalised expression of control cells.
    genes : ndarray of str, shape (N,)
        Unique; the columns.
    options : CoexpressionGraph
    name : str
        The graph's key in the config, for messages.

    Returns
    -------
    Graph
        Over `genes`, sorted.

    Raises
    ------
    InputError
        If there are fewer than 3 cells, or no edge is left.

    Notes
    -----
    O(cells · N²) time, O(N²) memory in float64.
    """
    cells, count = control_expression.shape
    if cells < 3:
        raise InputError(f"graphs.{name}: correlations need at least 3 control cells, there are {cells}")
    order = np.argsort(np.asarray(genes, dtype=str))
    expression = sp.csr_array(control_expression)
    mean = np.asarray(expression.mean(axis=0, dtype=np.float64)).ravel()
    covariance = np.zeros((count, count))
    for start in range(0, cells, CHUNK):
        centred = expression[start : start + CHUNK].toarray().astype(np.float64) - mean
        covariance += centred.T @ centred
    covariance = covariance[np.ix_(order, order)]
    norm = np.sqrt(np.diag(covariance))
    constant = norm <= 1e-6 * np.sqrt(cells) * np.maximum(np.abs(mean[order]), 1)
    norm[constant] = np.inf
    correlation = np.abs(covariance) / norm[:, None] / norm
    # rounded, so that ties do not hang on the order of a sum
    correlation = np.minimum(correlation.round(12), 1)
    np.fill_diagonal(correlation, 0)
    correlation[correlation <= options.threshold] = 0
    adjacency = strongest(sp.coo_array(correlation), options.neighbours)
    if adjacency.nnz == 0:
        raise InputError(
            f"graphs.{name}: no two genes correlate above {options.threshold:g} over the {cells} control "
            f"cells, so the graph has no edges; lower graphs.{name}.threshold"
        )
    return Graph(np.asarray(genes, dtype=str)[order], adjacency, np.ones(count, dtype=bool))
