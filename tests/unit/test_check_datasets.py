"""What in a screen's file stops a study before any job runs."""

import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from small_study import GENES, at, check

from perturbselect.errors import InputError


@pytest.mark.parametrize(
    ("section", "values", "words"),
    [
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
