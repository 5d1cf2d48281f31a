"""Labels of perturbations, as archives spell them."""

import itertools

import numpy as np
import pandas as pd
import pytest

from perturbselect.config import CellSource, ResponseSource
from perturbselect.data.gene_names import Aliases
from perturbselect.data.labels import canonical_names, label_text, perturbation_name, spelling


@pytest.mark.parametrize(
    ("naming", "label", "genes"),
    [
        ("gears", "ctrl", []),
        ("gears", "A+ctrl", ["A"]),
        ("gears", "ctrl+A", ["A"]),
        ("gears", "B+A", ["B", "A"]),
        ("gears", "A+A", ["A"]),
        ("scperturb", "control", []),
        ("scperturb", "A_B", ["A", "B"]),
        ("scperturb", "Y_RNA", ["Y_RNA"]),
        ("custom", "A+B", ["A", "B"]),
        ("custom", "A_B", ["A_B"]),
        ("custom", "non-targeting", []),
    ],
)
def test_namings(naming, label, genes):
    spelt = spelling(CellSource(path="x", naming=naming), ())
    assert spelt.targets(label, lambda word: word in {"A", "B", "Y_RNA"}) == genes


def test_one_target_with_the_name_of_its_plasmid():
    source = CellSource(preset="adamson2016_scperturb", naming="scperturb", controls=["63(mod)"])
    spelt = spelling(source, ["perturbation", "nperts"])
    assert spelt.target_count == "nperts"
    known = {"OST4", "NKX2_1"}.__contains__
    assert spelt.targets("OST4_pDS353", known, 1) == ["OST4"]
    assert spelt.targets("NKX2_1_pDS353", known, 1) == ["NKX2_1"]
    assert spelt.targets("63(mod)_pBA580", known, 1) == []
    assert spelt.targets("NOBODY_pDS1", known, 1) == ["NOBODY_pDS1"]
    assert spelt.targets("OST4_NKX3", known, 2) == ["OST4", "NKX3"]


def test_the_config_overrides_a_naming():
    source = CellSource(path="x", naming="scperturb", controls=["NT"], columns={"guide": "sgRNA"})
    for given in (source, CellSource(**source.model_dump())):
        spelt = spelling(given, ["perturbation", "guide_id"])
        assert spelt.columns.guide == "sgRNA"
        assert spelt.controls == {"control", "NT"}
        assert spelt.separator == "_"
    assert spelling(CellSource(path="x", naming="scperturb"), ["guide_id"]).columns.guide == "guide_id"
    assert spelling(CellSource(path="x", naming="scperturb"), []).columns.guide is None


def test_canonical_names_sort_after_reconciling():
    aliases = Aliases(symbols=frozenset({"A", "Z"}), synonyms={"M": "Z", "N": "A"})
    names, genes = canonical_names({"M+A": ["M", "A"], "N": ["N"], "ctrl": []}, aliases)
    assert names == {"M+A": "A+Z", "N": "A", "ctrl": "control"}
    assert genes.set_index("name")["status"].to_dict() == {"A": "symbol", "M": "alias", "N": "alias"}
    assert perturbation_name(["B", "A", "B"]) == "A+B"


def test_responses_have_their_own_controls():
    spelt = spelling(ResponseSource(path="x", controls=["wt"]), ())
    assert spelt.targets("wt", lambda _: False) == []
    assert spelt.unassigned == {"", "nan", "None", "*"}


def test_names_of_one_target_are_one_perturbation():
    aliases = Aliases(
        frozenset({"CD274", "TP53"}),
        {"PDL1": "CD274", "B7H1": "CD274", "P53": "TP53"},
        ensembl={"ENSG00000120217": "CD274"},
    )
    spellings = ["PDL1", "CD274", "B7H1", "ENSG00000120217", "ENSG00000120217.9"]
    for chosen in itertools.combinations(spellings, 2):
        names, genes = canonical_names({name: [name] for name in chosen}, aliases)
        assert set(names.values()) == {"CD274"}
        assert "clash" not in set(genes["status"])
    names, _ = canonical_names({"P53+CD274": ["P53", "CD274"], "P53+PDL1": ["P53", "PDL1"]}, aliases)
    assert set(names.values()) == {"CD274+TP53"}


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
@pytest.mark.parametrize("kind", [object, "category", "string"])
def test_a_missing_label_is_empty(missing, kind):
    assert label_text(pd.Series([missing, " A ", "nan"], dtype=kind)).tolist() == ["", "A", "nan"]
