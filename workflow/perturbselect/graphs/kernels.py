"""Kernels over perturbations: how alike two perturbations are, judged by prior knowledge.

Every kernel here is symmetric and positive semidefinite and has a unit diagonal. The
definitions are ours. A combination ``A+B`` is the sum of its genes' features,
``M K Mᵀ`` with M the membership, brought back to a unit diagonal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.linalg import cg

from perturbselect.errors import InputError
from perturbselect.graphs.go import Annotation
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.kernel_expression import Term, inputs_of, parse
from perturbselect.graphs.membership import membership, perturbed_genes
from perturbselect.graphs.propagation import propagation_matrix

TOLERANCE = 1e-10  # of iterative solutions, relative
STEPS = 10_000  # of iterative solutions, at most


def kernel(
    expression: str,
    perturbations: Sequence[str] | np.ndarray,
    graphs: dict[str, Graph],
    annotations: dict[str, Annotation],
) -> pd.DataFrame:
    """Compute the kernel that an expression names.

    Parameters
    ----------
    expression : str
        E.g. ``mean(jaccard(go), random_walk(string, restart=0.5))``. ``mean`` and
        ``product`` work entry by entry and may be nested.
    perturbations : sequence of str, length P
        ``A`` or ``A+B``.
    graphs : dict of str to Graph
        By their key; every perturbed gene must be a node.
    annotations : dict of str to Annotation
        By the key of their GO graph.

    Returns
    -------
    DataFrame of float64, shape (P, P)
        Perturbations in the order given, as index and columns.

    Raises
    ------
    InputError
        If the expression cannot be read, what it names is not given, or an option is so extreme
        that the equations cannot be solved.
    """
    term = parse(expression)
    needed_graphs, needed_annotations = inputs_of(expression)
    for key in sorted({*needed_graphs} - {*graphs}):
        raise InputError(f"kernel '{expression}': there is no graph '{key}' under graphs")
    for key in sorted({*needed_annotations} - {*annotations}):
        raise InputError(f"kernel '{expression}': there is no GO graph '{key}' under graphs")
    names = np.asarray(perturbations, dtype=str)
    matrix = _evaluate(term, names, graphs, annotations)
    return pd.DataFrame(matrix, index=names, columns=names)


def _evaluate(
    term: Term, perturbations: np.ndarray, graphs: dict[str, Graph], annotations: dict[str, Annotation]
) -> np.ndarray:
    parts = [_evaluate(part, perturbations, graphs, annotations) for part in term.parts]
    if term.function == "mean":
        return np.mean(parts, axis=0)
    if term.function == "product":
        return np.prod(parts, axis=0)
    genes = perturbed_genes(perturbations)
    if term.function == "jaccard":
        between_genes = jaccard(annotations[term.graph], genes)
    elif term.function == "propagation":
        between_genes = propagation(graphs[term.graph], genes, int(term.options["layers"]))
    elif term.function == "random_walk":
        between_genes = random_walk(graphs[term.graph], genes, term.options["restart"], term.graph)
    else:
        between_genes = laplacian(graphs[term.graph], genes, term.options["delta"], term.graph)
    hits = membership(perturbations, genes)
    return unit_diagonal(hits @ (hits @ between_genes).T)


def unit_diagonal(matrix: np.ndarray) -> np.ndarray:
    """Scale a positive semidefinite matrix to a unit diagonal, and make it exactly symmetric."""
    scale = 1 / np.sqrt(np.diag(matrix))
    scaled = matrix * scale[:, None] * scale
    scaled = (scaled + scaled.T) / 2
    np.fill_diagonal(scaled, 1)
    return scaled


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


def random_walk(graph: Graph, genes: np.ndarray, restart: float, name: str = "graph") -> np.ndarray:
    """Overlap of where random walks with restart from two genes are: ``Σ_u sqrt(p_s(u) p_t(u))``.

    ``p_s = c (I - (1 - c) A D^-1)^-1 e_s`` is the stationary distribution of a walk that
    goes back to s with probability c at each step; A is the graph with its edges taken
    both ways (the mean of both weights) and D its degree. The Bhattacharyya coefficient
    of two distributions is an inner product, so the matrix is positive semidefinite with
    a unit diagonal. It weighs far genes more than the cosine of the profiles does, which
    the two starting points dominate. A walk from an isolated gene stays there.

    Parameters
    ----------
    graph : Graph
    genes : ndarray of str, shape (n,)
    restart : float
        c, between 0 and 1 (excluded).
    name : str
        What messages call the graph.

    Returns
    -------
    ndarray of float64, shape (n, n)

    Raises
    ------
    InputError
        If the equations do not converge.

    Notes
    -----
    ``A D^-1`` is similar to a symmetric matrix, so conjugate gradients solve it, a gene
    at a time: O(n · edges · sqrt(2 / c)); memory O(n · N).
    """
    weights = _both_ways(graph)
    degree = weights.sum(axis=1)
    root = np.sqrt(np.where(degree > 0, degree, 1))
    scale = sp.diags_array(1 / root)
    system = sp.eye_array(len(graph)) - (1 - restart) * (scale @ weights @ scale)
    start = membership(genes, graph.genes).indices
    # up to a factor for each gene, which the unit diagonal takes away
    profiles = _solve(sp.csr_array(system), start, f"random_walk({name}): restart={restart:g}") * root
    features = np.sqrt(np.maximum(profiles, 0))
    return unit_diagonal(features @ features.T)


def laplacian(graph: Graph, genes: np.ndarray, delta: float, name: str = "graph") -> np.ndarray:
    """Regularised Laplacian ``(D - A + delta I)^-1``, scaled; A and D as in `random_walk`.

    ``name`` is what messages call the graph.

    Returns
    -------
    ndarray of float64, shape (n, n)

    Raises
    ------
    InputError
        If the equations do not converge.

    Notes
    -----
    Conjugate gradients, preconditioned with the diagonal, a gene at a time.
    """
    weights = _both_ways(graph)
    system = sp.diags_array(weights.sum(axis=1) + delta) - weights
    start = membership(genes, graph.genes).indices
    return unit_diagonal(_solve(sp.csr_array(system), start, f"laplacian({name}): delta={delta:g}")[:, start])


def _both_ways(graph: Graph) -> sp.csr_array:
    adjacency = graph.adjacency.astype(np.float64)
    return sp.csr_array((adjacency + adjacency.T) / 2)


def _solve(system: sp.csr_array, starts: np.ndarray, what: str) -> np.ndarray:
    """Return some rows of the inverse of a symmetric positive definite matrix; `what` asks for them."""
    preconditioner = sp.diags_array(1 / system.diagonal())
    rows = np.empty((len(starts), system.shape[0]))
    for row, start in zip(rows, starts, strict=True):
        unit = np.zeros(len(row))
        unit[start] = 1
        row[:], unsolved = cg(system, unit, rtol=TOLERANCE, M=preconditioner, maxiter=STEPS)
        if unsolved:
            raise InputError(f"{what} is too small: {STEPS} steps of the solution did not converge; raise it")
    return rows
