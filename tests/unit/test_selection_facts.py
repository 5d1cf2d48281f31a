"""What is and what is not submodular, and what the criteria are: by brute force over all subsets."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp

from perturbselect.graphs.graph import Graph
from perturbselect.graphs.propagation import propagated_rows, receptive_fields
from perturbselect.selection.engine.concave import ConcaveCoverage
from perturbselect.selection.engine.coverage import Coverage
from perturbselect.selection.engine.gaussian import InformationGain
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.influence import BallDiversity, NearestDiversity
from perturbselect.selection.engine.optimum import best_cover
from perturbselect.selection.engine.spectrum import Gram, LargestSingularValue, NuclearNorm
from perturbselect.selection.strategy import Problem

CANDIDATES, ELEMENTS = 6, 8


def matrices(seed):
    """Incidence, influence and nearness of a few elements, at random."""
    generator = np.random.default_rng(seed)
    incidence = generator.random((CANDIDATES, ELEMENTS)) < 0.4
    influence = incidence * generator.random(incidence.shape)
    points = generator.normal(size=(ELEMENTS, 2))
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    return sp.csr_array(incidence), sp.csr_array(influence), distance


WEIGHTS = np.array([0.5, 0, 3, 1, 1, 0.2, 2, 1])


def coverage(times, weights):
    def make(seed):
        incidence = matrices(seed)[0]
        dense, w = incidence.toarray(), np.ones(ELEMENTS) if weights is None else weights
        return Coverage(incidence, weights, times), lambda s: w @ np.minimum(dense[s].sum(axis=0), times)

    return make


def concave(seed):
    influence = matrices(seed)[1]
    dense = influence.toarray()
    value = lambda s: WEIGHTS @ (1 - np.exp(-dense[s].sum(axis=0) / 0.7))  # noqa: E731
    return ConcaveCoverage(influence, WEIGHTS, 0.7), value


def log_determinant(seed):
    influence = matrices(seed)[1]
    dense = influence.toarray()
    value = lambda s: np.linalg.slogdet(np.eye(len(s)) + dense[s] @ dense[s].T / 0.3)[1]  # noqa: E731
    return InformationGain(Gram(influence), 0.3), value


def nuclear(seed):
    influence = matrices(seed)[1]
    dense = influence.toarray()
    return NuclearNorm(Gram(influence)), lambda s: np.linalg.svd(dense[s], compute_uv=False).sum() if s else 0


def largest(seed):
    influence = matrices(seed)[1]
    dense = influence.toarray()
    return LargestSingularValue(Gram(influence)), lambda s: np.linalg.norm(dense[s], 2) if s else 0


def grain_ball(seed):
    incidence, _, distance = matrices(seed)
    near, dense = distance < 1, incidence.toarray()

    def value(s):
        active = dense[s].any(axis=0)
        return (
            active.sum() / dense.any(axis=0).sum()
            + 2 * near[active].any(axis=0).sum() / near[dense.any(axis=0)].any(axis=0).sum()
        )

    return BallDiversity(incidence, sp.csr_array(near), 2.0), value


def grain_nearest(seed):
    incidence, _, distance = matrices(seed)
    dense, far = incidence.toarray(), distance.max()

    def reach(active):
        return (far - distance[:, active]).max(axis=1, initial=0).sum()

    def value(s):
        active = dense[s].any(axis=0)
        whole = dense.any(axis=0)
        return active.sum() / whole.sum() + 2 * reach(active) / reach(whole)

    return NearestDiversity(incidence, far - distance, 2.0), value


CRITERIA = {
    "coverage": coverage(1, None),
    "weighted": coverage(1, WEIGHTS),
    "multicover": coverage(2, None),
    "concave": concave,
    "log_determinant": log_determinant,
    "nuclear": nuclear,
    "largest_singular_value": largest,
    "grain_ball": grain_ball,
    "grain_nearest": grain_nearest,
}
OFF = {"nuclear": 1e-3}  # the mixture of log-determinants is an approximation
every_criterion = pytest.mark.parametrize("name", CRITERIA)


def all_values(value, count=CANDIDATES):
    return {
        frozenset(s): float(value(list(s)))
        for size in range(count + 1)
        for s in itertools.combinations(range(count), size)
    }


def violations(of, count=CANDIDATES, slack=1e-9):
    """How many (A, A + u, v) there are where v gains more at A + u than at A."""
    return sum(
        of[a | {v}] - of[a] < of[a | {u, v}] - of[a | {u}] - slack
        for a in of
        for u in set(range(count)) - a
        for v in set(range(count)) - a - {u}
    )


@every_criterion
@pytest.mark.parametrize("seed", range(3))
def test_gains_are_differences_of_the_definition(name, seed):
    for order in ([], [2], [0, 3], [4, 1, 5, 0]):
        criterion, value = CRITERIA[name](seed)
        for candidate in order:
            criterion.take(candidate)
        left = np.array([v for v in range(CANDIDATES) if v not in order])
        gains = criterion.gains_of(left) if hasattr(criterion, "gains_of") else criterion.gains()[left]
        expected = [value([*order, v]) - value(order) for v in left]
        np.testing.assert_allclose(gains, expected, atol=OFF.get(name, 1e-9))


@every_criterion
def test_who_claims_to_be_submodular_is(name):
    found = []
    for seed in range(12):
        criterion, value = CRITERIA[name](seed)
        of = all_values(value)
        found.append(violations(of))
        assert all(of[a] <= of[a | {v}] + 1e-9 for a in of for v in range(CANDIDATES)), "monotone"
    assert (sum(found) == 0) == criterion.submodular
    if name == "largest_singular_value":
        assert sum(found) > 10


def test_mixture_of_log_determinants_is_submodular_itself():
    """Not only what it approximates: the claim is about what greedy maximises."""
    for seed in range(5):

        def value(s, seed=seed):
            criterion, total = nuclear(seed)[0], 0.0
            for candidate in s:
                total += criterion.gains()[candidate]
                criterion.take(candidate)
            return total

        assert violations(all_values(value)) == 0


def test_nuclear_norm_is_close_at_any_scale():
    generator = np.random.default_rng(0)
    for scale, rows in ((1e-3, 30), (1, 30), (1e4, 30)):
        dense = scale * generator.random((rows, 12)) ** 4  # fewer columns than rows: singular values of 0
        criterion, total = NuclearNorm(Gram(sp.csr_array(dense))), 0.0
        for row in range(rows):
            total += criterion.gains()[row]
            criterion.take(row)
        assert total == pytest.approx(np.linalg.svd(dense, compute_uv=False).sum(), rel=2e-3)


def test_square_root_is_a_mixture_of_logarithms():
    """Rows at right angles: each gain is the root of its square, to 3e-5 of the largest."""
    squares = np.logspace(-8, 0, 30)
    gains = NuclearNorm(Gram(sp.csr_array(np.diag(np.sqrt(squares))))).gains()
    np.testing.assert_allclose(gains, np.sqrt(squares), atol=3e-5, rtol=0)


def test_fact_1_largest_singular_value():
    """Rows (1,0), (0,1), (1,1): the third gains 0.618 after the first, 0.732 after the first two."""
    rows = sp.csr_array(np.array([[1.0, 0], [0, 1], [1, 1]]))
    gains = []
    for before in ([0], [0, 1]):
        criterion = LargestSingularValue(Gram(rows))
        for row in before:
            criterion.take(row)
        gains.append(criterion.gains()[2])
    np.testing.assert_allclose(gains, [0.618, 0.732], atol=5e-4)


def test_fact_2_largest_eigenvalue_of_a_submatrix():
    """Path a–b–c: b gains 1.000 after {a} and 1.414 after {a, c}."""
    path = np.array([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]])

    def value(s):
        return np.linalg.eigvalsh(path[np.ix_(s, s)])[-1]

    np.testing.assert_allclose(
        [value([0, 1]) - value([0]), value([0, 1, 2]) - value([0, 2])], [1, 1.414], atol=5e-4
    )


@pytest.mark.parametrize("name", [name for name in CRITERIA if name != "largest_singular_value"])
def test_fact_3_guarantee_against_the_exact_optimum(name):
    problem = Problem(np.array([f"G{i}" for i in range(CANDIDATES)]), np.array([]))
    for seed in range(10):
        of = all_values(CRITERIA[name](seed)[1])
        picks = greedy(lambda seed=seed: CRITERIA[name](seed)[0], problem, 4, np.random.default_rng(seed))
        for size in range(1, 5):
            optimum = max(value for chosen, value in of.items() if len(chosen) == size)
            reached = of[frozenset(picks.order[:size].tolist())]
            assert reached >= (1 - 1 / np.e) * optimum
            assert optimum <= picks.upper_bound[size - 1] + OFF.get(name, 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_fact_3_guarantee_against_integer_programming(seed):
    """On a pool too large for brute force; HiGHS proves the optimum."""
    generator = np.random.default_rng(seed)
    incidence = sp.csr_array(generator.random((60, 80)) < 0.08)
    weights = generator.random(80)
    problem = Problem(np.array([f"G{i:02d}" for i in range(60)]), np.array([]))
    for times in (1, 2):
        best = best_cover(incidence, 8, None, weights, times)
        picks = greedy(lambda times=times: Coverage(incidence, weights, times), problem, 8, generator)
        assert best.proved
        assert best.value == pytest.approx(best.upper_bound, rel=1e-6)
        assert (1 - 1 / np.e) * best.value <= picks.gain.sum() <= best.value + 1e-9
        assert best.value <= picks.upper_bound[-1] + 1e-9


@pytest.mark.parametrize("hops", [1, 2])
def test_fact_5_receptive_field_is_where_our_network_has_a_gradient(hops):
    """The rows of the perturbation embedding that get one when v is measured, no more and no fewer."""
    torch = pytest.importorskip("torch")
    from perturbselect.models.neural.hop import sparse_tensor
    from perturbselect.models.neural.network import Network

    generator = np.random.default_rng(4)
    nodes, genes = 15, 5
    adjacency = generator.random((nodes, nodes)) * (generator.random((nodes, nodes)) < 0.12)
    np.fill_diagonal(adjacency, 0)
    names = np.array([f"G{i:02d}" for i in range(nodes)])
    graph = Graph(names, sp.csr_array(adjacency), np.ones(nodes, dtype=bool))
    fields = receptive_fields(graph, hops, "in").toarray()
    assert 0.1 < fields.mean() < 0.7
    torch.manual_seed(0)
    network = Network(sparse_tensor(sp.csr_array(sp.eye_array(genes))), nodes, 6).double()
    composition = torch.as_tensor(propagated_rows(graph, names, hops).toarray())
    sizes, share = torch.ones(nodes, dtype=torch.double), torch.full((nodes,), 1 / nodes, dtype=torch.double)
    network.keep_statistics(composition, sizes, share)  # evaluation: of one perturbation alone

    def rows_with_gradient(measured):
        network.zero_grad()
        part = share[measured] / share[measured].sum()
        network(composition[measured], sizes[measured], part).square().sum().backward()
        return (network.node.grad != 0).any(dim=1).numpy()

    for v in range(nodes):
        np.testing.assert_array_equal(rows_with_gradient([v]), fields[v])
    network.train()  # statistics of the batch: together they reach the union
    np.testing.assert_array_equal(rows_with_gradient([0, 3, 7]), fields[[0, 3, 7]].any(axis=0))
