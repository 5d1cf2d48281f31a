"""Propagation and receptive fields: by hand, and against torch_geometric's SGConv."""

import numpy as np
import pytest
import scipy.sparse as sp

from perturbselect.graphs.graph import Graph
from perturbselect.graphs.propagation import coverage_curve, propagation_matrix, receptive_fields


@pytest.fixture
def graph():
    generator = np.random.default_rng(1)
    adjacency = generator.random((15, 15)) * (generator.random((15, 15)) < 0.12)
    np.fill_diagonal(adjacency, 0)
    genes = np.array([f"G{i:02d}" for i in range(15)])
    return Graph(genes, sp.csr_array(adjacency.astype(np.float32)), np.ones(15, dtype=bool))


def sgconv(graph, hops):
    import torch
    from torch_geometric.nn import SGConv

    matrix = graph.adjacency.tocoo()
    # an edge of torch_geometric goes from its first row (source) to its second (target)
    edge_index = torch.tensor(np.stack([matrix.col, matrix.row]), dtype=torch.long)
    weight = torch.tensor(matrix.data)
    layer = SGConv(len(graph), 3, K=hops, add_self_loops=True)
    return lambda embedding: layer(embedding, edge_index, weight), layer


@pytest.mark.parametrize("hops", [1, 2])
def test_propagation_is_what_sgconv_does(graph, hops):
    import torch

    forward, layer = sgconv(graph, hops)
    embedding = torch.eye(len(graph))
    power = np.linalg.matrix_power(propagation_matrix(graph).toarray(), hops)
    expected = power @ layer.lin.weight.detach().numpy().T + layer.lin.bias.detach().numpy()
    np.testing.assert_allclose(forward(embedding).detach().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("hops", [1, 2])
def test_receptive_field_is_where_the_gradient_is_not_zero(graph, hops):
    import torch

    forward, _ = sgconv(graph, hops)
    fields = receptive_fields(graph, hops, "in").toarray()
    assert not fields.all()
    for gene in range(len(graph)):
        embedding = torch.randn(len(graph), len(graph), requires_grad=True)
        forward(embedding)[gene].square().sum().backward()
        assert (fields[gene] == (embedding.grad.abs().sum(1) > 0).numpy()).all()


def test_directions(graph):
    inward = receptive_fields(graph, 2, "in").toarray()
    assert (receptive_fields(graph, 2, "out").toarray() == inward.T).all()
    step = (graph.adjacency.toarray() > 0) | np.eye(15, dtype=bool)
    both = step | step.T
    assert (receptive_fields(graph, 2, "undirected").toarray() == (both.astype(int) @ both > 0)).all()


def test_coverage_curve(graph):
    fields = receptive_fields(graph, 1, "in").toarray()
    order = ["G03", "G01+G07", "G03", "G10"]
    union = [fields[[3]], fields[[3, 1, 7]], fields[[3, 1, 7]], fields[[3, 1, 7, 10]]]
    expected = [rows.any(0).mean() for rows in union]
    assert coverage_curve(graph, order, 1, "in").tolist() == pytest.approx(expected)
