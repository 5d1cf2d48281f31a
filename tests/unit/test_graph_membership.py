"""Perturbations and the genes they hit."""

import numpy as np
import pytest

from perturbselect.errors import InputError
from perturbselect.graphs.membership import graph_nodes, membership, perturbed_genes


def test_perturbed_genes():
    assert perturbed_genes(["B", "A+C", "A"]).tolist() == ["A", "B", "C"]


def test_nodes():
    source = np.array(["X", "A", "A"])
    assert graph_nodes(["B", "A+C"], source, "perturbations").tolist() == ["A", "B", "C"]
    assert graph_nodes(["B", "A+C"], source, "all").tolist() == ["A", "B", "C", "X"]


def test_no_overlap_shows_names_of_both_sides():
    with pytest.raises(InputError, match=r"graphs\.go.*TP53, TP63.*ENSG1.*gene_names\.aliases"):
        graph_nodes(["TP53", "TP63"], np.array(["ENSG1", "ENSG2"]), "all", "go")


def test_membership():
    hits = membership(["B", "A+C"], np.array(["A", "B", "C"]))
    assert hits.toarray().tolist() == [[0, 1, 0], [1, 0, 1]]


def test_unknown_gene():
    with pytest.raises(InputError, match=r"A\+Z"):
        membership(["B", "A+Z"], np.array(["A", "B", "C"]))
