"""Every file of a finished study has a record of how it was made, and can be traced to its sources."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from jobs import JOBS

from perturbselect.files import read_json, read_tsv, write_json
from perturbselect.records import trace
from perturbselect.records.record import FOLDER, read_records, sha256

NO_RESULTS = ("logs", "benchmarks", "provenance")


@pytest.fixture(scope="module")
def records(finished) -> list[dict]:
    return read_records(finished.folder)


def test_every_job_has_left_a_record(records):
    assert Counter(record["rule"] for record in records) == JOBS


def test_the_records_are_of_the_files_that_are_there(finished, records):
    made = {output["file"]: output["sha256"] for record in records for output in record["outputs"]}
    files = [path for path in finished.results.rglob("*") if path.is_file()]
    results = [path for path in files if path.relative_to(finished.results).parts[0] not in NO_RESULTS]
    assert {str(path.relative_to(finished.folder)) for path in results} == set(made)
    assert not [file for file, digest in made.items() if sha256(finished.folder / file) != digest]


def test_what_a_job_read_is_what_another_made(records):
    """The tiny study simulates its sources: every chain ends at a job without inputs."""
    made = {output["file"]: output["sha256"] for record in records for output in record["outputs"]}
    for record in records:
        assert {entry["file"]: entry["sha256"] for entry in record["inputs"]}.items() <= made.items()
        assert record["inputs"] or record["rule"] in ("simulate", "record_study")


def test_records_hold_what_the_issue_of_trust_needs(records):
    for record in records:
        for field in ("config_digest", "source_digest", "python", "packages", "machine", "device", "started"):
            assert record[field], (record["rule"], field)
        assert record["peak_memory_mb"] > 1
        assert record["seconds"] >= 0
    networks = [record for record in records if record["rule"] == "train_gears"]
    assert all("torch" in record["packages"] for record in networks)
    for record in networks:
        split, seed = (int(record["wildcards"][name]) for name in ("split", "seed"))
        strategy = record["wildcards"]["strategy"]
        assert record["seed"] == [[7, "train", "tiny", "gears", split, seed]], strategy
    assert {record["seed"] for record in records if record["rule"] == "compare"} == {7}
    together = [record["seed"] for record in records if record["rule"] == "train_kernel_ridge"]
    assert together == 3 * [[[7, "train", "tiny", "kernel_ridge", split, 0] for split in (0, 1)]]


def test_the_table_holds_every_file_but_itself(finished, records):
    table = pd.read_parquet(finished.results / "provenance.parquet")
    made = {output["file"] for record in records for output in record["outputs"]}
    assert set(table["file"]) == made - {"results/provenance.parquet"}


def test_a_row_of_the_scores_leads_to_its_own_run_and_no_other(finished, capsys):
    path = finished.results / "tables" / "scores.tsv"
    scores = read_tsv(path, dtype=str)
    wanted = (scores["model"] == "gears") & (scores["strategy"] == "degree") & (scores["split"] == "1")
    trace.main([str(path), "--row", str(int(wanted.to_numpy().argmax()) + 1)])
    printed = capsys.readouterr().out
    for file in (
        "predictions/gears/degree/split1.seed0",
        "selections/degree/split1.seed0.tsv",
        "splits/split1.tsv",
    ):
        assert f"results/tiny/{file}" in printed
    for word in (
        "train_gears",
        "select_degree",
        "simulate",
        "results/simulations/tiny/cells.h5ad",
        "torch 2",
    ):
        assert word in printed
    for word in ("kernel_ridge", "split0", "CHANGED"):
        assert word not in printed


def test_a_row_of_the_comparisons_leads_to_both_strategies_and_no_other(finished, capsys):
    for name, other in (("comparisons.tsv", "baseline"), ("pairs.parquet", "other")):
        path = finished.results / "tables" / name
        table = pd.read_parquet(path) if path.suffix == ".parquet" else read_tsv(path, dtype=str)
        wanted = (table["model"] == "gears") & (table["strategy"] == "degree") & (table[other] == "random")
        trace.main([str(path), "--row", str(int(wanted.to_numpy().argmax()) + 1)])
        printed = capsys.readouterr().out
        for rule in ("select_degree", "select_random"):
            assert f"{rule}: " in printed
        for strategy in ("degree", "random"):
            assert f"results/tiny/scores/gears/{strategy}.parquet" in printed
        for word in ("graphreach", "kernel_ridge", "CHANGED"):
            assert word not in printed


def test_the_table_is_of_the_study_as_it_is_now(copy_of_finished, capsys):
    """Predictions may be deleted once they are scored; files of a strategy that was taken out may stay."""
    before = pd.read_parquet(copy_of_finished.results / "provenance.parquet")
    assert before["here"].all()
    old = read_json(copy_of_finished.folder / FOLDER / "tiny/selections/degree/split0.seed0.json")
    for output in old["outputs"]:
        copy = output["file"].replace("/degree/", "/old/")
        (copy_of_finished.folder / copy).parent.mkdir(exist_ok=True)
        shutil.copy(copy_of_finished.folder / output["file"], copy_of_finished.folder / copy)
        output["file"] = copy
    write_json(old, copy_of_finished.folder / FOLDER / "tiny/selections/old/split0.seed0.json")
    gone = sorted(copy_of_finished.results.glob("tiny/predictions/*/random/split1.*/predictions.h5ad"))
    assert len(gone) == 3
    for path in gone:
        path.unlink()
    (copy_of_finished.results / "provenance.parquet").unlink()
    assert copy_of_finished.jobs_run("results/provenance.parquet") == {"provenance": 1}
    after = pd.read_parquet(copy_of_finished.results / "provenance.parquet")
    names = {str(path.relative_to(copy_of_finished.folder)) for path in gone}
    assert set(after.loc[~after["here"], "file"]) == names
    pd.testing.assert_frame_equal(before.drop(columns="here"), after.drop(columns="here"))
    trace.main([str(copy_of_finished.folder / min(names))])
    printed = capsys.readouterr().out
    assert ", not here" in printed.splitlines()[0]
    assert "simulate: " in printed


def test_make_trace(finished, repository):
    """The target as a user calls it, with this environment in place of the one it would make."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    path = finished.results / "tables" / "comparisons.tsv"
    words = [
        "--no-print-directory",
        "--old-file=env",
        "trace",
        f"BIN={Path(sys.executable).parent}",
        f"FILE={path}",
        "ROW=1",
    ]
    environment = os.environ | {"PYTHONPATH": str(repository / "workflow")}
    done = subprocess.run([make, *words], cwd=repository, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("row 1: dataset tiny, ")
    assert "└─ compare: " in done.stdout
    assert "simulate: " in done.stdout


def test_records_hold_no_path_of_the_machine(finished, records):
    """Results can be passed on; only the job that writes the report is told where the workflow lies."""
    for record in records:
        if record["rule"] != "report":
            assert str(finished.folder) not in json.dumps(record), record["rule"]
    assert (finished.folder / FOLDER).is_dir()
