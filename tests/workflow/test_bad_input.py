"""Bad input, given to the whole workflow: one message, no traceback, nothing half-written."""

import functools
import hashlib
import shutil
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import anndata
import h5py
import numpy as np
import pytest
from command_line import Workflow, counted_jobs

from perturbselect.files import write_h5ad


@pytest.fixture
def study(finished: Workflow, workflow: Workflow) -> Workflow:
    """The tiny study with the simulated screen and graphs as files of the user's."""
    shutil.copytree(finished.results / "simulations" / "tiny", workflow.folder / "data")
    settings = workflow.study()
    del settings["simulations"], settings["models"]["gears"]
    settings["datasets"]["tiny"]["source"]["path"] = "data/cells.h5ad"
    settings["graphs"]["go"]["source"]["path"] = "data/gene2go.tsv.gz"
    settings["graphs"]["interactions"]["source"]["path"] = "data/interactions.tsv.gz"
    workflow.write_config(settings)
    return workflow


def failure(study: Workflow, *arguments: str) -> str:
    """Run; return what a user reads, after checking what every failure has in common."""
    result = study.run(*arguments)
    return checked(study, result.returncode, result.stdout)


def checked(study: Workflow, code: int, text: str) -> str:
    assert code != 0, text
    assert "Traceback" not in text, text
    assert not list(study.folder.rglob(".partial*"))
    assert not list((study.folder / ".snakemake" / "locks").glob("*"))
    return text


def changed_cells(change: Callable[[anndata.AnnData], anndata.AnnData | None]) -> Callable[[Workflow], None]:
    """Rewrite the screen."""

    def apply(study: Workflow) -> None:
        path = study.folder / "data" / "cells.h5ad"
        cells = anndata.read_h5ad(path)
        changed = change(cells)
        write_h5ad(cells if changed is None else changed, path)

    return apply


def key(path: str, value: object) -> Callable[[Workflow], None]:
    """Set a key of the config."""
    return lambda study: study.change(path, value)


def repeat_a_barcode(study: Workflow) -> None:
    with h5py.File(study.folder / "data" / "cells.h5ad", "r+") as file:
        barcodes = file["obs"][file["obs"].attrs["_index"]]
        barcodes[3] = barcodes[0]


def truncate(study: Workflow) -> None:
    path = study.folder / "data" / "cells.h5ad"
    path.write_bytes(path.read_bytes()[:-3000])


def without_controls(cells: anndata.AnnData) -> anndata.AnnData:
    return cells[cells.obs["perturbation"] != "control"].copy()


def without_column(cells: anndata.AnnData) -> None:
    del cells.obs["guide_share"]


def negative(cells: anndata.AnnData) -> None:
    cells.X[5, 7] = -3


def fractional(cells: anndata.AnnData) -> anndata.AnnData:
    changed = anndata.AnnData(cells.X.astype(np.float32), cells.obs, cells.var)
    changed.X.data[:] = np.log1p(changed.X.data)
    return changed


def silent_gene(cells: anndata.AnnData) -> None:
    cells.X[:, 7] = 0
    cells.X.eliminate_zeros()


def other_genes(study: Workflow) -> None:
    (study.folder / "other.tsv").write_text("symbol\tgo_id\nNOBODY\tGO:1\nNOBODY2\tGO:1\n")
    study.change("graphs.go.source.path", "other.tsv")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(key("budget", [4]), ["unknown key", "did you mean 'budgets'"], id="unknown-key"),
        pytest.param(
            key("datasets.tiny.preprocess.min_cell", 4),
            ["datasets.tiny.preprocess.min_cell", "did you mean 'min_cells'"],
            id="unknown-key-below",
        ),
        pytest.param(
            key("strategies", {"graphrech": {"graph": "go"}}),
            ["strategies.graphrech", "did you mean 'graphreach'"],
            id="misspelt-strategy",
        ),
        pytest.param(
            changed_cells(without_column),
            ["data/cells.h5ad", "'guide_share'", "datasets.tiny.source.columns.guide_share"],
            id="missing-column",
        ),
        pytest.param(
            changed_cells(without_controls),
            ["data/cells.h5ad", "no control cell", "datasets.tiny.source.controls"],
            id="no-controls",
        ),
        pytest.param(repeat_a_barcode, ["data/cells.h5ad", "more than once"], id="duplicate-barcodes"),
        pytest.param(truncate, ["data/cells.h5ad", "truncated", "again"], id="truncated"),
        pytest.param(key("budgets", [4, 20]), ["budgets: 20", "pool", "lower the budget"], id="large-budget"),
        pytest.param(
            key("graphs.go.source.path", "data/gene2go.tsv"),
            ["graphs.go.source.path", "no such file", "mend the path"],
            id="missing-file",
        ),
        pytest.param(
            changed_cells(negative),
            ["data/cells.h5ad: the value -3", "is negative", "raw UMI"],
            id="negative",
        ),
        pytest.param(
            changed_cells(fractional),
            ["data/cells.h5ad: the value", "not a whole number", "source.layer"],
            id="non-integer",
        ),
        pytest.param(
            changed_cells(silent_gene),
            ["have no count in any cell", "datasets.tiny.preprocess.all_zero_genes: drop"],
            id="all-zero-gene",
        ),
        pytest.param(
            key("datasets.tiny.preprocess.min_cells", 500),
            ["0 of 24 perturbations have at least 500 cells", "lower datasets.tiny.preprocess.min_cells"],
            id="nothing-left",
        ),
        pytest.param(
            key("graphs.interactions.threshold", 1000),
            ["graphs.interactions: no two", "threshold", "lower graphs.interactions.threshold"],
            id="empty-graph",
        ),
        pytest.param(
            other_genes, ["graphs.go: its source has none", "NOBODY", "gene_names.aliases"], id="no-overlap"
        ),
    ],
)
@pytest.mark.parametrize("arguments", [(), ("--dry-run",)], ids=["run", "dry-run"])
def test_stops_before_any_job(study, spoil, words, arguments):
    spoil(study)
    before = set(study.folder.rglob("*"))
    text = checked(study, *study.attempt(*arguments))
    for word in words:
        assert word in text, text
    assert "Job stats" not in text
    assert counted_jobs(text) == {}
    assert not study.results.exists()
    written = {path.relative_to(study.folder).parts[0] for path in set(study.folder.rglob("*")) - before}
    assert written <= {".snakemake"}  # Snakemake's own log
    # The message stands there once, and nothing that only a programmer would understand beside it.
    assert text.count(words[0]) == 1, text


@pytest.mark.slow
def test_numbers_are_read_once(study):
    """By the first start, not by jobs or later starts; again when a setting that they hang on changes."""
    targets = [
        "results/tiny/expression.h5ad",
        *(f"results/tiny/graphs/{g}.nodes.tsv" for g in ("go", "interactions")),
    ]
    text = study.finish("results/study.yaml", *targets)
    reading = ("Reading the numbers of datasets.tiny", "Building graphs.go", "Building graphs.interactions")
    assert [text.count(word) for word in reading] == [1, 1, 1]
    assert counted_jobs(text)["interaction_graph"] == 1
    assert "before any job:" not in study.finish("--dry-run", *targets)
    study.change("graphs.interactions.threshold", 1000)
    assert "graphs.interactions: no two" in failure(study, *targets)
    assert study.files("tiny/graphs/interactions.*"), "nothing was done, so nothing was removed"


@pytest.mark.parametrize(
    ("spoil", "words", "missing"),
    [
        pytest.param(
            key("graphs.interactions.threshold", 1000),
            ["graphs.interactions", "threshold", "lower"],
            "graphs/interactions.*",
            id="empty-graph",
        ),
        pytest.param(other_genes, ["other.tsv", "go", "NOBODY"], "graphs/go.*", id="no-overlap"),
    ],
)
def test_bad_graphs_of_a_simulated_screen_stop_at_the_graph(copy_of_finished, spoil, words, missing):
    spoil(copy_of_finished)
    text = failure(copy_of_finished, "--until", "go_graph", "interaction_graph")
    for word in words:
        assert word in text, text
    assert counted_jobs(text) == {}
    assert not copy_of_finished.files(f"tiny/{missing}")


@pytest.fixture
def archive(finished: Workflow):
    """A server on this machine with the simulated screen's files."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    folder = finished.results / "simulations" / "tiny"
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()


def from_archive(study: Workflow, address: str, path: Path, checksum: str | None = None) -> Path:
    """Have the screen downloaded; return where to."""
    checksum = checksum or hashlib.sha256(path.read_bytes()).hexdigest()
    settings = study.study()
    source = settings["datasets"]["tiny"]["source"]
    del source["path"]
    study.write_config(settings)
    study.change(
        "datasets.tiny.source", source | {"url": f"{address}/{path.name}", "checksum": f"sha256:{checksum}"}
    )
    return study.folder / "resources" / "downloads" / f"{checksum[:12]}.{path.name}"


def test_wrong_checksum(study, archive):
    address, folder = archive
    download = from_archive(study, address, folder / "cells.h5ad", "0" * 64)
    text = failure(study, "results/tiny/cells.h5ad")
    for word in (f"{address}/cells.h5ad", "checksum", "0" * 64, "as 'path' in the config"):
        assert word in text, text
    assert counted_jobs(text) == {}
    assert text.count("Download http") == 1, "a wrong checksum is no reason to download again"
    assert not list(download.parent.glob("*"))
    assert not study.files("tiny/*")


def test_right_checksum(study, archive):
    address, folder = archive
    download = from_archive(study, address, folder / "cells.h5ad")
    assert study.jobs_run("results/tiny/cells.h5ad") == {"download": 1, "import_h5ad": 1}
    assert download.read_bytes() == (folder / "cells.h5ad").read_bytes()
