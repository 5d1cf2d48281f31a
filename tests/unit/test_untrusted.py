"""Files and configs from elsewhere run no code, reach no shell and write nowhere else."""

import ast
import re
import zipfile
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

from perturbselect.config import CellSource
from perturbselect.data.cells import read_cells
from perturbselect.data.download import _extract
from perturbselect.data.gene_names import read_aliases
from perturbselect.data.h5ad_header import header
from perturbselect.errors import InputError
from perturbselect.files import read_h5ad, write_h5ad
from perturbselect.load_config import load_config
from perturbselect.report.html_tables import table_page

WORKFLOW = Path(__file__).parents[2] / "workflow"
SOURCES = sorted(WORKFLOW.rglob("*.py"))
RULES = [*sorted(WORKFLOW.rglob("*.smk")), WORKFLOW / "Snakefile"]
# Functions that run what a file or a text says; of some of them, the word that makes them harmless.
RUN_CODE = {
    *("eval", "exec", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load", "joblib.load"),
    *("pickle.load", "pickle.loads", "pd.read_pickle", "pandas.read_pickle"),
}
HARMLESS_WITH = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}


def calls_that_run_code(source: str) -> list[str]:
    """Return the calls in a source that could run code from a file or a text."""
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        words = {word.arg: ast.unparse(word.value) for word in call.keywords}
        keyword, value = HARMLESS_WITH.get(name, ("", None))
        if (
            name in RUN_CODE
            or (keyword and words.get(keyword) != str(value))
            or words.get("shell", "False") != "False"
            or words.get("allow_pickle", "False") != "False"
        ):
            found.append(name)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(WORKFLOW)))
def test_no_call_runs_code_from_a_file(path):
    assert calls_that_run_code(path.read_text()) == []


def test_such_calls_would_be_found():
    spoilt = "torch.load(f)\nnp.load(f, allow_pickle=True)\neval(t)\nsubprocess.run(c, shell=True)"
    assert calls_that_run_code(spoilt) == ["torch.load", "np.load", "eval", "subprocess.run"]
    assert calls_that_run_code("torch.load(f, weights_only=True); np.load(f, allow_pickle=False)") == []


def test_rules_have_no_command_line():
    """Scripts only: so no text of a user can reach a shell there."""
    for path in RULES:
        assert not re.search(r"^\s*(shell|run)\s*:", path.read_text(), re.M), path.name


def study(**changes: object) -> dict:
    return {
        "datasets": {"screen": {"type": "cells", "source": {"path": "screen.h5ad"}}},
        "graphs": {"go": {"type": "go", "source": {"path": "go.tsv"}}},
        "budgets": [4],
        "strategies": {"random": {}},
        "models": {"training_mean": {}},
    } | changes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"strategies": {"$(touch x)": {"strategy": "random"}}}, r"strategies"),
        ({"models": {"a;b": {"model": "training_mean"}}}, r"models"),
        ({"datasets": {"../up": {"type": "cells", "source": {"path": "a"}}}}, r"datasets"),
        ({"graphs": {"`touch x`": {"type": "go", "source": {"path": "go.tsv"}}}}, r"graphs"),
        ({"budgets": ["4%; touch x"]}, r"budgets"),
        ({"data_root": "/data/$(touch x)"}, r"holds '\$', which means something to a shell"),
        ({"graphs": {"go": {"type": "go", "source": {"path": "a$(touch x).tsv"}}}}, r"holds '\$'"),
        ({"graphs": {"go": {"type": "go", "source": {"path": "a`touch x`.tsv"}}}}, r"holds '`'"),
        ({"graphs": {"go": {"type": "go", "source": {"path": "it's.tsv"}}}}, r"holds \"'\""),
        (
            {
                "graphs": {
                    "go": {
                        "type": "go",
                        "source": {"url": "http://a/$(touch x).tsv", "checksum": "md5:" + "0" * 32},
                    }
                }
            },
            r"holds '\$'",
        ),
    ],
)
def test_what_names_files_cannot_reach_a_shell(changes, words):
    load_config(study(), "config")
    with pytest.raises(InputError, match=words):
        load_config(study(**changes), "config")


def screen(labels: list[str]) -> anndata.AnnData:
    return anndata.AnnData(
        np.ones((len(labels), 3), dtype=np.float32),
        obs=pd.DataFrame({"perturbation": labels}, index=[f"c{i}" for i in range(len(labels))]),
        var=pd.DataFrame(index=["A", "B", "C"]),
    )


ATTRIBUTES = {
    "an encoding nobody knows": lambda file: file["obs"].attrs.update({"encoding-type": "pickle"}),
    "code for an encoding": lambda file: file["X"].attrs.update(
        {"encoding-type": "__import__('os').abort()"}
    ),
    "an index elsewhere": lambda file: file["obs"].attrs.update({"_index": "../uns/none"}),
    "a column that is not there": lambda file: file["obs"].attrs.update({"column-order": ["../../etc"]}),
    "pickled bytes for a name": lambda file: file["obs"].attrs.update(
        {"_index": np.void(b"\x80\x04cos\nabort\n")}
    ),
    "a link to another file": lambda file: link(file, h5py.ExternalLink("/etc/passwd", "/")),
    "a link in a circle": lambda file: link(file, h5py.SoftLink("/obs/perturbation")),
}


def link(file: h5py.File, target: object) -> None:
    del file["obs/perturbation"]
    file["obs/perturbation"] = target


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_malicious_attributes_are_bad_input(tmp_path, name):
    path = tmp_path / "screen.h5ad"
    write_h5ad(screen(["A", "control"]), path)
    with h5py.File(path, "a") as file:
        ATTRIBUTES[name](file)
    with pytest.raises(InputError, match=r"screen\.h5ad"):
        read_h5ad(path)
    before = {entry.name for entry in tmp_path.iterdir()}
    try:
        with header(path) as names:
            names.columns("obs")
            names.column("obs", "perturbation")
            names.index("obs")
    except InputError as error:
        assert "screen.h5ad" in str(error)  # noqa: PT017
    assert {entry.name for entry in tmp_path.iterdir()} == before


def test_names_in_a_screen_are_text_and_nothing_else(tmp_path):
    labels = ["<script>alert(1)</script>", "$(touch pwned)", "../../up", "control"]
    write_h5ad(screen(labels), tmp_path / "screen.h5ad")
    cells, _ = read_cells(
        tmp_path / "screen.h5ad", CellSource(path="screen.h5ad"), read_aliases(None), "screen"
    )
    assert set(labels) <= set(cells.obs["perturbation"].astype(str))
    page = table_page(cells.obs[["perturbation"]], "Names", "")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_an_archive_writes_the_one_file_that_is_wanted_where_it_is_wanted(tmp_path):
    folder = tmp_path / "downloads"
    folder.mkdir()
    evil = tmp_path / "evil.h5ad"
    for wanted in ("data.h5ad", "../evil.h5ad", str(evil)):
        with zipfile.ZipFile(folder / "all.zip", "w") as archive:
            for name in ("data.h5ad", "../evil.h5ad", str(evil)):
                archive.writestr(name, b"content")
        _extract(folder / "all.zip", wanted, folder / "wanted.h5ad")
        assert {path.name for path in folder.iterdir()} == {"wanted.h5ad"}
        assert not evil.exists()
