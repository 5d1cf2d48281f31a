"""Kernels of walks and diffusion on a graph, by solving sparse equations."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import cg, expm_multiply

from perturbselect.errors import InputError
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.kernels.scaling import unit_diagonal
from perturbselect.graphs.membership import membership

TOLERANCE = 1e-10  # of iterative solutions, relative
STEPS = 10_000  # of iterative solutions, at most
TOGETHER = 256  # columns of a matrix exponential


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


def heat(graph: Graph, genes: np.ndarray, time: float) -> np.ndarray:
    """Heat kernel ``exp(-t (I - D^-1/2 A D^-1/2))``, scaled; A and D as in `random_walk`.

    How much of the heat of one gene is at another after time t; a gene without edges
    keeps its own. (Kondor and Lafferty 2002, ICML.)

    Returns
    -------
    ndarray of float64, shape (n, n)
    """
    adjacency, _ = normalised(graph)
    start = membership(genes, graph.genes).indices
    between = np.empty((len(start), len(start)))
    for first in range(0, len(start), TOGETHER):
        columns = start[first : first + TOGETHER]
        units = np.zeros((len(graph), len(columns)))
        units[columns, np.arange(len(columns))] = 1
        # the factor exp(-t) of the identity is the same everywhere
        between[:, first : first + TOGETHER] = expm_multiply(time * adjacency, units)[start]
    return unit_diagonal(between)


def normalised(graph: Graph) -> tuple[sp.csr_array, np.ndarray]:
    """Return ``D^-1/2 A D^-1/2``, edges taken both ways, and the degrees D."""
    weights = _both_ways(graph)
    degree = weights.sum(axis=1)
    scale = sp.diags_array(1 / np.sqrt(np.where(degree > 0, degree, 1)))
    return sp.csr_array(scale @ weights @ scale), degree


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
