"""What only the numbers in local files tell, and when it is looked at: before any job, once."""

import os

import numpy as np
import pandas as pd
import pytest
import yaml
from anndata import AnnData
from small_study import GENES, at

from perturbselect.data.check_numbers import check_numbers
from perturbselect.errors import InputError
from perturbselect.files import write_bytes
from perturbselect.load_config import load_config


@pytest.fixture
def study(study, tmp_path, monkeypatch):
    """The small study with counts, responses and graphs that jobs can use, none of them run yet."""
    monkeypatch.chdir(tmp_path)
    obs = pd.DataFrame({"gene": ["ctrl", "ctrl", *np.repeat(GENES, 2)]}, index=[f"c{i}" for i in range(26)])
    obs["sg"] = obs["gene"]
    counts = np.random.default_rng(0).poisson(5.0, (26, 3)) + 1.0
    cells = AnnData(np.log1p(counts), obs, pd.DataFrame(index=["A", "B", "C"]), layers={"raw": counts})
    cells.write_h5ad(tmp_path / "cells.h5ad")
    terms = "".join(f"{gene}\tGO:{i // 2}\n" for i, gene in enumerate(GENES))
    write_bytes(f"symbol\tgo_id\n{terms}".encode(), tmp_path / "go.tsv.gz")
    (tmp_path / "go.gaf").write_text("".join(f"U\tx\t{gene}\t\tGO:1\tr\tIEA\tx\n" for gene in GENES))
    links = "".join(f"p{i} p{i + 1} {100 * i}\n" for i in range(11))
    (tmp_path / "links.txt").write_text("protein1 protein2 combined_score\n" + links)
    info = "".join(f"p{i}\t{gene}\n" for i, gene in enumerate(GENES))
    (tmp_path / "info.txt").write_text("#string_protein_id\tpreferred_name\n" + info)
    (tmp_path / "edges.csv").write_text("source,target,weight\nG1,G2,0.5\nX,Y,0.9\n")
    symbols = "".join(f"\t{gene}\t\n" for gene in [*GENES, "A", "B", "C"])
    (tmp_path / "aliases.tsv").write_text("ensembl_gene_id\tsymbol\tsynonyms\n" + symbols)
    study["datasets"]["screen"]["preprocess"] = {"min_cells": 2, "highly_variable_genes": None}
    return study


def check(study):
    """Check; return what was read for it."""
    told = []
    check_numbers(load_config(study, "config"), told.append)
    return {line.split()[1 if line.startswith("Building") else 4] for line in told}


SCREENS = {"datasets.screen", "datasets.published"}
KNOWLEDGE = {"graphs.go", "graphs.gaf", "graphs.string", "graphs.edges"}


def finish(study, folder):
    """Leave what a run would have left."""
    for label, last in (("screen", "expression"), ("published", "responses")):
        write_bytes(b"made", folder / "results" / label / f"{last}.h5ad")
        for graph in study["graphs"]:
            write_bytes(b"made", folder / "results" / label / "graphs" / f"{graph}.edges.tsv.gz")
    record = load_config(study, "config").model_dump(mode="json")
    write_bytes(yaml.safe_dump(record).encode(), folder / "results" / "study.yaml")


def test_everything_local_is_read_and_nothing_written(study, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    assert check(study) == SCREENS | KNOWLEDGE
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("section", "values", "words"),
    [
        ("datasets.screen.source", {"layer": None}, r"cells\.h5ad: the value .*not a whole number"),
        ("datasets.screen.preprocess", {"min_cells": 3}, r"screen\.preprocess: 0 of 12 perturbations"),
        ("graphs.go", {"threshold": 0.99, "nodes": "perturbations"}, None),
        ("graphs.string", {"threshold": 1001}, r"graphs\.string: no two of its 12 genes .*threshold 1001"),
        ("graphs.edges", {"threshold": 0.5}, r"graphs\.edges: no two of its 12 genes .*threshold 0\.5"),
        ("graphs.edges", {"threshold": 0.5, "nodes": "all"}, None),
        ("graphs.edges", {"threshold": 0.9, "nodes": "all"}, r"graphs\.edges: no two of its 14 genes"),
    ],
)
def test_one_thing_wrong(study, section, values, words):
    at(study, section).update(values)
    if words is None:
        check(study)
    else:
        with pytest.raises(InputError, match=words):
            check(study)


def test_a_graph_of_other_genes(study, tmp_path):
    (tmp_path / "edges.csv").write_text("source,target,weight\nX,Y,0.5\n")
    with pytest.raises(InputError, match=r"graphs\.edges: its source has none of the 12 perturbed genes"):
        check(study)


def test_names_are_reconciled_before_a_graph_is_compared(study, tmp_path):
    """The screen says G1 and the graph OLD1: the alias table knows that they are one gene."""
    (tmp_path / "edges.csv").write_text("source,target,weight\nOLD1,OLD2,0.5\n")
    with pytest.raises(InputError, match=r"none of the 12 perturbed genes"):
        check(study)
    with open(tmp_path / "aliases.tsv", "w") as table:
        table.write("ensembl_gene_id\tsymbol\tsynonyms\n")
        table.writelines(f"\t{gene}\t{gene.replace('G', 'OLD')}\n" for gene in GENES)
    check(study)


def test_go_without_shared_terms(study, tmp_path):
    terms = "".join(f"{gene}\tGO:{i}\n" for i, gene in enumerate(GENES))
    write_bytes(f"symbol\tgo_id\n{terms}".encode(), tmp_path / "go.tsv.gz")
    with pytest.raises(InputError, match=r"graphs\.go: no two genes share"):
        check(study)


def test_responses_that_are_not_finite_or_stand_twice(study, tmp_path):
    rows = pd.DataFrame({"name": ["wt", *GENES]}, index=[f"r{i}" for i in range(13)])
    values = np.ones((13, 3))
    values[4, 1] = np.nan
    AnnData(values, rows, layers={"up": np.ones((13, 3))}).write_h5ad(tmp_path / "responses.h5ad")
    with pytest.raises(InputError, match="the response of gene 1 to G3 is nan"):
        check(study)
    rows["name"] = ["wt", "G1", *GENES[1:]]
    AnnData(np.ones((13, 3)), rows, layers={"up": np.ones((13, 3))}).write_h5ad(tmp_path / "responses.h5ad")
    with pytest.raises(InputError, match="perturbation G1 has 2 rows"):
        check(study)


def test_what_is_made_is_not_read_again(study, tmp_path):
    finish(study, tmp_path)
    assert check(study) == set()


@pytest.mark.parametrize(
    ("file", "read"),
    [
        ("cells.h5ad", {"datasets.screen"} | KNOWLEDGE),
        ("responses.h5ad", {"datasets.published"} | KNOWLEDGE),
        ("info.txt", {"graphs.string"}),
        ("go.gaf", {"graphs.gaf"}),
    ],
)
def test_a_younger_source_is_read_again(study, tmp_path, file, read):
    finish(study, tmp_path)
    later = (tmp_path / "results" / "study.yaml").stat().st_mtime + 60
    os.utime(tmp_path / file, (later, later))
    assert check(study) == read


@pytest.mark.parametrize(
    ("section", "values", "read"),
    [
        ("graphs.edges", {"threshold": 0.1}, {"graphs.edges"}),
        ("datasets.screen.preprocess", {"all_zero_genes": "drop"}, {"datasets.screen"} | KNOWLEDGE),
        ("datasets.published.source", {"genes": 2}, {"datasets.published"} | KNOWLEDGE),
        ("", {"gene_names": {}}, SCREENS | KNOWLEDGE),
        ("", {"title": "Another", "seed": 3, "budgets": [3]}, set()),
        ("graphs", {"new": {"type": "edges", "source": {"path": "{data_root}/edges.csv"}}}, {"graphs.new"}),
    ],
)
def test_other_settings_are_checked_again(study, tmp_path, section, values, read):
    finish(study, tmp_path)
    at(study, section).update(values)
    assert check(study) == read


def test_a_result_that_is_gone_is_checked_again(study, tmp_path):
    finish(study, tmp_path)
    (tmp_path / "results" / "published" / "graphs" / "go.edges.tsv.gz").unlink()
    (tmp_path / "results" / "screen" / "expression.h5ad").unlink()
    assert check(study) == {"datasets.screen", "graphs.go"}


def test_without_a_record_dates_alone_decide(study, tmp_path):
    finish(study, tmp_path)
    (tmp_path / "results" / "study.yaml").unlink()
    study["graphs"]["edges"]["threshold"] = 0.1
    assert check(study) == set()


def test_what_is_not_here_yet_is_left_to_the_jobs(study):
    remote = {"url": "https://example.org/x", "checksum": "md5:0"}
    study["simulations"] = {"demo": {}}
    study["graphs"]["go"]["source"] = {"path": "results/simulations/demo/gene2go.tsv.gz"}
    study["graphs"]["gaf"]["source"] = remote
    study["graphs"]["string"]["info"] = remote
    assert check(study) == SCREENS | {"graphs.edges"}
    del study["datasets"]["screen"]["source"]["path"]
    study["datasets"]["screen"]["source"] |= remote
    assert check(study) == {"datasets.published", "graphs.edges"}
    study["gene_names"]["aliases"] = remote
    assert check(study) == set()
