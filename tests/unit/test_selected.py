"""What a selection picked: by hand, and random picks against all sets there are."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from perturbselect.errors import InputError
from perturbselect.graphs.graph import Graph
from perturbselect.scores.selected import highest_share, selected
from perturbselect.selection.engine.constraints import Constraints
from perturbselect.selection.strategy import Problem
from perturbselect.table_schema import check_table, table_schema

POOL = np.array([f"G{place:02}" for place in range(20)])
# G03 and G07 answer most strongly, though not gene by gene.
RESPONSES = pd.DataFrame(np.full((22, 2), 0.1), index=[*POOL, "T1", "T2"])
RESPONSES.loc[["G03", "T1"]] = [[3, -4], [9, 9]]
RESPONSES.loc["G07"] = [0, 4.9]


def graph_of(edges, genes=(*POOL, "T1", "T2")):
    """Directed edges (source, target, weight)."""
    index = {gene: place for place, gene in enumerate(genes)}
    adjacency = sp.lil_array((len(genes), len(genes)), dtype=np.float32)
    for source, target, weight in edges:
        adjacency[index[target], index[source]] = weight
    return Graph(np.array(genes), sp.csr_array(adjacency), np.ones(len(genes), bool))


# Degrees: T1 9, G00 6, G01 4, G02 3, G05 2: of 20, the first two of the pool are hubs.
HUBS = graph_of([("G00", "T1", 4), ("T1", "G01", 4), ("G02", "T1", 1), ("G05", "G00", 2), ("T2", "G02", 2)])


def picks(genes, gain=1.0, decided_by="criterion", zero_gain=0, measured=0):
    rank = np.maximum(np.arange(1, len(genes) + 1) - measured, 0)
    return pd.DataFrame(
        {"rank": rank, "gene": genes, "gain": gain, "zero_gain": zero_gain, "decided_by": decided_by}
    )


def described(table, budgets=(2, 4), graph=HUBS, responses=RESPONSES, pool=POOL, **rules):
    """The table of one run, checked, by budget."""
    problem = Problem(pool, np.array(["T1", "T2"]), constraints=Constraints(**rules))
    graphs, name = ({}, None) if graph is None else ({"go": graph}, "go")
    found = selected("d", {("s", 0, 1): table}, {0: problem}, responses, graphs, {"s": name}, budgets)
    check_table(found, table_schema("selected"))
    assert list(found.columns) == list(table_schema("selected")["properties"])
    assert found[["dataset", "strategy", "split", "seed"]].to_numpy().tolist() == [["d", "s", 0, 1]] * len(
        budgets
    )
    return found.set_index("budget")


def test_by_hand():
    found = described(picks(["G01", "G05", "G03", "G00"]), budgets=[2, "20%"])
    assert found.index.tolist() == ["2", "20pct"]
    assert found["n_selected"].tolist() == [2, 4]
    assert found["hits_recovered"].tolist() == [0, 1]  # one hit in 20: G03, not T1, which is held out
    assert found["hit_share"].tolist() == [0, 1 / 4]
    assert found["hub_share"].tolist() == [1 / 2, 2 / 4]
    assert found["expected_hits_recovered"].tolist() == [2 / 20, 4 / 20]
    assert found["expected_hit_share"].tolist() == [1 / 20] * 2
    assert found["expected_hub_share"].tolist() == [2 / 20] * 2
    assert found[["n_pool", "n_hits", "n_hubs"]].to_numpy().tolist() == [[20, 1, 2]] * 2
    assert found["graph"].tolist() == ["go", "go"]
    assert found["zero_gain_share"].tolist() == [0, 0]
    assert found["saturation_step"].isna().all()


def test_saturation_and_picks_without_gain():
    ways = ["include", "criterion", "fallback", "fallback", "criterion"]  # the last: of a later round
    found = described(
        picks(POOL[:5], [2.0, 1.0, 0.0, 0.0, 0.5], ways, [0, 0, 1, 1, 0]), budgets=[1, 2, 3, 4, 5]
    )
    assert found["saturation_step"].fillna(-1).tolist() == [-1, -1, 2, 2, 2]
    assert found["zero_gain_share"].tolist() == [0, 0, 1 / 3, 2 / 4, 2 / 5]


def test_without_a_criterion_there_are_no_gains():
    """Random; a strategy in rounds that starts with it; and one whose first round finds nothing."""
    assert described(picks(POOL[:4], np.nan))["zero_gain_share"].isna().all()
    later = described(picks(POOL[:4], [np.nan, np.nan, 1.0, 0.0], zero_gain=[0, 0, 0, 1]))
    assert later["zero_gain_share"].fillna(-1).tolist() == [-1, 1 / 4]
    dry = picks(POOL[:4], np.nan, ["criterion"] * 2 + ["fallback"] * 2, [0, 0, 1, 1])
    found = described(dry)
    assert found["zero_gain_share"].fillna(-1).tolist() == [-1, 2 / 4]
    assert found["saturation_step"].fillna(-1).tolist() == [-1, 2]


def test_measured_and_excluded_are_neither_picks_nor_pool():
    """The strongest response and the hub are known: others are hits and hubs, among 18 and not 20."""
    table = picks(["G03", "G00", "G07", "G02"], measured=2)
    found = described(table, budgets=[1, 2], measured=np.array([3, 0]))
    assert found["n_pool"].tolist() == [18, 18]
    assert found["n_selected"].tolist() == [1, 2]
    assert found["hits_recovered"].tolist() == [1, 1]  # G07
    assert found["hub_share"].tolist() == [0, 1 / 2]  # G01 and G02
    assert found["expected_hits_recovered"].tolist() == [1 / 18, 2 / 18]
    assert found["expected_hub_share"].tolist() == [2 / 18] * 2
    left_out = described(table.iloc[2:].assign(rank=[1, 2]), measured=np.array([3]), exclude=np.array([0]))
    assert left_out["n_pool"].tolist() == [18, 18]
    assert left_out["n_selected"].tolist() == [2, 2]  # fewer picks than budget 4: the money is spent
    assert left_out["expected_hits_recovered"].tolist() == [2 / 18] * 2
    everybody = picks(["G03", "G00", *POOL[[1, 2]], *POOL[4:]], measured=2)
    share = described(everybody, budgets=["50%"], measured=np.array([3, 0]))
    assert share["n_selected"].tolist() == [10]  # a budget's share is of the whole pool


def test_a_double_has_the_sum_of_its_genes_degrees():
    pool = np.array(["G00", "G01", "G01+G02", "G05"])  # 6, 4, 7, 2
    responses = pd.DataFrame(np.ones((4, 1)), index=pool)
    found = described(picks(["G01+G02", "G00"]), budgets=[1, 2], pool=pool, responses=responses)
    assert found["n_hubs"].tolist() == [1, 1]
    assert found["hub_share"].tolist() == [1, 1 / 2]


def test_ties_share_the_last_places():
    assert highest_share(np.array([5.0, 1, 3, 3, 3, 0]), "50%").tolist() == [1, 0, 2 / 3, 2 / 3, 2 / 3, 0]
    assert highest_share(np.array([2.0, 1, 1]), "34%").tolist() == [1, 1 / 2, 1 / 2]
    assert highest_share(np.array([0.0, 0, 7, 0]), "75%").tolist() == [0, 0, 1, 0]  # of value 0 nobody counts
    assert highest_share(np.zeros(4), "5%").tolist() == [0] * 4
    assert highest_share(np.arange(100.0), "5%").sum() == 5
    assert highest_share(np.arange(101.0), "5%").sum() == 6
    assert highest_share(np.array([0.5]), "5%").tolist() == [1]


def test_nothing_to_count():
    found = described(picks(["G01", "G02"]), [2], None, RESPONSES * 0)
    assert found[["graph", "hub_share", "expected_hub_share", "n_hubs", "hits_recovered"]].isna().all().all()
    assert found[["hit_share", "n_hits"]].to_numpy().tolist() == [[0, 0]]
    nobody = described(picks(["G01"]).iloc[:0], [2])
    assert nobody["n_selected"].tolist() == [0]
    assert nobody[["hit_share", "hub_share"]].isna().all().all()
    assert nobody["hits_recovered"].tolist() == nobody["expected_hits_recovered"].tolist() == [0]


@pytest.mark.parametrize("size", [1, 3])
def test_expected_is_the_mean_over_all_sets(size):
    """Of a pool of 7, where four share the one place of a hub."""
    pool = POOL[:7]
    graph = graph_of([("G00", "G01", 1), ("G02", "G03", 1)])
    problem = Problem(pool, np.array(["T1"]))
    runs = {("s", 0, seed): picks(list(s)) for seed, s in enumerate(combinations(pool, size))}
    found = selected("d", runs, {0: problem}, RESPONSES, {"go": graph}, {"s": "go"}, [size])
    for column in ("hits_recovered", "hit_share", "hub_share"):
        assert found[column].mean() == pytest.approx(found[f"expected_{column}"].iloc[0])
        assert found[column].nunique() > 1
        assert found[f"expected_{column}"].nunique() == 1


def test_every_split_has_its_pool_and_every_strategy_its_graph():
    problems = {0: Problem(POOL, np.array(["T1"])), 1: Problem(POOL[4:], POOL[:4])}
    runs = {(name, split, 0): picks(["G07", "G05"]) for name in "ab" for split in (0, 1)}
    other = graph_of([("G05", "G07", 1)])
    graphs = {"go": HUBS, "other": other}
    found = selected("d", runs, problems, RESPONSES, graphs, {"a": "go", "b": "other"}, [2])
    found = found.set_index(["strategy", "split"])
    assert found["hits_recovered"].to_dict() == {("a", 0): 0, ("a", 1): 1, ("b", 0): 0, ("b", 1): 1}
    assert found["hub_share"].to_dict() == {("a", 0): 0, ("a", 1): 1 / 2, ("b", 0): 1, ("b", 1): 1}


def test_a_pick_from_elsewhere_is_refused():
    with pytest.raises(InputError, match="split 0, seed 1: picks 'T1', which cannot be picked"):
        described(picks(["G01", "T1"]))
