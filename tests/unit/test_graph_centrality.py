"""PageRank beside networkx."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

from perturbselect.graphs.centrality import pagerank
from perturbselect.graphs.graph import Graph


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("direction", ["in", "out"])
@pytest.mark.parametrize("damping", [0.5, 0.85])
def test_pagerank(direction, weighted, damping):
    generator = np.random.default_rng(3)
    adjacency = generator.random((40, 40)) * (generator.random((40, 40)) < 0.06)
    np.fill_diagonal(adjacency, 0)
    assert (adjacency.sum(axis=0) == 0).any()  # genes without a way out
    graph = Graph(np.array([f"G{i:02d}" for i in range(40)]), sp.csr_array(adjacency), np.ones(40, bool))
    # networkx: A[i, j] is an edge from i to j; ours: the target receives from the source
    walk = nx.from_numpy_array(adjacency.T if direction == "in" else adjacency, create_using=nx.DiGraph)
    expected = nx.pagerank(walk, damping, tol=1e-14, max_iter=1000, weight="weight" if weighted else None)
    found = pagerank(graph, damping, direction, weighted)
    np.testing.assert_allclose(found, [expected[i] for i in range(40)], atol=1e-12)
    assert found.sum() == pytest.approx(1)
