"""Properties that graphs and kernels have whatever the input."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from perturbselect.config import EdgesGraph, GoGraph
from perturbselect.files import write_tsv
from perturbselect.graphs.edges import interaction_graph
from perturbselect.graphs.go import Annotation, go_graph
from perturbselect.graphs.graph import Graph, read_graph, write_edges
from perturbselect.graphs.kernels import Prior, kernel
from perturbselect.graphs.neighbours import strongest
from perturbselect.graphs.propagation import coverage_curve, propagation_matrix, receptive_fields
from perturbselect.graphs.summary import node_table

weights = st.one_of(st.just(0.0), st.floats(0.125, 4, width=32))


@st.composite
def graphs(draw, most=12):
    count = draw(st.integers(2, most))
    adjacency = draw(hnp.arrays(np.float32, (count, count), elements=weights))
    np.fill_diagonal(adjacency, 0)
    genes = np.array([f"G{i:02d}" for i in range(count)])
    return Graph(genes, sp.csr_array(adjacency), np.ones(count, dtype=bool))


@given(hnp.arrays(np.float64, (6, 9), elements=st.sampled_from([0, 0.25, 0.5, 1])), st.integers(1, 9))
@settings(deadline=None)
def test_strongest_keeps_the_first_of_a_stable_sort(values, neighbours):
    kept = strongest(sp.coo_array(values), neighbours).toarray()
    for row, found in zip(values, kept, strict=True):
        expected = np.zeros(9)
        best = [i for i in np.argsort(-row, kind="stable")[:neighbours] if row[i] > 0]
        expected[best] = row[best]
        assert found.tolist() == expected.tolist()


@given(hnp.arrays(bool, (10, 6)), st.permutations(range(10)), st.integers(1, 4))
@settings(deadline=None)
def test_go_graph_ignores_the_order_of_its_source(matrix, order, neighbours):
    options = GoGraph(type="go", source={"path": "x"}, threshold=0, neighbours=neighbours)
    genes = np.array([f"G{i}" for i in range(10)])
    terms = np.array([f"T{i}" for i in range(6)])
    if np.triu(matrix.astype(int) @ matrix.T, 1).sum() == 0:
        return  # no edge: an error, tested elsewhere
    graph = go_graph(Annotation(genes, terms, sp.csr_array(matrix)), genes, options)
    other = go_graph(Annotation(genes[order], terms, sp.csr_array(matrix[order])), genes, options)
    assert (graph.adjacency != other.adjacency).nnz == 0
    assert np.diff(graph.adjacency.indptr).max() <= neighbours
    assert not graph.adjacency.diagonal().any()
    assert ((graph.adjacency.data > 0) & (graph.adjacency.data <= 1)).all()


names = st.sampled_from(list("ABCDEF"))


@given(st.lists(st.tuples(names, names, st.floats(0.1, 9)), min_size=1), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_undirected_edges_are_symmetric_and_order_free(rows, random):
    nodes = np.array(list("ABCDE"))
    if not any(a != b and "F" not in (a, b) for a, b, _ in rows):
        return
    options = EdgesGraph(type="edges", source={"path": "x"})
    edges = pd.DataFrame(rows, columns=["gene1", "gene2", "score"])
    graph = interaction_graph(edges, nodes, options)
    shuffled = interaction_graph(edges.iloc[random.sample(range(len(rows)), len(rows))], nodes, options)
    assert (graph.adjacency != graph.adjacency.T).nnz == 0
    assert (graph.adjacency != shuffled.adjacency).nnz == 0


@given(graphs())
@settings(deadline=None)
def test_propagation_has_spectral_radius_at_most_one_when_symmetric(graph):
    symmetric = Graph(graph.genes, sp.csr_array(graph.adjacency + graph.adjacency.T), graph.in_source)
    hop = propagation_matrix(symmetric).toarray()
    assert np.abs(np.linalg.eigvalsh(hop)).max() <= 1 + 1e-9
    assert (np.diag(hop) > 0).all()


@given(graphs(), st.integers(1, 3), st.sampled_from(["in", "out", "undirected"]))
@settings(deadline=None)
def test_receptive_fields_grow_and_cover(graph, hops, direction):
    fields = receptive_fields(graph, hops, direction)
    wider = receptive_fields(graph, hops + 1, direction)
    assert fields.diagonal().all()
    assert not (fields.toarray() & ~wider.toarray()).any()
    curve = coverage_curve(graph, graph.genes, hops, direction)
    assert (np.diff(curve) >= 0).all()
    assert curve[0] == fields[[0]].nnz / len(graph)
    assert np.isclose(curve[-1], 1)


@given(graphs())
@settings(deadline=None)
def test_files_give_every_graph_back(tmp_path_factory, graph):
    folder = tmp_path_factory.mktemp("graph")
    write_edges(graph, folder / "edges.tsv.gz")
    write_tsv(node_table(graph, np.array([])), folder / "nodes.tsv")
    back = read_graph(folder / "edges.tsv.gz", folder / "nodes.tsv")
    assert back.genes.tolist() == graph.genes.tolist()
    assert back.adjacency.toarray().tolist() == graph.adjacency.toarray().tolist()


@given(graphs(), st.sampled_from(["propagation(g, layers=2)", "random_walk(g, restart=0.2)", "laplacian(g)"]))
@settings(deadline=None, max_examples=60)
def test_kernels_are_correlation_matrices(graph, expression):
    perturbations = np.array(["G00", "G00+G01", *graph.genes[1:]])
    matrix = kernel(expression, perturbations, Prior({"g": graph})).to_numpy()
    assert (matrix == matrix.T).all()
    assert (np.diag(matrix) == 1).all()
    assert np.abs(matrix).max() <= 1 + 1e-9
    assert np.linalg.eigvalsh(matrix).min() > -1e-8
