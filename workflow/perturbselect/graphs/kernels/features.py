"""Kernels that are inner products of a gene's features in a graph."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import eigsh

from perturbselect.graphs.go import Annotation
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.kernels.scaling import unit_diagonal
from perturbselect.graphs.kernels.walks import normalised
from perturbselect.graphs.membership import membership
from perturbselect.graphs.propagation import propagation_matrix


def jaccard(annotation: Annotation, genes: np.ndarray) -> np.ndarray:
    """Jaccard index of the genes' term sets, a positive semidefinite kernel.

    A gene without terms is like itself only.

    Returns
    -------
    ndarray of float64, shape (n, n)

    References
    ----------
    Bouchard, Jousselme and Doré, "A proof for the positive definiteness of the Jaccard
    index matrix", International Journal of Approximate Reasoning 54 (2013).
    """
    terms = annotation.of(genes).astype(np.int32)
    shared = (terms @ terms.T).toarray()
    sizes = np.diag(shared)
    union = sizes[:, None] + sizes - shared
    similarity = np.divide(shared, union, out=np.zeros(shared.shape), where=union > 0)
    np.fill_diagonal(similarity, 1)
    return similarity


def propagation(graph: Graph, genes: np.ndarray, layers: int) -> np.ndarray:
    """Cosines of the rows of ``B = P_hat^layers``: how much two genes lean on the same embeddings.

    Returns
    -------
    ndarray of float64, shape (n, n)
    """
    hop = propagation_matrix(graph)
    rows = membership(genes, graph.genes).astype(np.float64)
    for _ in range(layers):
        rows = rows @ hop
    return unit_diagonal((rows @ rows.T).toarray())


def spectral(graph: Graph, genes: np.ndarray, dimensions: int, window: int) -> np.ndarray:
    """Cosines of embeddings in which genes are near that random walks of up to `window` steps join.

    With the eigenvalues l_i and vectors u_i of the normalised adjacency (edges taken both
    ways), gene g has the features ``u_i[g] sqrt(d_g^-1 max(0, mean of l_i^r for r = 1..window))``
    for the `dimensions` largest of these. That is the matrix which DeepWalk and node2vec
    factorise, without its logarithm (Qiu et al. 2018, arXiv 1710.02971), so that no walks are
    sampled. A gene without edges is like itself only.

    Returns
    -------
    ndarray of float64, shape (n, n)
    """
    adjacency, degree = normalised(graph)
    count = min(dimensions, len(graph) - 1)
    if count >= len(graph) - 1:
        values, vectors = np.linalg.eigh(adjacency.toarray())
    else:
        # walks of even length would bring back negative eigenvalues; only the largest are wanted
        values, vectors = eigsh(adjacency, k=count, which="LA", v0=np.ones(len(graph)))
    weight = np.mean([values**step for step in range(1, window + 1)], axis=0).clip(min=0)
    best = np.argsort(-weight, kind="stable")[:dimensions]
    rows = membership(genes, graph.genes).indices
    features = vectors[rows][:, best] * np.sqrt(weight[best])
    features /= np.sqrt(np.where(degree > 0, degree, 1))[rows, None]
    alone = (degree == 0)[rows] | ~(np.abs(features) > 1e-12).any(axis=1)
    features[alone] = 0
    similarity = features @ features.T
    similarity[alone, alone] = 1
    return unit_diagonal(similarity)
