"""Balls in the kernel's metric: how large they are, and whom they hold."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from perturbselect.selection.engine.geometry import squared_distances
from perturbselect.selection.engine.similarity import BLOCK


def pure_radius(distance: np.ndarray, labels: np.ndarray, purity: float) -> float:
    """Return the largest radius at which a share of all open balls holds points of one label only.

    A ball is pure up to the distance of its centre to the nearest point of another label, so
    the radius is a quantile of these.

    Parameters
    ----------
    distance : ndarray of float, shape (n, n)
    labels : ndarray of int, shape (n,)
    purity : float
        The share, at least.

    Returns
    -------
    float
        The largest distance of all, where every point has the same label.
    """
    if (labels == labels[0]).all():
        return float(np.nextafter(distance.max(), np.inf))
    pure_up_to = [row[labels != label].min() for row, label in zip(distance, labels, strict=True)]
    impure = int(np.floor((1 - purity) * len(labels) + 1e-9))
    return float(np.sort(pure_up_to)[impure])


def clusters(distance: np.ndarray, count: int) -> np.ndarray:
    """Return labels of clusters by Ward's tree: int, shape (n,). O(n² log n)."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    tree = linkage(squareform(distance, checks=False), "ward")
    return fcluster(tree, count, criterion="maxclust")


def within(kernel: np.ndarray, rows: np.ndarray, columns: np.ndarray, radius: float) -> sp.csr_array:
    """Return who lies in the open ball of radius `radius` around each row; those at distance 0 do.

    Parameters
    ----------
    kernel : ndarray of float, shape (q, n)
    rows, columns : ndarray, shapes (q,) and (n,)
        Kernel of each with itself.
    radius : float

    Returns
    -------
    scipy.sparse.csr_array of bool, shape (q, n)
    """
    step = max(1, BLOCK // len(columns))
    smallest = np.nextafter(0, 1, dtype=kernel.dtype)
    parts = []
    for start in range(0, len(kernel), step):
        block = slice(start, start + step)
        squared = squared_distances(kernel[block].copy(), rows[block], columns)
        parts.append(sp.csr_array(squared < max(radius**2, smallest)))
    return sp.csr_array(sp.vstack(parts))
