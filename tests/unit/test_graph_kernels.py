"""Kernels against their definitions, computed densely."""

import numpy as np
import pytest
import scipy.sparse as sp

from perturbselect.errors import InputError
from perturbselect.graphs.go import Annotation
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.kernel_expression import inputs_of, parse
from perturbselect.graphs.kernels import kernel

GENES = np.array([f"G{i:02d}" for i in range(20)])
SINGLES = GENES[[2, 3, 5, 8, 13, 19]]
PERTURBATIONS = np.array(["G02", "G02+G05", "G03", "G08+G13", "G19"])


@pytest.fixture
def graph():
    generator = np.random.default_rng(2)
    adjacency = generator.random((20, 20)) * (generator.random((20, 20)) < 0.15)
    np.fill_diagonal(adjacency, 0)
    adjacency[19] = adjacency[:, 19] = 0  # isolated
    return Graph(GENES, sp.csr_array(adjacency.astype(np.float32)), np.ones(20, dtype=bool))


@pytest.fixture
def annotation():
    matrix = np.random.default_rng(4).random((19, 12)) < 0.3
    matrix[3] = False  # a gene without terms; G19 is not known at all
    return Annotation(GENES[:19], np.array([f"T{i}" for i in range(12)]), sp.csr_array(matrix))


def unit(matrix):
    scale = np.sqrt(np.diag(matrix))
    return matrix / scale[:, None] / scale


def of(expression, perturbations, graph, annotation):
    return kernel(expression, perturbations, {"ppi": graph}, {"go": annotation})


@pytest.mark.parametrize(
    ("expression", "option"), [("random_walk(ppi, restart=0.25)", "restart"), ("laplacian(ppi)", "delta")]
)
def test_equations_that_do_not_converge_are_refused(expression, option, graph, annotation, monkeypatch):
    monkeypatch.setattr("perturbselect.graphs.kernels.STEPS", 1)
    with pytest.raises(InputError, match=rf"{expression.split('(')[0]}\(ppi\): {option}=.*did not converge"):
        of(expression, SINGLES, graph, annotation)


def test_jaccard(annotation, graph):
    found = of("jaccard(go)", SINGLES, graph, annotation)
    sets = {gene: set(np.flatnonzero(annotation.of(np.array([gene])).toarray()[0])) for gene in SINGLES}
    for a in SINGLES:
        for b in SINGLES:
            union = sets[a] | sets[b]
            expected = 1 if a == b else len(sets[a] & sets[b]) / len(union) if union else 0
            assert found.loc[a, b] == pytest.approx(expected)


@pytest.mark.parametrize("layers", [1, 2])
def test_propagation(graph, annotation, layers):
    looped = graph.adjacency.toarray().astype(float) + np.eye(20)
    hop = looped / np.sqrt(looped.sum(1)[:, None] * looped.sum(1))
    rows = np.linalg.matrix_power(hop, layers)[np.isin(GENES, SINGLES)]
    found = of(f"propagation(ppi, layers={layers})", SINGLES, graph, annotation)
    np.testing.assert_allclose(found, unit(rows @ rows.T), atol=1e-9)


@pytest.mark.parametrize("restart", [0.1, 0.5])
def test_random_walk_is_the_overlap_of_stationary_distributions(graph, annotation, restart):
    both = graph.adjacency.toarray().astype(float)
    both = (both + both.T) / 2
    walk = both / np.where(both.sum(0) > 0, both.sum(0), 1)
    walk[19, 19] = 1
    profiles = np.eye(20)
    for _ in range(2000):
        profiles = restart * np.eye(20) + (1 - restart) * walk @ profiles
    np.testing.assert_allclose(profiles.sum(0), 1)
    overlap = np.sqrt(profiles).T @ np.sqrt(profiles)
    seeds = np.isin(GENES, SINGLES)
    found = of(f"random_walk(ppi, restart={restart})", SINGLES, graph, annotation)
    np.testing.assert_allclose(found, overlap[np.ix_(seeds, seeds)], atol=1e-4)


def test_laplacian(graph, annotation):
    both = graph.adjacency.toarray().astype(float)
    both = (both + both.T) / 2
    inverse = np.linalg.inv(np.diag(both.sum(1)) - both + 0.3 * np.eye(20))
    seeds = np.isin(GENES, SINGLES)
    found = of("laplacian(ppi, delta=0.3)", SINGLES, graph, annotation)
    np.testing.assert_allclose(found, unit(inverse[np.ix_(seeds, seeds)]), atol=1e-8)


def test_mixtures(graph, annotation):
    a, b = (of(part, SINGLES, graph, annotation) for part in ("jaccard(go)", "random_walk(ppi)"))
    mean = of("mean(jaccard(go), random_walk(ppi))", SINGLES, graph, annotation)
    product = of("product(jaccard(go), mean(random_walk(ppi), jaccard(go)))", SINGLES, graph, annotation)
    np.testing.assert_allclose(mean, (a + b) / 2)
    np.testing.assert_allclose(product, a * (a + b) / 2)


def test_combinations_are_the_sum_of_their_genes_features(graph, annotation):
    singles = of("jaccard(go)", SINGLES, graph, annotation)
    found = of("jaccard(go)", PERTURBATIONS, graph, annotation)
    expected = (singles.loc["G02", "G02"] + singles.loc["G05", "G02"]) / np.sqrt(
        singles.loc[["G02", "G05"], ["G02", "G05"]].to_numpy().sum()
    )
    assert found.loc["G02+G05", "G02"] == pytest.approx(expected)


@pytest.mark.parametrize(
    "expression",
    [
        "jaccard(go)",
        "propagation(ppi)",
        "random_walk(ppi)",
        "laplacian(ppi)",
        "mean(jaccard(go), random_walk(ppi, restart=0.2))",
        "product(laplacian(ppi, delta=2), jaccard(go))",
    ],
)
def test_every_kernel_is_a_correlation_matrix(graph, annotation, expression):
    found = of(expression, PERTURBATIONS, graph, annotation)
    assert found.index.tolist() == found.columns.tolist() == PERTURBATIONS.tolist()
    matrix = found.to_numpy()
    assert matrix.dtype == np.float64
    assert (matrix == matrix.T).all()
    assert (np.diag(matrix) == 1).all()
    assert np.linalg.eigvalsh(matrix).min() > -1e-12


def test_inputs():
    expression = "mean(jaccard(go), product(random_walk(ppi), laplacian(other)), jaccard(go))"
    assert inputs_of(expression) == (["other", "ppi"], ["go"])


def test_defaults_are_filled_in():
    assert parse("random_walk(ppi)").options == {"restart": 0.5}


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("jaccard(go", "cannot be read"),
        ("go", "is no kernel"),
        ("__import__('os').system('true')", "is no kernel"),
        ("[jaccard(go)]", "is no kernel"),
        ("jacard(go)", "did you mean 'jaccard'"),
        ("jaccard('go')", "takes one graph"),
        ("jaccard(go, ppi)", "takes one graph"),
        ("jaccard(go, delta=1)", "has no option 'delta'"),
        ("random_walk(ppi, restart=0)", "between 0 and 1"),
        ("random_walk(ppi, restart=go)", "must be a number"),
        ("random_walk(ppi, **go)", "has no option"),
        ("propagation(ppi, layers=1.5)", "whole number"),
        ("laplacian(ppi, delta=True)", "must be a number"),
        ("mean()", "at least one"),
        ("mean(jaccard(go), weight=2)", "nothing else"),
        ("jaccard(go) + jaccard(go)", "is no kernel"),
    ],
)
def test_bad_expressions(expression, message):
    with pytest.raises(InputError, match=message):
        parse(expression)


def test_missing_graphs_are_named(graph, annotation):
    with pytest.raises(InputError, match="no graph 'string'"):
        of("random_walk(string)", SINGLES, graph, annotation)
    with pytest.raises(InputError, match="no GO graph 'ppi'"):
        of("jaccard(ppi)", SINGLES, graph, annotation)
