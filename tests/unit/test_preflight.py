"""What stops a study before any job runs."""

import gzip
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from anndata import AnnData

from perturbselect.data.h5ad_header import header
from perturbselect.data.preflight import preflight
from perturbselect.errors import InputError
from perturbselect.load_config import load_config

GENES = [f"G{i}" for i in range(12)]


@pytest.fixture
def study(tmp_path):
    """A small study whose every file is there; tests break one thing each."""
    labels = ["ctrl", "ctrl", *GENES]
    obs = pd.DataFrame({"gene": labels, "sg": labels}, index=[f"c{i}" for i in range(len(labels))])
    obs["gene"] = obs["gene"].astype("category")
    cells = AnnData(np.ones((len(labels), 3)), obs, pd.DataFrame(index=["A", "B", "C"]))
    cells.layers["raw"] = cells.X
    cells.write_h5ad(tmp_path / "cells.h5ad")
    rows = pd.DataFrame({"name": ["wt", *GENES]}, index=[f"r{i}" for i in range(13)])
    AnnData(np.ones((13, 3)), rows, layers={"up": np.ones((13, 3))}).write_h5ad(tmp_path / "responses.h5ad")
    (tmp_path / "go.tsv.gz").write_bytes(gzip.compress(b"symbol\tgo_id\nG1\tGO:1\n"))
    (tmp_path / "go.gaf").write_text("!gaf-version: 2.2\n")
    (tmp_path / "links.txt").write_text("protein1 protein2 combined_score\n")
    (tmp_path / "info.txt").write_text("#string_protein_id\tpreferred_name\n")
    (tmp_path / "edges.csv").write_text('"source","target","weight"\n')
    (tmp_path / "aliases.tsv").write_text("ensembl_gene_id\tsymbol\tsynonyms\n")
    return {
        "data_root": str(tmp_path),
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


def test_good(study):
    check(study)


@pytest.mark.parametrize(
    ("section", "values", "words"),
    [
        ("strategies", {"graphrech": {"graph": "go"}}, r"graphrech: .*did you mean 'graphreach'"),
        (
            "strategies.near",
            {"strategy": "rndom"},
            r"strategies\.near: unknown strategy 'rndom'; did you mean 'random'",
        ),
        ("strategies.near", {"hop": 1}, r"strategies\.near\.hop: unknown option; did you mean 'hops'"),
        ("strategies.near", {"hops": 0}, r"strategies\.near\.hops: .*greater than or equal to 1"),
        (
            "strategies.near",
            {"graph": "goo"},
            r"strategies\.near\.graph: .*'goo' in graphs; did you mean 'go'",
        ),
        (
            "strategies.near",
            {"graph": "coexpression"},
            r"near\.graph: 'coexpression' is a co-expression graph: .*go, string or edges",
        ),
        ("models", {"kernelridge": {}}, r"did you mean 'kernel_ridge'"),
        (
            "models",
            {"training_mean": {"model": "kernel_ridge", "kernel": "prior"}},
            r"models\.training_mean: .*another model.*'kernel_ridge'",
        ),
        ("models", {"split_half": {"model": "gears"}}, r"models\.split_half: .*reserved"),
        ("strategies", {"degree": {"strategy": "random"}}, r"strategies\.degree: .*another strategy"),
        ("figures", {"metrics": ["pearson"]}, r"figures\.metrics: unknown metric 'pearson'; did you mean"),
        ("figures", {"metrics": ["mse", "mse"]}, r"figures\.metrics: 'mse' stands there twice"),
        (
            "models.kernel_ridge",
            {"kernel": "priors"},
            r"models\.kernel_ridge\.kernel: .*did you mean 'prior'",
        ),
        ("models.gears", {"graph": "nets"}, r"models\.gears\.graph: there is no 'nets' in graphs"),
        ("models.gears", {"coexpression": "go"}, r"models\.gears\.coexpression: 'go' is of type go"),
        ("kernels", {"prior": "jaccard(gone)"}, r"kernels\.prior: there is no 'gone' in graphs"),
        ("kernels", {"prior": "jacard(go)"}, r"kernels\.prior: .*did you mean 'jaccard'"),
        (
            "kernels",
            {"prior": "jaccard(string)"},
            r"kernels\.prior: jaccard\(string\) needs a graph of type go",
        ),
        (
            "kernels",
            {"prior": "random_walk(coexpression)"},
            r"kernels\.prior: 'coexpression' is a co-expression",
        ),
        (
            "graphs.go.source",
            {"path": "{data_root}/no.tsv"},
            r"graphs\.go\.source\.path: no such file: .*data_root",
        ),
        ("graphs.go.source", {"path": "{data_root}/edges.csv"}, r"edges\.csv.*no column 'symbol'"),
        (
            "graphs.gaf.source",
            {"path": "{data_root}/links.txt"},
            r"links\.txt: is no GAF.*graphs\.gaf\.format",
        ),
        ("graphs.string.info", {"path": "{data_root}/edges.csv"}, r"no column 'string_protein_id'"),
        ("graphs.edges", {"columns": ["source", "target", "wieght"]}, r"'wieght'.*did you mean 'weight'"),
        ("gene_names.aliases", {"path": "{data_root}/links.txt"}, r"no column 'ensembl_gene_id'"),
        (
            "datasets.screen.source",
            {"path": "{data_root}/cell.h5ad"},
            r"datasets\.screen\.source\.path: no such file",
        ),
        (
            "datasets.screen.source",
            {"path": "{data_root}/edges.csv"},
            r"edges\.csv: cannot be read as \.h5ad",
        ),
        ("datasets.screen.source", {"layer": "rw"}, r"no layer 'rw'.*did you mean 'raw'"),
        ("datasets.screen.source", {"controls": ["wt"]}, r"cells\.h5ad: no control cell.*ctrl \(2\)"),
        ("datasets.screen.source.columns", {"guide": "sgs"}, r"'sgs'.*screen\.source\.columns\.guide.*'sg'"),
        ("datasets.screen.source.columns", {"gene": "symbol"}, r"var has no column 'symbol'"),
        ("datasets.screen.source", {"format": "10x"}, r"datasets\.screen\.source\.cells: is required"),
        ("datasets.published.source", {"column": "nam"}, r"'nam' .*did you mean 'name'"),
        (
            "datasets.published.source",
            {"significant": "dn"},
            r"no layer 'dn' .*published\.source\.significant",
        ),
        ("datasets.published.source", {"controls": ["wt", *GENES]}, r"every row is a control"),
        ("", {"budgets": [10]}, r"budgets: 10 is more than the pool .*12 perturbations.*leaves 9"),
        ("", {"budgets": [True]}, r"budgets: 'True' is neither a number"),
        (
            "graphs.go",
            {"source": {"url": "ftp://x/y", "checksum": "md5:0"}},
            r"go\.source: url: 'ftp.*http://",
        ),
        ("graphs.go", {"source": {"preset": "go_human_gaf"}}, r"graphs\.go\.format: .*set format: gaf"),
        (
            "graphs.go",
            {"source": {"preset": "norman2019_scperturb"}},
            r"go\.source\.preset: .*raw counts.*take go_human_gaf",
        ),
        (
            "graphs",
            {"string": {"type": "string", "source": {"preset": "string_v12_human_links"}}},
            r"graphs\.string\.info: .*string_v12_human_info",
        ),
        (
            "graphs.string",
            {"info": {"preset": "string_v12_human_links"}},
            r"string\.info\.preset: .*take string_v12_human_info",
        ),
        (
            "graphs.edges",
            {"source": {"preset": "string_v12_human_links"}},
            r"edges\.source\.preset: .*no preset",
        ),
        (
            "datasets.screen",
            {"source": {"preset": "dixit2016_gears"}},
            r"screen\.source\.preset: .*log-normalised.*take dixit2016_scperturb$",
        ),
        (
            "datasets.screen",
            {"source": {"preset": "string_v12_human_info"}},
            r"screen\.source\.preset: .*take norman2019_scperturb or ",
        ),
        (
            "datasets.published",
            {"source": {"preset": "norman2019_scperturb"}},
            r"published\.source\.preset: .*no preset fits",
        ),
        ("datasets.screen.source", {"path": "results/simulations/demo/cells.h5ad"}, r"simulations is empty"),
    ],
)
def test_one_thing_wrong(study, section, values, words):
    at(study, section).update(values)
    with pytest.raises(InputError, match=words):
        check(study)


def test_unknown_preset(study):
    study["graphs"]["go"]["source"] = {"preset": "go_human"}
    with pytest.raises(InputError, match=r"graphs\.go\.source\.preset: .*did you mean 'go_human_gaf'"):
        check(study)


def test_downloads_are_not_looked_for(study):
    study["graphs"]["gaf"]["source"] = {"preset": "go_human_gaf"}
    study["datasets"]["screen"]["source"] = {"preset": "norman2019_scperturb"}
    study["graphs"]["go"]["source"] = {"url": "https://example.org/x", "checksum": "md5:0"}
    check(study)


def test_simulated_screen(study):
    study["simulations"] = {"demo": {"perturbations": 20}}
    study["datasets"]["screen"]["source"] = {"path": "results/simulations/demo/cells.h5ad"}
    study["budgets"] = [9]
    check(study)
    del study["datasets"]["published"]
    study["budgets"] = [16]
    with pytest.raises(InputError, match=r"of its 20 perturbations, 5 or more are held out.*leaves 15"):
        check(study)
    study["datasets"]["screen"]["source"] = {"path": "results/simulations/dmo/cells.h5ad"}
    with pytest.raises(InputError, match=r"there is no 'dmo' in simulations; did you mean 'demo'"):
        check(study)


def test_coexpression_without_cells(study):
    del study["datasets"]["screen"]
    with pytest.raises(InputError, match=r"graphs\.coexpression: a co-expression graph needs control cells"):
        check(study)


def test_duplicate_barcodes_and_truncation(study, tmp_path):
    path = tmp_path / "cells.h5ad"
    shutil.copy(path, tmp_path / "whole.h5ad")
    with h5py.File(path, "r+") as file:
        file["obs"][file["obs"].attrs["_index"]][3] = "c0"
    with pytest.raises(InputError, match=r"cells\.h5ad: cell barcode c0 stands there more than once"):
        check(study)
    path.write_bytes((tmp_path / "whole.h5ad").read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"cells\.h5ad: cannot be read as \.h5ad .*truncated"):
        check(study)


def test_10x(study, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("matrix.mtx.gz", "features.tsv.gz"):
        (folder / name).touch()
    (tmp_path / "table.tsv").write_text("\n".join(["cell\tgene", "a\tctrl", *(f"{g}c\t{g}" for g in GENES)]))
    study["datasets"]["screen"]["source"] = {
        "path": str(folder),
        "format": "10x",
        "cells": {"path": str(tmp_path / "table.tsv")},
        "columns": {"perturbation": "gene"},
        "controls": ["ctrl"],
    }
    with pytest.raises(InputError, match=r"run: has none of barcodes\.tsv\.gz"):
        check(study)
    (folder / "barcodes.tsv").touch()
    check(study)
    study["datasets"]["screen"]["source"]["controls"] = ["nt"]
    with pytest.raises(InputError, match=r"table\.tsv: no control cell"):
        check(study)


def test_pool_of_combinations_is_not_underestimated(study, tmp_path):
    """Holding out 3 of 12 genes can cost no less than 2 of these pairs."""
    pairs = [f"{a}+{b}" for a, b in zip(GENES[::2], GENES[1::2], strict=True)]
    rows = pd.DataFrame({"name": ["wt", *GENES, *pairs]}, index=[f"r{i}" for i in range(19)])
    AnnData(np.ones((19, 3)), rows, layers={"up": np.ones((19, 3))}).write_h5ad(tmp_path / "responses.h5ad")
    del study["datasets"]["screen"], study["graphs"]["coexpression"], study["models"]["gears"]
    study["budgets"] = [16]
    check(study)
    study["budgets"] = [17]
    with pytest.raises(InputError, match="leaves 16"):
        check(study)


def test_header_reads_what_anndata_wrote(tmp_path):
    obs = pd.DataFrame(
        {
            "category": pd.Categorical(["x", None, "y"]),
            "text": ["a", "b", "c"],
            "number": [1, 2, 3],
            "measure": [1.5, np.nan, 2],
            "nullable": pd.array([1, None, 3], dtype="Int64"),
        },
        index=["i", "j", "k"],
    )
    AnnData(np.zeros((3, 1)), obs).write_h5ad(tmp_path / "x.h5ad")
    with header(tmp_path / "x.h5ad") as file:
        assert file.columns("obs") == list(obs.columns)
        assert file.index("obs").tolist() == ["i", "j", "k"]
        assert file.column("obs", "category").tolist() == ["x", None, "y"]
        assert file.column("obs", "text").tolist() == ["a", "b", "c"]
        assert file.column("obs", "number").tolist() == ["1", "2", "3"]
        assert file.column("obs", "measure").tolist() == ["1.5", None, "2.0"]
        assert file.column("obs", "nullable").tolist() == ["1", None, "3"]
        assert file.layers == []


@pytest.mark.parametrize(
    "name",
    ["config.yaml", *("real/" + n for n in ("papalexi2021.yaml", "replogle2022.yaml", "adamson2016.yaml"))],
)
def test_configs_of_the_repository(name, repository, data_root, monkeypatch):
    monkeypatch.chdir(repository)
    raw = yaml.safe_load((repository / "config" / name).read_text())
    preflight(load_config(raw | {"data_root": str(data_root)}, name))


@pytest.mark.parametrize(
    ("constraints", "words"),
    [
        ({"include": ["G1", "GG"]}, r"constraints\.include: the screen has no perturbation 'GG'"),
        ({"include": ["G1"], "exclude": ["G1"]}, r"constraints: G1 stands in both include and exclude"),
        (
            {"include": GENES[:6]},
            r"constraints\.include: 6 perturbations do not fit into the budget 50% \(5 perturbations\)",
        ),
        ({"cost": {"path": "gone.tsv", "money": 4}}, r"constraints\.cost\.path: no such file"),
        (
            {"cost": {"path": "{data_root}/costs.tsv", "columns": ["gene", "dollars"], "money": 4}},
            r"no column 'dollars' \(config: constraints\.cost\.columns\)",
        ),
        ({"cost": {"path": "{data_root}/costs.tsv", "money": 4}}, r"the cost of G2 is 0"),
        (
            {"cost": {"path": "{data_root}/costs.tsv", "money": 0}},
            r"cost\.money: .*greater than 0",
        ),
        ({"inlcude": ["G1"]}, r"constraints\.inlcude: unknown key; did you mean 'include'"),
    ],
)
def test_constraints(study, tmp_path, constraints, words):
    (tmp_path / "costs.tsv").write_text("gene\tcost\nG1\t3\nG2\t0\n")
    (tmp_path / "aliases.tsv").write_text("ensembl_gene_id\tsymbol\tsynonyms\nE\tG1\tOLD1\n")
    check(study | {"constraints": {"include": ["OLD1"], "exclude": ["G3"]}})
    with pytest.raises(InputError, match=words):
        check(study | {"constraints": constraints})


@pytest.mark.parametrize(
    ("option", "column"),
    [("min_guide_umis", "guide_umis"), ("min_guide_share", "guide_share"), ("min_cells_per_guide", "guide")],
)
@pytest.mark.parametrize("remote", [False, True])
def test_filters_name_their_column(study, option, column, remote):
    screen = study["datasets"]["screen"]
    screen["preprocess"] = {"filters": {option: 1}}
    screen["source"]["columns"] = {"perturbation": "gene"}
    if remote:
        del screen["source"]["path"]
        screen["source"] |= {"url": "https://example.org/x", "checksum": "md5:0"}
    with pytest.raises(
        InputError, match=rf"filters\.{option}: needs datasets\.screen\.source\.columns\.{column}"
    ):
        check(study)
    screen["source"]["columns"][column] = "sg"
    check(study)


def test_a_preset_brings_the_column_of_a_filter(study):
    screen = study["datasets"]["screen"]
    screen["preprocess"] = {"filters": {"min_cells_per_guide": 5}}
    for preset in ("dixit2016_scperturb", "norman2019_scperturb"):
        screen["source"] = {"preset": preset}
        check(study)
    screen["source"] = {"preset": "norman2019_gears"}
    with pytest.raises(
        InputError, match=r"min_cells_per_guide: needs datasets\.screen\.source\.columns\.guide,"
    ):
        check(study)


def test_a_coexpression_graph_has_no_perturbations(study):
    del study["datasets"]["published"]
    study["kernels"]["own"] = "random_walk(coexpression)"
    with pytest.raises(InputError, match=r"kernels\.own: 'coexpression' is a co-expression graph"):
        check(study)
    del study["kernels"]["own"]
    study["models"]["gears"]["graph"] = "coexpression"
    with pytest.raises(InputError, match=r"models\.gears\.graph: 'coexpression' is a co-expression graph"):
        check(study)


def test_a_gaf_without_comments(study, tmp_path):
    path = tmp_path / "go.gaf"
    path.write_text("\t".join(["UniProtKB", *["x"] * 14]) + "\n")
    check(study)
    path.write_text("\t".join(["UniProtKB", *["x"] * 13]) + "\n")
    with pytest.raises(InputError, match=r"is no GAF file.*15 columns"):
        check(study)


def test_missing_and_padded_labels_are_no_perturbations(study, tmp_path):
    labels = ["wt", " wt ", None, *GENES, " G0 "]
    rows = pd.DataFrame({"name": labels}, index=[f"r{i}" for i in range(16)])
    layers = {"up": np.ones((16, 3))}
    AnnData(np.ones((16, 3)), rows, layers=layers).write_h5ad(tmp_path / "responses.h5ad")
    cells = pd.DataFrame({"gene": ["ctrl", None, *GENES]}, index=[f"c{i}" for i in range(14)])
    cells["sg"] = cells["gene"]
    layers = {"raw": np.ones((14, 3))}
    AnnData(np.ones((14, 3)), cells, layers=layers).write_h5ad(tmp_path / "cells.h5ad")
    study["budgets"] = [10]
    for name in ("screen", "published"):
        alone = study | {"datasets": {name: study["datasets"][name]}}
        alone["datasets"][name]["source"]["unassigned"] = ["unknown"]
        if name == "published":
            alone["graphs"] = {"go": study["graphs"]["go"], "string": study["graphs"]["string"]}
            alone["models"] = {"kernel_ridge": {"kernel": "prior"}}
        with pytest.raises(InputError, match="of its 12 perturbations"):
            check(alone)
