"""The co-expression graph against numpy's correlation."""

import numpy as np
import pytest
import scipy.sparse as sp

from perturbselect.config import CoexpressionGraph
from perturbselect.errors import InputError
from perturbselect.graphs import coexpression
from perturbselect.graphs.coexpression import coexpression_graph

OPTIONS = CoexpressionGraph(type="coexpression", threshold=0.3, neighbours=4)


@pytest.fixture
def expression():
    generator = np.random.default_rng(3)
    factors = generator.normal(size=(60, 4))
    values = np.maximum(factors @ generator.normal(size=(4, 25)) + generator.normal(size=(60, 25)), 0)
    values[:, 7] = 0
    values[:, 8] = 1.7
    return values.astype(np.float32)


@pytest.mark.parametrize("chunk", [11, 2048])
def test_equals_brute_force(expression, monkeypatch, chunk):
    monkeypatch.setattr(coexpression, "CHUNK", chunk)
    genes = np.random.default_rng(0).permutation([f"G{i:02d}" for i in range(25)])
    graph = coexpression_graph(sp.csr_array(expression), genes, OPTIONS)
    assert graph.genes.tolist() == sorted(genes)
    place = np.argsort(genes)
    varying = [i for i in range(25) if i not in (7, 8)]
    correlation = np.zeros((25, 25))
    correlation[np.ix_(varying, varying)] = np.abs(np.corrcoef(expression[:, varying].T.astype(float)))
    np.fill_diagonal(correlation, 0)
    correlation = correlation[np.ix_(place, place)]
    expected = np.zeros((25, 25))
    for target in range(25):
        for source in np.argsort(-correlation[target])[:4]:
            if correlation[target, source] > 0.3:
                expected[target, source] = correlation[target, source]
    assert (expected > 0).sum() > 40
    np.testing.assert_allclose(graph.adjacency.toarray(), expected, atol=1e-6)


def test_constant_genes_are_isolated(expression):
    graph = coexpression_graph(sp.csr_array(expression), np.array([f"G{i:02d}" for i in range(25)]), OPTIONS)
    for gene in (7, 8):
        assert graph.adjacency[[gene]].nnz == 0
        assert graph.adjacency[:, [gene]].nnz == 0


def test_errors(expression):
    genes = np.array([f"G{i:02d}" for i in range(25)])
    with pytest.raises(InputError, match="control cells"):
        coexpression_graph(sp.csr_array(expression[:2]), genes, OPTIONS)
    with pytest.raises(InputError, match=r"graphs\.coex\.threshold"):
        coexpression_graph(
            sp.csr_array(expression), genes, OPTIONS.model_copy(update={"threshold": 0.999}), "coex"
        )
