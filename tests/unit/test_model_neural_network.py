"""The vectorised network against a literal one: a row per cell, as model notes of GEARS write it."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import matrix_power

from perturbselect.graphs.graph import Graph
from perturbselect.graphs.propagation import propagation_matrix

torch = pytest.importorskip("torch")

from perturbselect.models.neural.hop import sparse_tensor  # noqa: E402
from perturbselect.models.neural.network import Network  # noqa: E402
from perturbselect.models.neural.normalisation import EPSILON  # noqa: E402

GENES, NODES, HIDDEN = 7, 9, 5
PERTURBED = [[0], [3], [2, 5], [], [1, 7, 8], [4]]  # nodes of each perturbation; [] is the control
CELLS = [3, 1, 4, 5, 2, 1]


def random_adjacency(n, generator, density=0.4):
    adjacency = (generator.random((n, n)) < density) * generator.uniform(0.1, 2, (n, n))
    np.fill_diagonal(adjacency, 0)
    return sp.csr_array(adjacency)


def propagation(adjacency):
    n = adjacency.shape[0]
    return propagation_matrix(Graph(np.array([f"P{i}" for i in range(n)]), adjacency, np.ones(n, bool)))


def literal_norm(norm, x, statistics, name):
    """Batch normalisation over equal rows; keeps or uses the statistics of `name`."""
    if norm.training:
        statistics[name] = (x.mean(dim=0), x.var(dim=0, correction=0))
    mean, variance = statistics[name]
    return (x - mean) / torch.sqrt(variance + EPSILON) * norm.weight + norm.bias


def literal_mlp(mlp, x, statistics, name):
    x = literal_norm(mlp.first_norm, mlp.first(x), statistics, name + "1")
    return literal_norm(mlp.second_norm, mlp.second(torch.relu(x)), statistics, name + "2")


def literal(network, gene_hop, node_hop, cells, statistics):
    """Steps 1 to 11 for a list of cells, each a list of nodes: [cells, G]."""
    n = network
    a = torch.relu(literal_norm(n.base_norm, n.gene_base, statistics, "base"))
    z = n.gene_convolution(gene_hop @ n.gene_position)
    t = literal_mlp(n.gene_mlp, a + 0.2 * z, statistics, "t")
    s = n.node_convolution(node_hop @ n.node)
    perturbed = [i for i, nodes in enumerate(cells) if nodes]
    f = torch.zeros(len(cells), n.hidden, dtype=t.dtype)
    f[perturbed] = literal_mlp(
        n.perturbation_mlp, torch.stack([sum(s[j] for j in cells[i]) for i in perturbed]), statistics, "f"
    )
    grid = torch.cat([t + f[i] for i in range(len(cells))])
    h = torch.relu(literal_norm(n.sum_norm, grid, statistics, "sum"))
    r = literal_mlp(n.decoder, h, statistics, "r").reshape(len(cells), GENES, n.hidden)
    o = torch.stack([(r[:, g] @ n.gene_weight[g]) + n.gene_bias[g, 0] for g in range(GENES)], dim=1)
    v = literal_mlp(n.cross_gene_mlp, o, statistics, "v")
    w2 = n.output_weight[0]
    return torch.stack(
        [o[:, g] * w2[g, 0] + v @ w2[g, 1:] + n.output_bias[g, 0] for g in range(GENES)], dim=1
    )


@pytest.fixture
def case():
    generator = np.random.default_rng(0)
    torch.manual_seed(0)
    genes, nodes = random_adjacency(GENES, generator), random_adjacency(NODES, generator)
    gene_hop, node_hop = propagation(genes), propagation(nodes)
    network = Network(sparse_tensor(gene_hop, torch.float64), NODES, HIDDEN).double()
    with torch.no_grad():  # so that no scale, shift or bias is neutral
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, dtype=torch.float64))
    membership = np.zeros((len(PERTURBED), NODES))
    for row, group in enumerate(PERTURBED):
        membership[row, group] = 1
    composition = torch.from_numpy(membership @ node_hop)
    sizes = torch.tensor([len(group) for group in PERTURBED], dtype=torch.float64)
    share = torch.tensor(CELLS, dtype=torch.float64) / sum(CELLS)
    network.renormalise()
    return (
        network,
        torch.from_numpy(gene_hop.toarray()),
        torch.from_numpy(node_hop.toarray()),
        (composition, sizes, share),
    )


def cell_rows():
    return np.repeat(np.arange(len(PERTURBED)), CELLS)


def gradients(network, loss):
    network.zero_grad()
    loss.backward()
    return {name: parameter.grad.clone() for name, parameter in network.named_parameters()}


@pytest.mark.parametrize("mode", ["train", "evaluation"])
def test_outputs_and_gradients_equal_the_literal_network(case, mode):
    network, gene_hop, node_hop, inputs = case
    rows, statistics = cell_rows(), {}
    cells = [PERTURBED[u] for u in rows]
    network.train()
    with torch.no_grad():
        literal(network, gene_hop, node_hop, cells, statistics)
    if mode == "evaluation":
        network.keep_statistics(*inputs, rows=20)  # the grid in several parts
        assert not network.training
    fast = network(*inputs)
    slow = literal(network, gene_hop, node_hop, cells, statistics)
    assert torch.allclose(fast[rows], slow, rtol=0, atol=1e-10)
    assert fast.std(dim=0).min() > 1e-3  # perturbations differ

    pull = torch.randn(slow.shape, dtype=torch.float64)
    expected = gradients(network, (pull * literal(network, gene_hop, node_hop, cells, statistics)).sum())
    measured = gradients(network, (pull * network(*inputs)[rows]).sum())
    for name, gradient in expected.items():
        assert torch.allclose(measured[name], gradient, rtol=1e-8, atol=1e-8), name


def test_evaluation_in_parts_equals_evaluation_at_once(case):
    network, _, _, inputs = case
    network.keep_statistics(*inputs)
    assert torch.allclose(
        network.predict(*inputs[:2], rows=GENES * 2)[0], network(*inputs), rtol=0, atol=1e-12
    )


def test_statistics_kept_are_those_of_a_training_forward(case):
    network, _, _, inputs = case
    network.train()
    network(*inputs)
    in_training = {name: buffer.clone() for name, buffer in network.named_buffers() if "hop" not in name}
    network.keep_statistics(*inputs, rows=GENES)
    kept = dict(network.named_buffers())
    for name, buffer in in_training.items():
        assert torch.allclose(kept[name], buffer, rtol=1e-9, atol=1e-12), name


def test_rows_are_renormalised_only_where_longer_than_one(case):
    network = case[0]
    with torch.no_grad():
        network.node[0] = 3.0
        network.node[1] = 0.01
    before = network.node.detach().clone()
    network.renormalise()
    assert network.node[0].norm().item() == pytest.approx(1)
    assert torch.equal(network.node[1], before[1])


def test_a_single_perturbation_is_defined(case):
    network, _, _, (composition, sizes, _) = case
    network.train()
    delta = network(composition[:1], sizes[:1], torch.ones(1, dtype=torch.float64))
    assert torch.isfinite(delta).all()


def test_number_of_parameters_is_that_of_the_paper():
    # GEARS has 1,001,016 with G = 1,000 and N = 9,853, of which two normalisations (256) are unused.
    hop = sparse_tensor(sp.eye_array(1000))
    with torch.device("meta"):
        network = Network(hop, 9853, 64)
    assert sum(p.numel() for p in network.parameters()) == 1_001_016 - 256


@pytest.mark.parametrize("hops", [1, 2])
def test_propagation_equals_sgconv(hops):
    convolutions = pytest.importorskip("torch_geometric.nn")
    adjacency = random_adjacency(8, np.random.default_rng(1), 0.3)
    convolution = convolutions.SGConv(3, 4, K=hops).double()
    x = torch.randn(8, 3, dtype=torch.float64)
    edges = adjacency.tocoo()
    # torch-geometric's edges go from row 0 (source) to row 1 (target).
    index = torch.from_numpy(np.stack([edges.col, edges.row]).astype(np.int64))
    expected = convolution(x, index, torch.from_numpy(edges.data))
    mine = (
        torch.from_numpy(matrix_power(propagation(adjacency), hops).toarray()) @ x @ convolution.lin.weight.T
        + convolution.lin.bias
    )
    assert torch.allclose(mine, expected, rtol=0, atol=1e-12)
