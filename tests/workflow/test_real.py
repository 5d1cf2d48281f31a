"""Measured screens and other formats through the whole workflow, with reduced settings."""

import gzip

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.io
import yaml
from command_line import Workflow

from perturbselect.files import read_tsv

pytestmark = pytest.mark.slow


def reduced(workflow: Workflow, name: str, data_root, **changes) -> Workflow:
    """Set the study up as one of config/real, with fewer runs."""
    study = yaml.safe_load((workflow.repository / "config" / "real" / f"{name}.yaml").read_text())
    # Importing torch takes most of the time; the tiny study trains GEARS on cells, Adamson's on responses.
    study["models"]["gears"] |= {"hidden": 4, "steps": 2}
    del study["models"]["gears" if name == "papalexi2021" else "training_mean"]
    study["splits"]["count"] = 1
    study["figures"] = {"metrics": ["mse"]}
    del study["strategies"]["degree"]
    workflow.write_config(study | {"data_root": str(data_root)} | changes)
    return workflow


def mean_scores(workflow: Workflow, metric: str = "mse") -> pd.Series:
    scores = read_tsv(workflow.results / "tables/scores.tsv")
    assert np.isfinite(scores["value"].dropna()).all()
    return scores[scores["metric"] == metric].groupby("model")["value"].mean()


def test_papalexi2021_from_counts_to_report(workflow, data_root):
    study = reduced(workflow, "papalexi2021", data_root, budgets=[12])
    study.finish()
    assert "Papalexi 2021" in (study.results / "report.html").read_text()
    responses = anndata.read_h5ad(study.results / "papalexi2021/responses.h5ad")
    assert responses.n_obs == 25
    assert not responses.uns["simulated"]
    mse = mean_scores(study)
    assert mse["split_half"] < mse["training_mean"] < 2 * mse["control_mean"]
    # Without the interferon receptor or what it calls, the cells' largest programme falls silent.
    strongest = responses.obs_names[np.abs(responses.X).sum(axis=1).argsort()[::-1][:8]]
    assert {"IFNGR1", "IFNGR2", "JAK2", "STAT1"} <= set(strongest)


def test_adamson2016_from_vectors_to_report(workflow, data_root):
    study = reduced(workflow, "adamson2016", data_root, budgets=["50%"])
    study.finish()
    assert "Adamson 2016" in (study.results / "report.html").read_text()
    mse = mean_scores(study)
    assert mse["kernel_ridge"] < mse["control_mean"]
    assert "split_half" not in mse  # no cells, no halves


def test_norman2019_with_combinations(workflow, data_root):
    """An .h5ad of raw counts with single and double perturbations."""
    workflow.write_config(
        {
            "data_root": str(data_root),
            "gene_names": {"aliases": {"path": "{data_root}/gene_symbols/ensembl_symbols.tsv.gz"}},
            "datasets": {
                "norman2019": {
                    "type": "cells",
                    "source": {
                        "path": "{data_root}/norman2019/cells.h5ad",
                        "columns": {"perturbation": "condition", "total_umis": "ncounts"},
                    },
                    "preprocess": {"all_zero_genes": "drop", "test": "wilcoxon"},
                }
            },
            "graphs": {
                "go": {"type": "go", "source": {"path": "{data_root}/go_human/gene2go_direct.tsv.gz"}}
            },
            "kernels": {"go": "jaccard(go)"},
            "splits": {"count": 1, "test_share": 0.2},
            "budgets": ["60%"],
            "strategies": {"graphreach": {"graph": "go"}},
            "models": {"kernel_ridge": {"kernel": "go"}},
        }
    )
    workflow.finish("results/tables/scores.tsv")
    parts = read_tsv(workflow.results / "norman2019/splits/split0.tsv").set_index("perturbation")
    assert len(parts) == 18 + 15
    genes = {part: set("+".join(rows.index).split("+")) for part, rows in parts.groupby("part")}
    test = parts[parts["part"] == "test"]
    for name, unseen in test["unseen_genes"].items():
        assert unseen == len(set(name.split("+")) - genes["pool"])
    assert test["unseen_genes"].max() >= 1
    assert any("+" in name for name in test.index)
    mse = mean_scores(workflow)
    assert mse["split_half"] < mse["kernel_ridge"] < 1.5 * mse["control_mean"]


def test_10x_folder_gives_the_same_as_the_h5ad(finished, workflow):
    """The tiny screen written as 10x writes it, and a table of cell, guide and target."""
    cells = anndata.read_h5ad(finished.results / "simulations/tiny/cells.h5ad")
    folder = workflow.folder / "run_1"
    folder.mkdir()
    with gzip.open(folder / "matrix.mtx.gz", "wb") as file:
        scipy.io.mmwrite(file, cells.X.T.tocoo(), field="integer")
    genes = pd.DataFrame({"id": cells.var_names, "symbol": cells.var_names, "kind": "Gene Expression"})
    genes.to_csv(folder / "features.tsv.gz", sep="\t", header=False, index=False)
    pd.Series(cells.obs_names).to_csv(folder / "barcodes.tsv.gz", header=False, index=False)
    table = cells.obs[["perturbation", "guide", "guide_umis", "guide_share"]]
    # In another order, as tables of guide calls are.
    table.iloc[::-1].to_csv(workflow.folder / "guides.csv", index_label="barcode")

    study = workflow.study()
    source = study["datasets"]["tiny"]["source"]
    source |= {"path": "run_1", "format": "10x", "cells": {"path": "guides.csv"}}
    source["columns"] |= {"cell": "barcode"}
    study["models"] = {"training_mean": {}}
    study["strategies"] = {"random": {}}
    workflow.write_config(study)
    assert workflow.jobs_run("results/tables/scores.tsv")["import_10x"] == 1

    ours, expected = (anndata.read_h5ad(run.results / "tiny/responses.h5ad") for run in (workflow, finished))
    assert ours.obs.equals(expected.obs)
    assert ours.var.equals(expected.var)
    for layer in (None, *expected.layers):
        np.testing.assert_array_equal(ours.to_df(layer), expected.to_df(layer))
    mine, theirs = (
        read_tsv(run.results / "tables/scores.tsv")
        .query("model == 'training_mean' and strategy == 'random'")
        .reset_index(drop=True)
        for run in (workflow, finished)
    )
    assert len(mine) > 40
    pd.testing.assert_frame_equal(mine, theirs)
