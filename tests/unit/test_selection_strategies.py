"""Checks that every registered strategy has to pass, and each one's own."""

import dataclasses
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from every_strategy import EVERYONE, NAMES, POOL, PROBLEM, every_strategy, problem, select
from pydantic import TypeAdapter, ValidationError

from perturbselect.errors import InputError
from perturbselect.graphs.graph import Graph
from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.constraints import Constraints
from perturbselect.selection.engine.criterion import FixedScores
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.ranking import highest
from perturbselect.selection.strategy import Problem, Selection
from perturbselect.table_schema import table_schema


@every_strategy
def test_returns_distinct_candidates_in_a_sound_table(strategy):
    for budget in (1, 7, POOL):
        selection = select(strategy, budget)
        assert isinstance(selection, Selection)
        table = selection.table
        assert list(table) == table_schema("selections")["required"]
        assert [table[c].dtype.kind for c in table] == ["i", "O", "f", "f", "f", "i", "i", "O"]
        assert table["rank"].tolist() == list(range(1, budget + 1))
        assert table["gene"].is_unique
        assert set(table["gene"]) <= set(PROBLEM.candidates)
        assert (table["tied"] >= 1).all()
        assert set(table["decided_by"]) <= {"criterion", "fallback", "influence", "diversity"}
        known = table["gain"].notna().cummax() & (strategy.__class__.__name__ != "KCenter")
        np.testing.assert_allclose(table["value"][known], table["gain"].fillna(0).cumsum()[known])
        assert table["value"][~known].isna().all()
        assert not (table["value"] > table["upper_bound"] * (1 + 1e-9)).any()


@every_strategy
def test_a_smaller_budget_is_a_prefix(strategy):
    whole = select(strategy).table
    for budget in (1, 9, 25):
        assert whole.head(budget).equals(select(strategy, budget).table)


@every_strategy
def test_same_seed_same_selection(strategy):
    assert select(strategy, seed=3).table.equals(select(strategy, seed=3).table)


@every_strategy
def test_relabelling_changes_names_only(strategy):
    renamed = problem([f"N{i:02d}" for i in range(60)])
    ours, theirs = select(strategy).table, select(strategy, what=renamed).table
    assert ours.drop(columns="gene").equals(theirs.drop(columns="gene"))
    assert ours["gene"].str.replace("G", "N").tolist() == theirs["gene"].tolist()


@every_strategy
def test_the_order_of_names_does_not_matter(strategy):
    """With names that sort the other way round: the same choice, where nothing is tied."""
    if isinstance(strategy, tuple(STRATEGIES[name] for name in ("random", "leverage", "probcover"))):
        pytest.skip("ties everywhere, or a random draw")
    turned = {name: "+".join(f"N{59 - int(gene[1:]):02d}" for gene in name.split("+")) for name in EVERYONE}
    kernel = PROBLEM.kernel.rename(index=turned, columns=turned).sort_index().sort_index(axis=1)
    pool = np.sort([turned[name] for name in PROBLEM.candidates])
    backwards = PROBLEM.graph.adjacency[::-1][:, ::-1]
    graph = Graph(np.array([f"N{i:02d}" for i in range(60)]), backwards, PROBLEM.graph.in_source)
    other = Problem(pool, np.sort([turned[name] for name in PROBLEM.queries]), graph, kernel)
    # one is measured already: without it, all may be tied at first
    given = [np.flatnonzero(names == first) for names, first in ((PROBLEM.candidates, "G00"), (pool, "N59"))]
    ours, theirs = (
        select(strategy, 20, what=dataclasses.replace(what, constraints=Constraints(measured=measured))).table
        for what, measured in zip((PROBLEM, other), given, strict=True)
    )
    untied = (ours["tied"] == 1).cummin()
    assert untied.sum() > (5 if hasattr(strategy, "kernel") else 0)  # a count of genes is often the same
    assert ours.loc[untied, "gene"].map(turned).tolist() == theirs.loc[untied, "gene"].tolist()
    np.testing.assert_allclose(ours.loc[untied, "gain"], theirs.loc[untied, "gain"], atol=1e-9)


@every_strategy
def test_only_who_counts_matters(strategy):
    """Without queries in the universe, what a kernel says of them changes nothing."""
    if not hasattr(strategy, "kernel") or getattr(strategy, "universe", "pool") != "pool":
        pytest.skip("no kernel, or the queries count")
    if getattr(strategy, "sees_responses", False):
        pytest.skip("the oracle predicts the queries")
    kernel = PROBLEM.kernel.copy()
    kernel.loc[PROBLEM.queries] *= 0.5
    kernel.loc[:, PROBLEM.queries] *= 0.5
    other = dataclasses.replace(PROBLEM, kernel=kernel, queries=PROBLEM.queries[:3])
    assert select(strategy).table.equals(select(strategy, what=other).table)


@every_strategy
def test_a_candidate_without_edges_can_be_chosen(strategy):
    if not hasattr(strategy, "graph"):
        pytest.skip("no graph")
    adjacency = PROBLEM.graph.adjacency.tolil()
    alone = NAMES.index(PROBLEM.candidates[0])
    adjacency[alone] = 0
    adjacency[:, alone] = 0
    graph = dataclasses.replace(PROBLEM.graph, adjacency=sp.csr_array(adjacency))
    table = select(strategy, what=dataclasses.replace(PROBLEM, graph=graph)).table
    assert sorted(table["gene"]) == sorted(PROBLEM.candidates)
    assert np.isfinite(table["gain"].dropna()).all()


@every_strategy
def test_a_candidate_that_the_prior_does_not_know_is_named(strategy):
    if not {"graph", "kernel"} & {field.name for field in dataclasses.fields(strategy)}:
        pytest.skip("reads names only")
    stranger = np.sort(np.r_[PROBLEM.candidates, ["ZZZ9"]])
    with pytest.raises(InputError, match="ZZZ9"):
        select(strategy, what=dataclasses.replace(PROBLEM, candidates=stranger))


@every_strategy
def test_missing_values_in_a_kernel_are_named(strategy):
    if not hasattr(strategy, "kernel"):
        pytest.skip("no kernel")
    kernel = PROBLEM.kernel.copy()
    kernel.loc["G01", "G05"] = kernel.loc["G05", "G01"] = np.nan
    with pytest.raises(InputError, match="the kernel of G01 and G05 is nan"):
        select(strategy, what=dataclasses.replace(PROBLEM, kernel=kernel, responses=PROBLEM.kernel))


@every_strategy
def test_what_is_no_kernel_is_refused(strategy):
    if not hasattr(strategy, "kernel"):
        pytest.skip("no kernel")
    lopsided, negative = PROBLEM.kernel.copy(), PROBLEM.kernel.copy()
    lopsided.loc["G01", "G05"] += 0.01
    negative.loc["G03", "G03"] = -1
    for kernel, why in (
        (lopsided, "the kernel of G01 and G05 is .*, but .* the other way round; a kernel is symmetric"),
        (negative, "the kernel of G03 and G03 is -1; everyone must be like itself"),
    ):
        with pytest.raises(InputError, match=why):
            select(strategy, what=dataclasses.replace(PROBLEM, kernel=kernel, responses=PROBLEM.kernel))


def test_a_gain_that_is_not_a_number_is_an_error():
    with pytest.raises(InputError, match="a gain is not a number; is the kernel positive semidefinite"):
        greedy(lambda: FixedScores(np.full(POOL, np.nan)), PROBLEM, 3, np.random.default_rng(0))


def test_picks_after_saturation_are_not_the_criterions():
    """Twenty are alike in fours: five picks serve everyone, and chance takes the rest."""
    names = np.array([f"G{i:02d}" for i in range(20)])
    kernel = pd.DataFrame(np.kron(np.eye(5), np.ones((4, 4))), names, names)
    selection = select(
        STRATEGIES["facility_location"]("k", universe="pool"),
        9,
        what=Problem(names, names[:0], kernel=kernel),
    )
    assert selection.table["decided_by"].tolist() == ["criterion"] * 5 + ["fallback"] * 4
    assert selection.summary["saturation_step"] == 5
    assert selection.summary["zero_gain_picks"] == 4


@every_strategy
@pytest.mark.parametrize("budget", [0, POOL + 1])
def test_impossible_budgets(strategy, budget):
    with pytest.raises(InputError, match=f"budgets: {budget} .* from a pool of {POOL}"):
        select(strategy, budget)


@every_strategy
@pytest.mark.parametrize("combination", [False, True])
def test_a_pool_of_one(strategy, combination):
    pool = np.array([next(name for name in PROBLEM.candidates if ("+" in name) == combination)])
    table = select(strategy, 1, what=dataclasses.replace(PROBLEM, candidates=pool)).table
    assert table["gene"].tolist() == pool.tolist()


@every_strategy
def test_options_are_described(strategy):
    for key, what in TypeAdapter(type(strategy)).json_schema().get("properties", {}).items():
        assert what.get("description"), key


def test_a_selection_sees_no_measurement():
    assert {f.name for f in dataclasses.fields(Problem)} == {
        "candidates",
        "queries",
        "graph",
        "kernel",
        "constraints",
        "responses",
        "features",
    }
    script = (
        "import sys; from perturbselect.selection import STRATEGIES; list(STRATEGIES.items());"
        "heavy = {'anndata', 'torch', 'scanpy', 'sklearn'} & set(sys.modules);"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": ":".join(sys.path)}, check=False)
    assert done.returncode == 0


def test_unknown_options_are_refused():
    with pytest.raises(ValidationError):
        TypeAdapter(STRATEGIES["graphreach"]).validate_python({"graph": "go", "hop": 2})
    with pytest.raises(ValidationError):
        TypeAdapter(STRATEGIES["graphreach"]).validate_python({"graph": "go", "hops": 4})


def test_random_differs_between_seeds_and_is_uniform():
    strategy = STRATEGIES["random"]()
    picks = [set(select(strategy, 10, seed).table["gene"]) for seed in range(400)]
    assert len({frozenset(p) for p in picks}) > 390
    counts = np.array([sum(gene in p for p in picks) for gene in PROBLEM.candidates])
    expected = 400 * 10 / POOL
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("direction", ["in", "out", "total"])
def test_degree_takes_the_highest(direction, weighted):
    table = select(STRATEGIES["degree"]("ppi", direction, weighted)).table
    adjacency = PROBLEM.graph.adjacency.toarray().astype(float)
    adjacency = adjacency if weighted else (adjacency > 0).astype(float)
    degree = {"in": adjacency.sum(1), "out": adjacency.sum(0), "total": adjacency.sum(1) + adjacency.sum(0)}
    of_gene = dict(zip(NAMES, degree[direction], strict=True))
    score = [sum(of_gene[gene] for gene in name.split("+")) for name in table["gene"]]
    np.testing.assert_allclose(table["gain"], score)
    np.testing.assert_allclose(score, sorted(score, reverse=True))


def reach(hops, direction):
    step = (PROBLEM.graph.adjacency.toarray() > 0) | np.eye(60, dtype=bool)
    step = {"in": step, "out": step.T, "undirected": step | step.T}[direction]
    fields = np.linalg.matrix_power(step.astype(float), hops) > 0
    return {
        name: {NAMES[j] for gene in name.split("+") for j in np.flatnonzero(fields[NAMES.index(gene)])}
        for name in PROBLEM.candidates
    }


@pytest.mark.parametrize("universe", ["graph", "pool", "queries"])
@pytest.mark.parametrize("direction", ["in", "out", "undirected"])
@pytest.mark.parametrize("hops", [1, 2])
def test_graphreach_is_greedy_at_every_pick(hops, direction, universe):
    strategy = STRATEGIES["graphreach"]("ppi", hops, direction, universe)
    selection = select(strategy)
    names = {"graph": NAMES, "pool": PROBLEM.candidates, "queries": PROBLEM.queries}[universe]
    counted = {gene for name in names for gene in name.split("+")}
    fields = {name: field & counted for name, field in reach(hops, direction).items()}
    covered, left = set(), dict(fields)
    for row in selection.table.itertuples():
        gains = {name: len(field - covered) for name, field in left.items()}
        assert row.gain == gains[row.gene] == max(gains.values())
        assert row.decided_by == ("criterion" if row.gain else "fallback")
        assert row.zero_gain == (row.gain == 0)
        if row.gain:
            assert row.tied == sum(gain == row.gain for gain in gains.values())
        covered |= left.pop(row.gene)
    summary = selection.summary
    assert summary["universe"] == len(counted)
    assert summary["covered"] == len(covered) == selection.table["upper_bound"].iloc[-1]
    assert summary["coverage"] == len(covered) / len(counted)
    assert summary["saturation_step"] == (selection.table["gain"] > 0).sum()
    assert summary["zero_gain_picks"] == (selection.table["gain"] == 0).sum()


def test_fallbacks():
    tables = {
        fallback: select(STRATEGIES["graphreach"]("ppi", fallback=fallback)).table
        for fallback in ("multicover", "random", "degree")
    }
    before = tables["random"]["decided_by"] == "criterion"
    assert 0 < before.sum() < POOL - 5
    after = {key: table.loc[~before, "gene"].tolist() for key, table in tables.items()}
    for table in tables.values():
        assert table[before].equals(tables["random"][before])
    assert len({tuple(genes) for genes in after.values()}) == 3
    assert tables["random"].loc[~before, "tied"].tolist() == list(range(POOL - before.sum(), 0, -1))
    ranks = select(STRATEGIES["degree"]("ppi")).table.set_index("gene")["gain"]
    assert ranks[after["degree"]].is_monotonic_decreasing


def test_tie_order_is_drawn_from_the_generator():
    for name in ("degree", "graphreach"):
        tables = [select(STRATEGIES[name]("ppi"), seed=seed).table for seed in range(5)]
        assert len({tuple(table["gene"]) for table in tables}) == 5


def test_scores_are_ordered_with_ties_by_priority():
    class Fixed:
        def permutation(self, count):
            return np.array([4, 3, 0, 2, 1])

    names = np.array(list("abcde"))
    picks = highest(np.array([1.0, 3, 1, 3, 2]), Problem(names, names[:0]), 5, Fixed())
    assert picks.order.tolist() == [3, 1, 4, 2, 0]
    assert picks.tied.tolist() == [2, 1, 1, 2, 1]


def test_a_radius_given_as_a_whole_number_is_a_distance():
    tables = [
        select(STRATEGIES["probcover"]("prior", radius=radius)).table for radius in (1, 1.0, "quantile")
    ]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])


def test_queries_universe_needs_queries():
    empty = Problem(PROBLEM.candidates, np.array([], dtype=str), PROBLEM.graph)
    with pytest.raises(InputError, match="universe: queries"):
        select(STRATEGIES["graphreach"]("ppi", universe="queries"), 3, what=empty)
