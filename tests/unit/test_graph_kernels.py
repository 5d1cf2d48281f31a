"""Kernels against their definitions, computed densely."""

import numpy as np
import pandas as pd
import pytest
import scipy.linalg
import scipy.sparse as sp
from anndata import AnnData

from perturbselect.data.gene_names import Aliases
from perturbselect.errors import InputError
from perturbselect.graphs.go import Annotation
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.kernels import Prior, kernel
from perturbselect.graphs.kernels.given import read_matrix
from perturbselect.models.ridge.choice import leave_one_out_penalty

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
    return kernel(expression, perturbations, Prior({"ppi": graph}, {"go": annotation}))


@pytest.mark.parametrize(
    ("expression", "option"), [("random_walk(ppi, restart=0.25)", "restart"), ("laplacian(ppi)", "delta")]
)
def test_equations_that_do_not_converge_are_refused(expression, option, graph, annotation, monkeypatch):
    monkeypatch.setattr("perturbselect.graphs.kernels.walks.STEPS", 1)
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


@pytest.mark.parametrize("time", [0.3, 2])
def test_heat(graph, annotation, time):
    both = graph.adjacency.toarray().astype(float)
    both = (both + both.T) / 2
    root = np.sqrt(np.where(both.sum(0) > 0, both.sum(0), 1))
    spread = scipy.linalg.expm(time * (both / root[:, None] / root - np.eye(20)))
    seeds = np.isin(GENES, SINGLES)
    found = of(f"heat(ppi, time={time})", SINGLES, graph, annotation)
    np.testing.assert_allclose(found, unit(spread[np.ix_(seeds, seeds)]), atol=1e-9)
    assert (found.loc["G19"].drop("G19") == 0).all()  # isolated


def test_spectral_with_all_dimensions_is_the_matrix_of_walks(graph, annotation):
    """Without negative eigenvalues cut off: the mean of the walks' matrices, from D^-1 A itself."""
    both = graph.adjacency.toarray().astype(float)
    both = (both + both.T) / 2 + 2 * np.eye(20)  # loops make all eigenvalues of a walk positive
    looped = Graph(GENES, sp.csr_array(both.astype(np.float32)), graph.in_source)
    both = looped.adjacency.toarray().astype(float)
    walk = both / both.sum(1)[:, None]
    steps = np.mean([np.linalg.matrix_power(walk, r) for r in range(1, 4)], axis=0) / both.sum(0)
    assert np.linalg.eigvalsh(both / np.sqrt(np.outer(both.sum(1), both.sum(0)))).min() > 0
    seeds = np.isin(GENES, SINGLES)
    found = of("spectral(ppi, dimensions=40, window=3)", SINGLES, looped, annotation)
    np.testing.assert_allclose(found, unit(steps[np.ix_(seeds, seeds)]), atol=1e-9)


def test_spectral_keeps_the_largest(graph, annotation):
    found = of("spectral(ppi, dimensions=3)", GENES, graph, annotation)
    assert np.linalg.matrix_rank(found.drop("G19").drop(columns="G19"), tol=1e-6) == 3
    assert (found.loc["G19"].drop("G19") == 0).all()
    assert found.equals(of("spectral(ppi, dimensions=3)", GENES, graph, annotation))


def elsewhere(**screens):
    return Prior(screens=screens)


def test_another_screen():
    """Cosines, and inner products, of what is there less its mean; who was not measured is alone."""
    values = np.random.default_rng(3).normal(size=(4, 6)) + 5
    other = pd.DataFrame(values, ["G02", "G03", "G05", "ZZZ"])
    names = np.array(["G02", "G02+G05", "G03", "G08", "G03+G08"])
    centred = values - values.mean(axis=0)
    features = np.array([centred[0], centred[0] + centred[2], centred[1]])
    products = features @ features.T
    found = kernel("screen(k562)", names, elsewhere(k562=other))
    np.testing.assert_allclose(found.iloc[:3, :3], unit(products))
    assert found.iloc[3:].to_numpy().tolist() == [[0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    linear = kernel("screen_linear(k562)", names, elsewhere(k562=other))
    np.testing.assert_allclose(linear.iloc[:3, :3], products / np.trace(products) * 3)
    assert np.trace(linear) == pytest.approx(5)


def test_another_screen_continued(graph, annotation):
    """The second moment of a Gaussian process given the other screen, by the textbook's formulas."""
    there = ["G02", "G03", "G08", "ELSEWHERE"]  # the last is in no graph: left out
    other = pd.DataFrame(np.random.default_rng(3).normal(size=(4, 6)) + 5, there)
    prior = Prior({"ppi": graph}, {"go": annotation}, {"k562": other})
    along = kernel("mean(jaccard(go), random_walk(ppi))", SINGLES, prior)
    found = kernel("screen_linear(k562, mean(jaccard(go), random_walk(ppi)))", SINGLES, prior)
    measured = [name for name in SINGLES if name in there]
    others = [name for name in SINGLES if name not in there]
    values, near = other.loc[measured].to_numpy(), along.loc[measured, measured].to_numpy()
    penalty = leave_one_out_penalty(near, values)[0]
    covariance = near + penalty * np.eye(3)
    ones = np.linalg.solve(covariance, np.ones(3))
    values = values - ones @ values / ones.sum()
    scale = np.mean([y @ np.linalg.solve(covariance, y) / 3 for y in values.T]) * values.shape[1]
    cross = along.loc[others, measured].to_numpy()
    predicted = cross @ np.linalg.solve(covariance, values)
    left = along.loc[others, others] - cross @ np.linalg.solve(covariance, cross.T)
    unit = np.trace(values @ values.T) / 3
    np.testing.assert_allclose(found.loc[measured, measured], values @ values.T / unit, atol=1e-9)
    np.testing.assert_allclose(found.loc[others, measured], predicted @ values.T / unit, atol=1e-9)
    expected = (predicted @ predicted.T + scale * left) / unit
    np.testing.assert_allclose(found.loc[others, others], expected, atol=1e-9)
    cosines = kernel("other_screens(mean(jaccard(go), random_walk(ppi)))", SINGLES, prior)
    size = np.sqrt(np.diag(found))
    np.testing.assert_allclose(cosines, found / np.outer(size, size), atol=1e-9)
    assert np.linalg.eigvalsh(cosines).min() > -1e-9


def test_a_continued_screen_with_combinations():
    """What was measured comes first, then the sum of what its genes did, then the continuation."""
    names = np.array(["A", "B", "C", "A+B", "A+C"])
    other = pd.DataFrame(np.random.default_rng(3).normal(size=(3, 6)), ["A", "B", "A+D"])
    features = np.random.default_rng(4).normal(size=(4, 9))
    singles = pd.DataFrame(features @ features.T, list("ABCD"), list("ABCD"))
    found = kernel("screen_linear(k, matrix(m))", names, Prior(screens={"k": other}, matrices={"m": singles}))
    np.testing.assert_allclose(
        found.loc["A+B"][["A", "B"]], found.loc["A"][["A", "B"]] + found.loc["B"][["A", "B"]]
    )
    assert not np.allclose(found.loc["A+C"], found.loc["A"])
    assert np.linalg.eigvalsh(found).min() > -1e-9
    whole = pd.DataFrame(np.eye(6), [*names, "X"], [*names, "X"])
    other = pd.DataFrame(np.random.default_rng(3).normal(size=(3, 6)), ["A", "B", "X+Y"])
    kernel(
        "screen(k, matrix(m))", names, Prior(screens={"k": other}, matrices={"m": whole})
    )  # by its own rows


def test_a_screen_of_which_the_kernel_knows_nothing(graph, annotation, capsys):
    values = np.random.default_rng(3).normal(size=(3, 6))
    for names, message in ((["X", "Y", "Z"], "knows 0 of its 3"), (["G02", "Y", "Z"], "knows 1 of its 3")):
        prior = Prior({"ppi": graph}, {"go": annotation}, {"k562": pd.DataFrame(values, names)})
        with pytest.raises(InputError, match=f"{message} perturbations; its graphs need"):
            kernel("screen(k562, heat(ppi))", SINGLES, prior)
    prior = Prior({"ppi": graph}, {}, {"k562": pd.DataFrame(values, ["G02", "G03", "Z"])})
    kernel("screen(k562, heat(ppi))", SINGLES, prior)
    assert "1 of 3, e.g. Z" in capsys.readouterr().out


def test_a_screen_that_measured_all_is_not_continued():
    """Along a kernel that makes the mean the plain one: then nothing is left of it."""
    other = pd.DataFrame(np.random.default_rng(3).normal(size=(len(SINGLES), 6)), SINGLES)
    alone = pd.DataFrame(np.eye(len(SINGLES)), SINGLES, SINGLES)
    prior = Prior(screens={"k562": other}, matrices={"m": alone})
    for function in ("screen", "screen_linear"):
        found = kernel(f"{function}(k562, matrix(m))", SINGLES, prior)
        np.testing.assert_allclose(found, kernel(f"{function}(k562)", SINGLES, prior), atol=1e-9)


def test_effect_sizes():
    other = pd.DataFrame(np.random.default_rng(3).normal(size=(5, 6)), SINGLES[:5])
    prior = elsewhere(k562=other)
    sizes = np.sqrt(np.diag(kernel("screen_linear(k562)", SINGLES, prior)))
    found = kernel("effect_size(k562)", SINGLES, prior)
    np.testing.assert_allclose(found, np.outer(sizes, sizes) / np.mean(sizes**2))
    assert np.trace(found) == pytest.approx(len(SINGLES))
    assert np.linalg.matrix_rank(found) == 1
    both = elsewhere(a=other, b=2 * other)
    np.testing.assert_allclose(kernel("other_effect_sizes()", SINGLES, both), found)  # whatever the units


def test_other_screens_are_averaged():
    first, second = (pd.DataFrame(np.random.default_rng(s).normal(size=(6, 9)), SINGLES) for s in (1, 2))
    both = kernel("other_screens()", SINGLES, elsewhere(a=first, b=second))
    each = [kernel(f"screen({name})", SINGLES, elsewhere(a=first, b=second)) for name in "ab"]
    np.testing.assert_allclose(both, (each[0] + each[1]) / 2)
    with pytest.raises(InputError, match="no other screen"):
        kernel("other_screens()", SINGLES, Prior())
    with pytest.raises(InputError, match="no other screen 'c'"):
        kernel("screen(c)", SINGLES, elsewhere(a=first))
    with pytest.raises(InputError, match=r"screen\(a\): it measured 1 of the 6 perturbations"):
        kernel("screen(a)", SINGLES, elsewhere(a=first.iloc[:1].reindex(["G02", "X", "Y"]).fillna(1)))


def test_weighted_sums(graph, annotation):
    a, b = (of(part, SINGLES, graph, annotation) for part in ("jaccard(go)", "random_walk(ppi)"))
    found = of("0.7 * jaccard(go) + 2 * mean(jaccard(go), random_walk(ppi))", SINGLES, graph, annotation)
    np.testing.assert_allclose(found, 0.7 * a + (a + b))
    found = of("0.5 * (jaccard(go) + random_walk(ppi)) + jaccard(go)", SINGLES, graph, annotation)
    np.testing.assert_allclose(found, 1.5 * a + 0.5 * b)


@pytest.fixture
def own(tmp_path):
    """Write a matrix, as TSV and .h5ad, and read both back."""

    def read(matrix, names=SINGLES, columns=None):
        columns = names if columns is None else columns
        table = pd.DataFrame(matrix, list(names), list(columns))
        table.to_csv(tmp_path / "own.tsv", sep="\t")
        found = read_matrix(tmp_path / "own.tsv", Aliases())
        AnnData(table).write_h5ad(tmp_path / "own.h5ad")
        np.testing.assert_allclose(found, read_matrix(tmp_path / "own.h5ad", Aliases()))
        return found

    return read


def test_a_matrix_of_the_users(own):
    features = np.random.default_rng(0).normal(size=(6, 6))
    matrix = own((features @ features.T)[:, ::-1], SINGLES, SINGLES[::-1])
    found = kernel("matrix(mine)", SINGLES[::-1], Prior(matrices={"mine": matrix}))
    np.testing.assert_allclose(found.loc[SINGLES, SINGLES], features @ features.T)
    pairs = kernel("matrix(mine)", ["G02+G03", "G05"], Prior(matrices={"mine": matrix}))
    assert pairs.iloc[0, 1] == pytest.approx((features[0] + features[1]) @ features[2])
    with pytest.raises(InputError, match=r"matrix\(mine\): has no row for 1 perturbations, e\.g\. ZZ"):
        kernel("matrix(mine)", ["G02", "ZZ"], Prior(matrices={"mine": matrix}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((0, 1, 0.5), "the kernel of G02 and G03 is 0.5, but 0 the other way round; a kernel is symmetric"),
        ((2, 2, -1), "the kernel of G05 and G05 is -1; everyone must be like itself"),
        ((1, 1, np.nan), "the kernel of G03 and G03 is nan; every value must be a finite number"),
    ],
)
def test_what_is_no_kernel(own, change, words):
    matrix = np.eye(6)
    matrix[change[0], change[1]] = change[2]
    with pytest.raises(InputError, match=words):
        own(matrix)


def test_a_negative_eigenvalue_is_named(own):
    matrix = np.eye(6)
    matrix[0, 1] = matrix[1, 0] = 1.25
    with pytest.raises(InputError, match=r"own\.tsv: .*smallest eigenvalue is -0\.25 .*add 0\.25 to"):
        own(matrix)


def test_tables_that_are_no_matrix(own, tmp_path):
    with pytest.raises(InputError, match=r"rows and columns must have the same names.*not in both: G02"):
        own(np.eye(6), SINGLES, ["X", *SINGLES[1:]])
    (tmp_path / "words.tsv").write_text("\tA\tB\nA\t1\tx\nB\tx\t1\n")
    with pytest.raises(InputError, match=r"words\.tsv: cannot be read as a table of numbers"):
        read_matrix(tmp_path / "words.tsv", Aliases())


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
        "heat(ppi)",
        "spectral(ppi, dimensions=5)",
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


def test_missing_graphs_are_named(graph, annotation):
    with pytest.raises(InputError, match="no graph 'string'"):
        of("random_walk(string)", SINGLES, graph, annotation)
    with pytest.raises(InputError, match="no GO graph 'ppi'"):
        of("jaccard(ppi)", SINGLES, graph, annotation)
