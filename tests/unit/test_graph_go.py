"""The GO graph against a brute-force Jaccard index."""

import gzip

import numpy as np
import pytest

from perturbselect.config import GoGraph
from perturbselect.data.gene_names import Aliases
from perturbselect.errors import InputError
from perturbselect.graphs import go
from perturbselect.graphs.go import go_graph, read_annotation

OPTIONS = GoGraph(type="go", source={"path": "x"}, threshold=0.1, neighbours=3)


@pytest.fixture
def term_sets():
    generator = np.random.default_rng(5)
    return {
        f"G{i:02d}": {f"GO:{t}" for t in generator.choice(30, generator.integers(1, 9), replace=False)}
        for i in range(40)
    }


@pytest.fixture
def table(term_sets, tmp_path):
    path = tmp_path / "gene2go.tsv.gz"
    rows = "".join(f"{gene}\t1\t{term}\n" for gene, terms in term_sets.items() for term in sorted(terms))
    with gzip.open(path, "wt") as text:
        text.write("symbol\tentrez\tgo_id\n" + rows + "G00\t1\t" + min(term_sets["G00"]) + "\n")
    return path


def brute_force(term_sets, nodes, threshold, neighbours):
    edges = {}
    for target in nodes:
        near = []
        for source in nodes:
            a, b = term_sets.get(target, set()), term_sets.get(source, set())
            if target != source and a | b and len(a & b) / len(a | b) > threshold:
                near.append((-len(a & b) / len(a | b), source))
        edges.update({(target, source): -weight for weight, source in sorted(near)[:neighbours]})
    return edges


def edges_of(graph):
    matrix = graph.adjacency.tocoo()
    pairs = zip(graph.genes[matrix.row], graph.genes[matrix.col], strict=True)
    return dict(zip(pairs, matrix.data, strict=True))


@pytest.mark.parametrize(
    ("block", "threshold", "neighbours"), [(7, 0.1, 3), (256, 0.1, 3), (7, 0.2, 20), (256, 0, 40)]
)
def test_equals_brute_force_in_blocks(table, term_sets, monkeypatch, block, threshold, neighbours):
    monkeypatch.setattr(go, "BLOCK", block)
    options = OPTIONS.model_copy(update={"threshold": threshold, "neighbours": neighbours})
    nodes = np.array([*sorted(term_sets), "ZZZ"])
    graph = go_graph(read_annotation(table, "table", Aliases()), nodes, options)
    expected = brute_force(term_sets, nodes, threshold, neighbours)
    assert edges_of(graph) == pytest.approx(expected)
    assert graph.in_source.sum() == 40
    assert not graph.in_source[-1]
    assert graph.adjacency.dtype == np.float32


def test_a_gaf_gives_the_same_annotation(table, term_sets, tmp_path):
    gaf = tmp_path / "x.gaf"
    lines = ["!gaf-version: 2.2"]
    for gene, terms in term_sets.items():
        lines += [f"UniProtKB\tP1\t{gene}\tinvolved_in\t{term}\tPMID:1\tIDA\t\tP" for term in terms]
    lines += ["UniProtKB\tP1\tG00\tNOT|involved_in\tGO:no\tPMID:1\tIDA\t\tP"]
    lines += ["UniProtKB\tP1\tG00\tinvolved_in\tGO:root\tPMID:1\tND\t\tP"]
    gaf.write_text("\n".join(lines) + "\n")
    ours, theirs = read_annotation(gaf, "gaf", Aliases()), read_annotation(table, "table", Aliases())
    assert ours.terms.tolist() == theirs.terms.tolist()
    assert (ours.matrix != theirs.matrix).nnz == 0


def test_rows_of_one_gene_are_united(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("symbol\tgo_id\nNEW\t1\nOLD\t2\nOLDER\t3\nOTHER\t1\n")
    aliases = Aliases(symbols=frozenset({"NEW", "OTHER"}), synonyms={"OLD": "NEW", "OLDER": "NEW"})
    annotation = read_annotation(path, "table", aliases)
    assert annotation.genes.tolist() == ["NEW", "OTHER"]
    assert annotation.matrix.toarray().tolist() == [[True, True, True], [True, False, False]]


def test_no_edges_is_an_error_that_names_the_threshold(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("symbol\tgo_id\nA\t1\nB\t2\n")
    with pytest.raises(InputError, match=r"graphs\.ontology\.threshold"):
        go_graph(read_annotation(path, "table", Aliases()), np.array(["A", "B"]), OPTIONS, "ontology")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("gene\tgo_id\nA\t1\n", "no column 'symbol'"),
        ("symbol\tgo_id\n", "no rows"),
        ("symbol\tgo_id\nA\t1\nB\t\n", "line 3 has no value for 'go_id'"),
    ],
)
def test_bad_tables(tmp_path, content, message):
    path = tmp_path / "bad.tsv"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as error:
        read_annotation(path, "table", Aliases())
    assert str(path) in str(error.value)


def test_truncated_and_absent_files(table, tmp_path):
    cut = tmp_path / "cut.tsv.gz"
    cut.write_bytes(table.read_bytes()[:-20])
    with pytest.raises(InputError, match="truncated"):
        read_annotation(cut, "table", Aliases())
    with pytest.raises(InputError, match="truncated"):
        read_annotation(cut, "gaf", Aliases())
    with pytest.raises(InputError, match="no such file"):
        read_annotation(tmp_path / "none.tsv", "table", Aliases())
    with pytest.raises(InputError, match="GAF"):
        read_annotation(table, "gaf", Aliases())


def test_real_annotation(data_root):
    annotation = read_annotation(data_root / "go_human/gene2go_direct.tsv.gz", "table", Aliases())
    nodes = annotation.genes[::40]
    graph = go_graph(annotation, nodes, GoGraph(type="go", source={"path": "x"}))
    matrix = annotation.of(nodes).toarray()
    row = int(np.argmax(np.diff(graph.adjacency.indptr)))
    jaccard = (matrix & matrix[row]).sum(1) / (matrix | matrix[row]).sum(1)
    jaccard[row] = 0
    found = graph.adjacency[[row]].toarray().ravel()
    assert found.max() == pytest.approx(jaccard.max())
    assert (found > 0).sum() == min(20, (jaccard > 0.1).sum())
