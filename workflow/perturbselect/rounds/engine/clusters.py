"""Clusters of perturbations."""

from __future__ import annotations

import numpy as np


def cluster(
    features: np.ndarray, count: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Cluster rows by k-means, into no more clusters than there are different rows.

    Parameters
    ----------
    features : ndarray of float64, shape (n, p)
    count : int
        Number of clusters wanted.
    generator : numpy.random.Generator
        Source of scikit-learn's seed.

    Returns
    -------
    labels : ndarray of int, shape (n,)
    centres : ndarray of float64, shape (c, p)
        c = min(count, number of different rows).
    """
    from sklearn.cluster import KMeans

    count = min(count, len(np.unique(features, axis=0)))
    seed = int(generator.integers(2**31))
    found = KMeans(count, n_init=1, random_state=seed).fit(features)
    return found.labels_.astype(np.int64), found.cluster_centers_
