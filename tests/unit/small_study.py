"""A small study whose every file is there; tests break one thing each."""

import gzip

import numpy as np
import pandas as pd
from anndata import AnnData

from perturbselect.data.preflight import preflight
from perturbselect.load_config import load_config

GENES = [f"G{i}" for i in range(12)]


def small_study(folder):
    """A small study whose every file is there; tests break one thing each."""
    labels = ["ctrl", "ctrl", *GENES]
    obs = pd.DataFrame({"gene": labels, "sg": labels}, index=[f"c{i}" for i in range(len(labels))])
    obs["gene"] = obs["gene"].astype("category")
    cells = AnnData(np.ones((len(labels), 3)), obs, pd.DataFrame(index=["A", "B", "C"]))
    cells.layers["raw"] = cells.X
    cells.write_h5ad(folder / "cells.h5ad")
    rows = pd.DataFrame({"name": ["wt", *GENES]}, index=[f"r{i}" for i in range(13)])
    AnnData(np.ones((13, 3)), rows, layers={"up": np.ones((13, 3))}).write_h5ad(folder / "responses.h5ad")
    (folder / "go.tsv.gz").write_bytes(gzip.compress(b"symbol\tgo_id\nG1\tGO:1\n"))
    (folder / "go.gaf").write_text("!gaf-version: 2.2\n")
    (folder / "links.txt").write_text("protein1 protein2 combined_score\n")
    (folder / "info.txt").write_text("#string_protein_id\tpreferred_name\n")
    (folder / "edges.csv").write_text('"source","target","weight"\n')
    (folder / "aliases.tsv").write_text("ensembl_gene_id\tsymbol\tsynonyms\n")
    return {
        "data_root": str(folder),
        "gene_names": {"aliases": {"path": "{data_root}/aliases.tsv"}},
        "datasets": {
            "screen": {
                "type": "cells",
                "source": {
                    "path": "{data_root}/cells.h5ad",
                    "columns": {"perturbation": "gene", "guide": "sg"},
                    "controls": ["ctrl"],
                    "layer": "raw",
                },
            },
            "published": {
                "type": "responses",
                "source": {
                    "path": "{data_root}/responses.h5ad",
                    "column": "name",
                    "controls": ["wt"],
                    "significant": "up",
                },
            },
        },
        "graphs": {
            "go": {"type": "go", "source": {"path": "{data_root}/go.tsv.gz"}},
            "gaf": {"type": "go", "format": "gaf", "source": {"path": "{data_root}/go.gaf"}},
            "string": {
                "type": "string",
                "source": {"path": "{data_root}/links.txt"},
                "info": {"path": "{data_root}/info.txt"},
            },
            "edges": {"type": "edges", "source": {"path": "{data_root}/edges.csv"}},
            "coexpression": {"type": "coexpression"},
        },
        "kernels": {"prior": "mean(jaccard(go), random_walk(string))"},
        "splits": {"test_share": 0.25},
        "budgets": [9, "50%"],
        "strategies": {"random": {}, "near": {"strategy": "graphreach", "graph": "go", "hops": 2}},
        "models": {"kernel_ridge": {"kernel": "prior"}, "gears": {"coexpression": "coexpression"}},
        "figures": {"metrics": ["mse", "calibration"]},
    }


def at(study, path):
    """Return the section at a dotted path."""
    for key in path.split(".") if path else ():
        study = study[key]
    return study


def check(study):
    preflight(load_config(study, "config"))
