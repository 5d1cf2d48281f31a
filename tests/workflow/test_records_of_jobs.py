"""Every file of a finished study has a record of how it was made, and can be traced to its sources."""

import json
from collections import Counter

import pandas as pd
import pytest
from jobs import JOBS

from perturbselect.files import read_tsv
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


def test_records_hold_no_path_of_the_machine(finished, records):
    """Results can be passed on; only the job that writes the report is told where the workflow lies."""
    for record in records:
        if record["rule"] != "report":
            assert str(finished.folder) not in json.dumps(record), record["rule"]
    assert (finished.folder / FOLDER).is_dir()
