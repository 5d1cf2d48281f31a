"""Numbers of a small graph, counted by hand."""

import json

import numpy as np
import scipy.sparse as sp

from perturbselect.data.gene_names import read_aliases
from perturbselect.files import write_tsv
from perturbselect.graphs.graph import Graph, read_graph, write_edges
from perturbselect.graphs.summary import describe, node_table, source_names


def graph():
    # A → B, B → A, C → B; D → E; F alone and unknown to the source
    adjacency = np.zeros((6, 6), dtype=np.float32)
    adjacency[1, 0] = adjacency[0, 1] = adjacency[1, 2] = adjacency[4, 3] = 0.5
    return Graph(np.array(list("ABCDEF")), sp.csr_array(adjacency), np.array([True] * 5 + [False]))


def test_node_table():
    table = node_table(graph(), np.array(["A", "F"])).set_index("gene")
    assert table["in_source"].tolist() == [1, 1, 1, 1, 1, 0]
    assert table["perturbed"].tolist() == [1, 0, 0, 0, 0, 1]
    assert table["in_degree"].tolist() == [1, 2, 0, 0, 1, 0]
    assert table["out_degree"].tolist() == [1, 1, 1, 1, 0, 0]
    assert table["component"].tolist() == [0, 0, 0, 1, 1, 2]


def test_describe():
    facts = describe(graph(), ["A", "A+F", "F", "D"])
    assert json.loads(json.dumps(facts)) == {
        "nodes": 6,
        "edges": 3,
        "directed_edges": 4,
        "density": 4 / 30,
        "components": 3,
        "isolated": 1,
        "degree_median": 1.0,
        "degree_mean": 1.0,
        "degree_max": 2,
        "perturbations": 4,
        "perturbations_not_in_graph": ["A+F", "F"],
        "perturbations_isolated": ["F"],
    }


def test_files_give_the_graph_back(tmp_path):
    write_edges(graph(), tmp_path / "edges.tsv.gz")
    write_tsv(node_table(graph(), np.array([])), tmp_path / "nodes.tsv")
    back = read_graph(tmp_path / "edges.tsv.gz", tmp_path / "nodes.tsv")
    assert back.genes.tolist() == graph().genes.tolist()
    assert (back.adjacency != graph().adjacency).nnz == 0
    assert back.in_source.tolist() == graph().in_source.tolist()


def test_source_names_that_no_table_knows_are_listed(tmp_path):
    table = tmp_path / "aliases.tsv"
    table.write_text("ensembl_gene_id\tsymbol\tsynonyms\nENSG1\tA\tOLD\nENSG2\tB\t\n")
    names = source_names(np.array(["A", "B", "NEVERHEARD"]), read_aliases(table))
    assert names == {"source_genes": 3, "source_names_not_matched": ["NEVERHEARD"]}
    assert source_names(np.array(["A"]), read_aliases(None))["source_names_not_matched"] == []
