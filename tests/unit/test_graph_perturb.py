"""Changed graphs: how many edges, which degrees, what stays."""

import numpy as np
import pytest
import scipy.sparse as sp

from perturbselect.errors import InputError
from perturbselect.graphs.go import Annotation
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.perturb import perturb_annotation, perturb_graph

COUNT = 40


def graph(symmetric, density=0.15):
    generator = np.random.default_rng(0)
    adjacency = generator.random((COUNT, COUNT)) * (generator.random((COUNT, COUNT)) < density)
    adjacency = np.triu(adjacency, 1) + np.triu(adjacency, 1).T if symmetric else adjacency
    np.fill_diagonal(adjacency, 0)
    genes = np.array([f"G{i:02d}" for i in range(COUNT)])
    return Graph(genes, sp.csr_array(adjacency.astype(np.float32)), np.ones(COUNT, dtype=bool))


def edges(one):
    return set(zip(*(part.tolist() for part in one.adjacency.nonzero()), strict=True))


def changed(one, change, share, seed=1):
    other = perturb_graph(one, change, share, np.random.default_rng(seed))
    assert other.adjacency.dtype == np.float32
    assert (other.adjacency.diagonal() == 0).all()
    assert other.genes is one.genes
    assert not other.adjacency.has_canonical_format or other.adjacency.nnz == len(edges(other))
    return other


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.5])
def test_as_many_edges_as_asked_for(symmetric, share):
    one = graph(symmetric)
    per_edge = 2 if symmetric else 1
    count = round(share * one.adjacency.nnz / per_edge) * per_edge
    before = edges(one)
    dropped = edges(changed(one, "drop", share))
    assert dropped < before
    assert len(before - dropped) == count
    added = edges(changed(one, "add", share))
    assert added > before
    assert len(added - before) == count
    rewired = edges(changed(one, "rewire", share))
    assert len(rewired) == len(before)
    assert 0.8 * count <= len(before - rewired) <= count + 2 * per_edge


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_rewiring_keeps_degrees(share):
    one = graph(symmetric=False)
    other = changed(one, "rewire", share)
    for axis in (0, 1):
        degrees = [(g.adjacency > 0).sum(axis=axis).tolist() for g in (one, other)]
        assert degrees[0] == degrees[1]
    np.testing.assert_allclose(one.adjacency.sum(axis=1), other.adjacency.sum(axis=1), rtol=1e-6)
    one = graph(symmetric=True)
    other = changed(one, "rewire", share)
    assert (one.adjacency > 0).sum(axis=0).tolist() == (other.adjacency > 0).sum(axis=0).tolist()


@pytest.mark.parametrize("change", ["drop", "rewire", "add"])
def test_symmetry_and_weights_stay(change):
    one = graph(symmetric=True)
    other = changed(one, change, 0.3)
    assert (other.adjacency != other.adjacency.T).nnz == 0
    assert set(other.adjacency.data) <= set(one.adjacency.data)
    unchanged = edges(one) & edges(other)
    if change != "rewire":
        assert all(one.adjacency[edge] == other.adjacency[edge] for edge in unchanged)


@pytest.mark.parametrize("change", ["drop", "rewire", "add"])
def test_the_seed_decides(change):
    one = graph(symmetric=False)
    assert edges(changed(one, change, 0.2, 1)) == edges(changed(one, change, 0.2, 1))
    assert edges(changed(one, change, 0.2, 1)) != edges(changed(one, change, 0.2, 2))


@pytest.mark.parametrize("change", ["drop", "rewire", "add"])
def test_annotation(change):
    matrix = sp.csr_array(np.random.default_rng(3).random((30, 12)) < 0.3)
    annotation = Annotation(np.arange(30).astype(str), np.arange(12).astype(str), matrix)
    other = perturb_annotation(annotation, change, 0.2, np.random.default_rng(0)).matrix
    assert other.dtype == bool
    count = round(0.2 * matrix.nnz)
    assert other.nnz == matrix.nnz + {"drop": -count, "rewire": 0, "add": count}[change]
    if change == "rewire":
        assert (matrix != other).nnz > count
        for axis in (0, 1):
            assert matrix.sum(axis=axis).tolist() == other.sum(axis=axis).tolist()


def test_graphs_without_room():
    full = graph(symmetric=False, density=1)
    with pytest.raises(InputError, match=r"no room for .* more edges"):
        changed(full, "add", 0.1)
    with pytest.raises(InputError, match="cannot be exchanged without doubling"):
        changed(full, "rewire", 0.1)
    assert len(edges(changed(full, "drop", 0.1))) == round(0.9 * COUNT * (COUNT - 1))
