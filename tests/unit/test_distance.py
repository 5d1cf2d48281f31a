"""Distances to the nearest measured gene: against networkx and by hand."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from perturbselect.graphs.graph import Graph
from perturbselect.scores.distance import DISTANCES, error_by_distance, gene_distances
from perturbselect.table_schema import check_table, table_schema


def graph_of(genes, edges, unknown=""):
    """Directed edges source > target between genes of one letter."""
    adjacency = sp.lil_array((len(genes), len(genes)), dtype=np.float32)
    for source, target in edges:
        adjacency[genes.index(target), genes.index(source)] = 0.5
    known = np.array([gene not in unknown for gene in genes])
    return Graph(np.array(list(genes)), sp.csr_array(adjacency), known)


def test_equals_networkx():
    generator = np.random.default_rng(0)
    for seed in range(5):
        net = nx.gnp_random_graph(60, 0.03, seed=seed, directed=True)
        genes = np.array([f"G{i:02}" for i in range(60)])
        graph = Graph(genes, nx.to_scipy_sparse_array(net, dtype=np.float32).T.tocsr(), np.ones(60, bool))
        measured = [generator.choice(genes, size, replace=False).tolist() for size in (1, 3, 8)]
        found = gene_distances(graph, measured)
        for column, names in enumerate(measured):
            sources = {int(name[1:]) for name in names}
            length = nx.multi_source_dijkstra_path_length(net.to_undirected(), sources, weight=None)
            expected = [min(length[i], 4) if i in length else 5 for i in range(60)]
            assert found[:, column].tolist() == expected


def test_a_path_and_what_is_not_on_it():
    graph = graph_of("ABCDEFGH", ["AB", "CB", "CD", "DE", "EF"], unknown="H")
    found = np.array(DISTANCES)[gene_distances(graph, [["A"], ["A+E"], []])]
    assert found[:, 0].tolist() == [*DISTANCES[:5], "4 edges or more", "no path", "not in graph"]
    assert found[:, 1].tolist() == [DISTANCES[position] for position in (0, 1, 2, 1, 0, 1, 5, 6)]
    assert set(found[:7, 2]) == {"no path"}


def scores(rows):
    columns = ["strategy", "split", "seed", "perturbation", "value"]
    table = pd.DataFrame(rows, columns=columns).assign(dataset="d", model="m", budget="1", metric="mse")
    return table.astype({"split": "Int64", "seed": "Int64"})


def test_error_by_distance_by_hand():
    graph = graph_of("ABCDEFG", ["AB", "BC", "CD", "DE", "EF"])
    table = error_by_distance(
        scores(
            [
                ("s", 0, 0, "B", 1.0),
                ("s", 0, 0, "C", 2.0),
                ("s", 0, 0, "B+C", 4.0),  # as far as C
                ("s", 0, 0, "A+Z", 9.0),  # Z is not in the graph
                ("s", 0, 0, None, 7.0),  # of the whole test set
                ("s", 0, 0, "G", np.nan),  # undefined
                ("s", 1, 0, "B", 6.0),  # measured there: F, 4 edges away
                ("t", 0, 0, "B", 5.0),  # not among the runs
            ]
        ),
        {"path": graph},
        {("s", 0, 0): ["A"], ("s", 1, 0): ["F"]},
    )
    check_table(table, table_schema("error_by_distance"))
    found = table.set_index("distance")[["mean", "n_perturbations", "n_values"]]
    assert found.loc["1 edge"].tolist() == [1, 1, 1]
    assert found.loc["2 edges"].tolist() == [3, 2, 2]
    assert found.loc["4 edges or more"].tolist() == [6, 1, 1]
    assert found.loc["not in graph"].tolist() == [9, 1, 1]
    assert len(found) == 4


def test_floors_and_ceiling_of_the_same_perturbations_and_splits():
    """Split 0 measured A, split 1 measured C: B is an edge away in both, C and A two in one each."""
    graph = graph_of("ABC", ["AB", "BC"])
    own = [("s", split, 0, name, 1.0) for split, name in ((0, "B"), (0, "C"), (1, "B"), (1, "A"))]
    floors = scores([(None, 0, None, "B", 2.0), (None, 0, None, "C", 3.0), (None, 1, None, "B", 6.0)])
    floors = floors.assign(model="control_mean", budget=None)
    ceiling = scores([(None, 0, None, "B", np.nan), (None, 1, None, "B", 0.5), (None, 0, None, None, 9.0)])
    ceiling = ceiling.assign(model="split_half", budget=None)
    table = error_by_distance(
        pd.concat([scores(own), floors, ceiling]), {"g": graph}, {("s", 0, 0): ["A"], ("s", 1, 0): ["C"]}
    )
    check_table(table, table_schema("error_by_distance"))
    assert table["n_values"].tolist() == [2, 2]
    found = table.set_index("distance")[["control_mean", "training_mean", "split_half"]]
    np.testing.assert_equal(found.loc["1 edge"].tolist(), [4.0, np.nan, 0.5])
    np.testing.assert_equal(found.loc["2 edges"].tolist(), [3.0, np.nan, np.nan])  # A has none in split 1


@pytest.mark.parametrize("graphs", [{}, {"g": graph_of("AB", ["AB"])}])
def test_nothing_to_average(graphs):
    table = error_by_distance(scores([]), graphs, {("s", 0, 0): ["A"]})
    assert table.empty
    check_table(table, table_schema("error_by_distance"))
    assert list(table.columns) == list(table_schema("error_by_distance")["properties"])
