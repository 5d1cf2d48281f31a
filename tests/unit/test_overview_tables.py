"""The small tables of the report's first page, against files written here."""

import anndata
import numpy as np
import pandas as pd
import pytest

from perturbselect.files import write_h5ad, write_json, write_tsv
from perturbselect.report.overview_tables import dataset_table, graph_table, left_out, name_counts


def write_responses(path, perturbations, genes, kind, simulated):
    write_h5ad(
        anndata.AnnData(
            np.zeros((perturbations, genes), np.float32),
            obs=pd.DataFrame(index=[f"P{i}" for i in range(perturbations)]),
            uns={"type": kind, "simulated": simulated},
        ),
        path,
    )
    return path


def test_datasets(tmp_path):
    paths = [
        write_responses(tmp_path / "demo" / "responses.h5ad", 5, 3, "cells", True),
        write_responses(tmp_path / "k562" / "responses.h5ad", 2, 7, "responses", False),
    ]
    expected = pd.DataFrame(
        {
            "dataset": ["demo", "k562"],
            "type": ["cells", "responses"],
            "perturbations": [5, 2],
            "genes": [3, 7],
            "simulated": [True, False],
        }
    )
    pd.testing.assert_frame_equal(dataset_table(paths), expected)


def test_names_are_counted_and_the_unmatched_listed(tmp_path):
    rows = [
        ("A1", "A", "alias", "gene"),
        ("A2", "B", "alias", "gene"),
        ("NA", "NA", "unmatched", "gene"),
        ("ORF1", "ORF1", "unmatched", "gene"),
        ("ORF1", "ORF1", "unmatched", "perturbation"),
        ("P", "P", "ambiguous", "gene"),
    ]
    path = tmp_path / "demo" / "gene_names.tsv"
    write_tsv(pd.DataFrame(rows, columns=["name", "symbol", "status", "role"]), path)
    found = name_counts([path]).set_index(["role", "status"])
    assert found["dataset"].unique().tolist() == ["demo"]
    assert found["count"].to_dict() == {
        ("gene", "alias"): 2,
        ("gene", "unmatched"): 2,
        ("gene", "ambiguous"): 1,
        ("perturbation", "unmatched"): 1,
    }
    assert found.loc[("gene", "unmatched"), "names"] == "NA, ORF1"  # NA is a name
    assert found.loc[("gene", "alias"), "names"] == ""


def test_names_of_digits_are_listed(tmp_path):
    path = tmp_path / "demo" / "gene_names.tsv"
    table = pd.DataFrame({"name": ["7157", "007"], "symbol": "1", "status": "unmatched", "role": "gene"})
    write_tsv(table, path)
    assert name_counts([path]).loc[0, "names"] == "7157, 007"


def test_long_lists_are_cut_and_say_so(tmp_path):
    names = [f"ORF{i:02}" for i in range(43)]
    path = tmp_path / "demo" / "gene_names.tsv"
    table = pd.DataFrame({"name": names, "symbol": names, "status": "unmatched", "role": "gene"})
    write_tsv(table, path)
    listed = name_counts([path]).loc[0, "names"]
    assert listed.startswith("ORF00, ORF01")
    assert listed.endswith("ORF39 and 3 more")


def test_nothing_to_reconcile(tmp_path):
    path = tmp_path / "demo" / "gene_names.tsv"
    write_tsv(pd.DataFrame(columns=["name", "symbol", "status", "role"]), path)
    assert len(name_counts([path])) == 0


def summary(**changes):
    found = {"nodes": 9, "edges": 12, "components": 2, "isolated": 1, "degree_median": 2.5}
    return found | {"perturbations_not_in_graph": []} | changes


def test_graphs(tmp_path):
    paths = [tmp_path / "demo" / "graphs" / f"{name}.summary.json" for name in ("go", "string.v12")]
    write_json(summary(), paths[0])
    write_json(summary(nodes=4, perturbations_not_in_graph=["A", "B"]), paths[1])
    found = graph_table(paths)
    assert found["dataset"].tolist() == ["demo", "demo"]
    assert found["graph"].tolist() == ["go", "string.v12"]
    assert found["nodes"].tolist() == [9, 4]
    assert found["median degree"].tolist() == [2.5, 2.5]
    assert found["perturbations not in it"].tolist() == [0, 2]
    assert found["names"].tolist() == ["", "A, B"]


def test_what_filters_removed(tmp_path):
    path = tmp_path / "demo" / "filters.tsv"
    row = {
        "step": "min_cells",
        "unit": "perturbations",
        "before": 9,
        "removed": 2,
        "after": 7,
        "detail": "A, B",
    }
    write_tsv(pd.DataFrame([row]), path)
    found = left_out([path])
    assert found.columns.tolist() == ["dataset", "step", "unit", "before", "removed", "detail"]
    assert found.iloc[0].tolist() == ["demo", "min_cells", "perturbations", 9, 2, "A, B"]
    assert left_out([]).empty


@pytest.mark.parametrize("name", ["gene_names", "filters"])
def test_several_datasets_follow_each_other(tmp_path, name):
    make = {"gene_names": name_counts, "filters": left_out}[name]
    paths = [tmp_path / dataset / f"{name}.tsv" for dataset in ("one", "two")]
    columns = {
        "gene_names": {"name": "A", "symbol": "A", "status": "alias", "role": "gene"},
        "filters": {"step": "s", "unit": "cells", "before": 1, "removed": 0, "after": 1, "detail": ""},
    }[name]
    for path in paths:
        write_tsv(pd.DataFrame([columns]), path)
    assert make(paths)["dataset"].tolist() == ["one", "two"]
