"""What only large pools need: blocks of rows, crowds that are tied, small integers."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from perturbselect.graphs.graph import Graph
from perturbselect.graphs.propagation import receptive_fields
from perturbselect.selection.engine import coverage, shortlist
from perturbselect.selection.engine.concave import ConcaveCoverage
from perturbselect.selection.engine.constraints import Constraints
from perturbselect.selection.engine.coverage import Coverage, multicover
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.strategy import FALLBACK, Problem

COUNT = 400
NAMES = np.array([f"G{i:03d}" for i in range(COUNT)])


def regular(seed, degree=3):
    """Every candidate covers as many elements: all are tied at first."""
    generator = np.random.default_rng(seed)
    columns = np.concatenate([generator.choice(COUNT, degree, replace=False) for _ in range(COUNT)])
    pointers = np.arange(0, COUNT * degree + 1, degree)
    return sp.csr_array((np.ones(len(columns), bool), columns, pointers), shape=(COUNT, COUNT))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("priced", [False, True])
def test_of_a_tied_crowd_only_the_first_are_listed(monkeypatch, seed, priced):
    incidence = regular(seed)
    cost = np.random.default_rng(seed).choice([1.0, 2.0], COUNT) if priced else None
    problem = Problem(NAMES, np.array([]), constraints=Constraints(cost=cost))
    whole = greedy(lambda: Coverage(incidence), problem, 150, np.random.default_rng(seed))
    monkeypatch.setattr(shortlist, "LEAST", 10)
    short = greedy(lambda: Coverage(incidence), problem, 150, np.random.default_rng(seed))
    for column in ("order", "gain", "tied", "upper_bound"):
        np.testing.assert_array_equal(getattr(whole, column), getattr(short, column))
    assert whole.tied[0] > 100


@pytest.mark.parametrize("block", [1, 7, 50, 10_000])
def test_gains_are_multiplied_in_blocks_of_rows(monkeypatch, block):
    """Some rows are empty, some longer than a block."""
    monkeypatch.setattr(coverage, "BLOCK", block)
    generator = np.random.default_rng(0)
    dense = generator.random((30, 40)) < np.repeat([0, 0.1, 0.9], 10)[:, None]
    weights = generator.random(40)
    np.testing.assert_allclose(Coverage(sp.csr_array(dense), weights).gains(), dense @ weights)
    assert (Coverage(sp.csr_array((30, 40), dtype=bool), weights).gains() == 0).all()


def test_a_coverage_begins_anew():
    cover = Coverage(regular(0), np.random.default_rng(0).random(COUNT))
    before = cover.gains().copy()
    other = cover.anew()
    other.take(3)
    other.count_up_to(2)
    for criterion in (cover, other.anew(), cover.anew()):
        expected = before if criterion.times == 1 else Coverage(cover.incidence, cover.weights, 2).gains()
        np.testing.assert_array_equal(criterion.gains(), expected)


@pytest.mark.parametrize("weighted", [False, True])
def test_gains_when_elements_count_more_often(weighted):
    generator = np.random.default_rng(0)
    dense = generator.random((30, 40)) < 0.2
    weights = generator.random(40) if weighted else np.ones(40)
    cover = Coverage(sp.csr_array(dense), weights if weighted else None)
    taken = []
    for times in (1, 2, 2, 5):
        cover.count_up_to(times)
        for candidate in generator.choice(30, 4):  # the same one may come again
            cover.take(candidate)
            taken.append(candidate)
            open_elements = dense[taken].sum(axis=0) < times
            np.testing.assert_allclose(cover.gains(), dense @ (weights * open_elements), atol=1e-12)


def test_where_nobody_gains_no_rounding_error_is_left():
    """It would be taken for a gain. Three measured ones cover everything: up to 3 times nobody adds any."""
    generator = np.random.default_rng(0)
    dense = generator.random((30, 40)) < 0.2
    dense[:3] = True
    cover = Coverage(sp.csr_array(dense), generator.lognormal(size=40))
    least = [each.gains().any() for each in multicover(cover, np.arange(3))]
    assert least == [False, False, True]


def test_picks_after_the_end_gain_nothing():
    """Gains of a lazy criterion may be of an earlier step: no bound is booked as a gain."""
    influence = np.random.default_rng(0).random((30, 8))
    problem = Problem(NAMES[:30], np.array([]))
    make = lambda: ConcaveCoverage(sp.csr_array(influence), np.ones(8), 0.02)  # noqa: E731
    picks = greedy(make, problem, 30, np.random.default_rng(0))
    rest = np.flatnonzero(np.array(picks.decided_by) == FALLBACK)[1:]  # the first one's gain showed the end
    assert len(rest) > 10
    assert (picks.gain[rest] == 0).all()
    assert (picks.tied[rest] == np.arange(len(rest), 0, -1)).all()


def test_receptive_fields_are_counted_in_32_bits():
    adjacency = sp.csr_array(sp.random_array((50, 50), density=0.1, rng=0, dtype=np.float32))
    adjacency.indices = adjacency.indices.astype(np.int64)
    adjacency.indptr = adjacency.indptr.astype(np.int64)
    fields = receptive_fields(Graph(NAMES[:50], adjacency, np.ones(50, dtype=bool)), 2, "in")
    assert fields.indices.dtype == fields.indptr.dtype == np.int32
    linked = (adjacency.toarray() > 0) | np.eye(50, dtype=bool)
    np.testing.assert_array_equal(fields.toarray(), linked @ linked)


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "benchmarks")
    import selection

    return selection


def test_the_benchmark_runs_its_jobs(benchmark, tmp_path, capsys):
    """Each job on a few nodes, and the lines made of it."""
    import json

    pytest.importorskip("submodlib")
    benchmark.write_graph(tmp_path / "cover.npz", 150)
    benchmark.write_graph(tmp_path / "large.npz", 150)
    benchmark.write_fields(tmp_path / "cover.npz", tmp_path / "fields.npz")
    rows = {}
    for title in benchmark.JOBS:
        benchmark.work(title, tmp_path, 150, 20, repeats=1)
        rows[title] = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert benchmark.table_row(title, rows[title]).startswith(f"| {title} | 150 |")
    ours, theirs = (row["values"] for row in list(rows.values())[:2])
    assert "come to 150" in benchmark.check_values(ours, theirs)
    with pytest.raises(SystemExit, match="our value is 150"):
        benchmark.check_values(ours, [*theirs[:-1], 149.0])
    assert json.loads(benchmark.last_line(rows)).keys() == {
        "set_cover_speedup",
        "set_cover_peak_mb",
        "million_nodes_s",
        "million_nodes_peak_gb",
        "v_optimal_20000_s",
        "logdet_20000_s",
        "facility_20000_s",
    }
