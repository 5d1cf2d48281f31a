"""STRING and edge lists, by hand."""

import gzip

import numpy as np
import pytest

from perturbselect.config import EdgesGraph, StringGraph
from perturbselect.data.gene_names import Aliases
from perturbselect.errors import InputError
from perturbselect.graphs.edges import edge_genes, interaction_graph, read_edges
from perturbselect.graphs.string import read_string

STRING = StringGraph(type="string", source={"path": "x"}, threshold=400)
EDGES = EdgesGraph(type="edges", source={"path": "x"}, columns=("from", "to", "w"))
NODES = np.array(["A", "B", "C", "D"])

INFO = "#string_protein_id\tpreferred_name\tprotein_size\tannotation\n" + "".join(
    f"9606.ENSP0{i}\t{gene}\t100\tsays 'something\n" for i, gene in enumerate("ABC")
)
LINKS = """protein1 protein2 experiments combined_score
9606.ENSP00 9606.ENSP01 0 900
9606.ENSP01 9606.ENSP00 0 950
9606.ENSP01 9606.ENSP02 0 399
9606.ENSP02 9606.ENSP02 0 999
9606.ENSP00 9606.ENSP09 0 800
"""


@pytest.fixture
def links(tmp_path):
    info, path = tmp_path / "9606.protein.info.txt.gz", tmp_path / "9606.protein.links.txt.gz"
    info.write_bytes(gzip.compress(INFO.encode()))
    path.write_bytes(gzip.compress(LINKS.encode()))
    return path, info


def test_links_with_info(links):
    edges = read_string(*links, STRING, Aliases())
    assert edge_genes(edges).tolist() == ["9606.ENSP09", "A", "B", "C"]
    graph = interaction_graph(edges, NODES, STRING)
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = 0.95
    np.testing.assert_allclose(graph.adjacency.toarray(), expected, rtol=1e-6)
    assert graph.in_source.tolist() == [True, True, True, False]


def test_threshold_is_inclusive_for_string(links):
    edges = read_string(*links, STRING, Aliases())
    graph = interaction_graph(edges, NODES, STRING.model_copy(update={"threshold": 399}))
    assert graph.adjacency.nnz == 4


def test_info_of_another_organism(links, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text(INFO.replace("9606", "10090"))
    with pytest.raises(InputError, match="same STRING version"):
        read_string(links[0], other, STRING, Aliases())


def test_symbols_united_by_aliases(tmp_path):
    path = tmp_path / "edges.tsv"
    path.write_text("gene1\tgene2\tcombined_score\nOLD\tB\t500\nA\tB\t700\nOLD\tA\t900\n")
    aliases = Aliases(symbols=frozenset("AB"), synonyms={"OLD": "A"})
    graph = interaction_graph(read_string(path, None, STRING, aliases), NODES, STRING)
    # OLD-B and A-B are one edge, the stronger; OLD-A is a self loop
    np.testing.assert_allclose(graph.adjacency.toarray()[:2, :2], [[0, 0.7], [0.7, 0]], rtol=1e-6)
    assert graph.adjacency.nnz == 2


@pytest.mark.parametrize("directed", [True, False])
def test_edge_list(tmp_path, directed):
    path = tmp_path / "edges.csv"
    path.write_text("from,to,w\nA,B,2\nA,B,3\nB,C,0\nC,D,0.5\n")
    options = EDGES.model_copy(update={"directed": directed, "threshold": 0.4})
    graph = interaction_graph(read_edges(path, options, Aliases()), NODES, options)
    expected = np.zeros((4, 4))
    expected[1, 0], expected[3, 2] = 3, 0.5  # the target receives: row B, column A
    assert graph.adjacency.toarray().tolist() == (expected if directed else expected + expected.T).tolist()


def test_edge_list_without_weights(tmp_path):
    path = tmp_path / "edges.tsv"
    path.write_text("from\tto\nA\tB\nB\tA\n")
    options = EDGES.model_copy(update={"columns": ("from", "to", None)})
    graph = interaction_graph(read_edges(path, options, Aliases()), NODES, options)
    assert graph.adjacency.toarray()[:2, :2].tolist() == [[0, 1], [1, 0]]


def test_errors(tmp_path, links):
    path = tmp_path / "edges.tsv"
    path.write_text("from\tto\tw\nA\tB\t1\nB\tC\tstrong\n")
    with pytest.raises(InputError, match=r"line 3 has 'strong' for 'w'"):
        read_edges(path, EDGES, Aliases())
    with pytest.raises(InputError, match="no column 'gene1'"):
        read_string(path, None, STRING, Aliases())
    edges = read_string(*links, STRING, Aliases())
    with pytest.raises(InputError, match=r"graphs\.ppi\.threshold"):
        interaction_graph(edges, NODES, STRING.model_copy(update={"threshold": 990}), "ppi")


@pytest.mark.parametrize("delimiter", ["\t", " "])
def test_annotations_that_begin_with_a_double_quote(tmp_path, delimiter):
    rows = [["source", "target", "weight", "note"], ["A", "B", "1", '"open'], ["B", "C", "2", "x"]]
    rows += [["C", "D", "3", '"open'], ["D", "A", "4", "x"]]
    path = tmp_path / "edges.txt"
    path.write_text("\n".join(delimiter.join(row) for row in rows) + "\n")
    options = EdgesGraph(type="edges", source={"path": "x"})
    assert len(read_edges(path, options, Aliases())) == 4
    path.write_text("\n".join(delimiter.join(f'"{c}"' for c in row[:3]) for row in rows) + "\n")
    assert edge_genes(read_edges(path, options, Aliases())).tolist() == ["A", "B", "C", "D"]


def test_string_annotations_that_begin_with_a_double_quote(links):
    path, info = links
    lines = INFO.splitlines()
    lines[1] = lines[1].replace("says", '"says')
    info.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert edge_genes(read_string(path, info, STRING, Aliases())).tolist() == ["9606.ENSP09", "A", "B", "C"]
