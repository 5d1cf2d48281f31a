"""What a job leaves about itself, and what is made of it: the table and the crate."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from recorded_jobs import job, made, recorded_study, run

from perturbselect.errors import InputError
from perturbselect.files import read_json
from perturbselect.job import logged
from perturbselect.provenance import PACKAGE, locked_versions
from perturbselect.records import crate, trace
from perturbselect.records.record import (
    commit,
    peak_memory_mb,
    read_records,
    record_path,
    records_behind,
)
from perturbselect.records.table import provenance_table
from perturbselect.table_schema import check_table, table_schema


@pytest.fixture
def study(tmp_path, monkeypatch):
    return recorded_study(tmp_path, monkeypatch)


def test_a_record_says_what_was_read_written_and_spent(study):
    record = read_json("results/provenance/a/scores1.json")
    assert record["rule"] == "score"
    assert record["wildcards"] == {"dataset": "a", "split": "1"}
    assert [file["file"] for file in record["inputs"]] == ["results/a/responses.h5ad", "results/a/split1.tsv"]
    content = b"made by score\n"
    assert record["outputs"] == [
        {
            "file": "results/a/scores1.tsv",
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
        }
    ]
    assert record["source_digest"] == "c0de"
    assert record["options"] == {"seed": [7, "score"], "share": 0.5}
    assert record["seed"] == [7, "score"]
    assert record["packages"]["numpy"] == locked_versions()["numpy"]
    assert 0 <= record["seconds"] < 60
    assert 1 < record["peak_memory_mb"] < 1e5
    assert record["device"] == "cpu"


def test_the_digest_of_the_config_is_that_of_the_options(study, monkeypatch):
    before = read_json("results/provenance/a/split0.json")["config_digest"]
    again = job("split", ["results/a/responses.h5ad"], ["results/a/split0.tsv"], dataset="a", split="0")
    again.params.code = "another"
    run(monkeypatch, again)
    assert read_json("results/provenance/a/split0.json")["config_digest"] == before
    again.params.share = 0.4
    run(monkeypatch, again)
    assert read_json("results/provenance/a/split0.json")["config_digest"] != before


def test_a_job_that_fails_leaves_no_record(study, monkeypatch):
    failing = job("split", ["results/a/responses.h5ad"], ["results/a/split0.tsv"])
    monkeypatch.setattr(sys.modules["__main__"], "snakemake", failing)
    with pytest.raises(SystemExit), logged(failing.log[0]):
        raise InputError("no genes")
    assert not record_path(failing.log[0]).exists()
    assert "no genes" in (study / failing.log[0]).read_text()


def test_where_a_record_lies():
    assert str(record_path("results/logs/a/b.log")) == "results/provenance/a/b.json"
    assert str(record_path("mine/results/logs/b.log")) == "mine/results/provenance/b.json"
    assert str(record_path("my.log")) == "results/provenance/my.json"


def test_records_of_files_that_are_gone_do_not_count(study):
    assert len(read_records(study)) == 6
    (study / "results/a/split0.tsv").unlink()
    assert len(read_records(study)) == 5


def test_a_record_stays_while_one_of_its_files_does(study, monkeypatch, capsys):
    """Predictions may be deleted once they are scored: their job is known still, to table, tree and crate."""
    files = [f"results/a/predictions/m/random/split{split}.seed0/predictions.h5ad" for split in "01"]
    history = "results/a/predictions/m/random/training.tsv"
    made(monkeypatch, "train_m", ["results/a/split0.tsv"], [history, *files], dataset="a")
    made(monkeypatch, "score", [history, *files], ["results/a/more.tsv"], dataset="a")
    for gone in (files[1], "results/a/more.tsv"):
        (study / gone).unlink()
    (training,) = [record for record in read_records(study) if record["rule"] == "train_m"]
    assert [output["here"] for output in training["outputs"]] == [True, True, False]
    table = provenance_table(read_records(study)).set_index("file")
    assert table.loc[[history, *files], "here"].tolist() == [True, True, False]
    assert "results/a/more.tsv" not in table.index
    trace.main([files[1]])
    printed = capsys.readouterr().out
    assert f"{table.loc[files[1], 'sha256'][:12]}, not here" in printed
    assert "train_m: " in printed
    assert "screen.csv" in printed
    crate.main(["made/crate", "--study", str(study)])
    graph = read_json(study / "made/crate/ro-crate-metadata.json")["@graph"]
    described = {entity["@id"]: entity for entity in graph}
    assert "deleted" in described[f"#{files[1]}"]["description"]
    assert "description" not in described[f"#{files[0]}"]


def test_a_crate_holds_no_file_that_is_gone(study, monkeypatch):
    """Of a job of two files one is gone; another's only file is, which a third has read."""
    made(monkeypatch, "pair", ["results/a/scores1.tsv"], ["results/a/one.tsv", "results/a/two.tsv"])
    made(monkeypatch, "last", ["results/a/split0.tsv"], ["results/a/last.tsv"])
    for gone in ("two", "split0"):
        (study / f"results/a/{gone}.tsv").unlink()
    crate.main(["made/crate", "--study", str(study)])
    graph = read_json(study / "made/crate/ro-crate-metadata.json")["@graph"]
    described = {entity["@id"]: entity for entity in graph}
    assert {"results/a/one.tsv", "#results/a/two.tsv", "#results/a/split0.tsv"} <= set(described)
    for part in described["./"]["hasPart"]:
        assert (study / "made/crate" / part["@id"]).is_file()


def test_a_file_counts_for_the_newest_job_that_made_it(study, monkeypatch, capsys):
    """The label of a simple model, whose job trains all runs, stands for a network now."""
    folder = "results/a/predictions/m/random"
    predictions = f"{folder}/split0.seed0/predictions.h5ad"
    for rule, files, log, started in (
        (
            "train_network",
            [predictions, f"{folder}/split0.seed0/training.tsv"],
            "random/split0.seed0",
            "2026-02",
        ),
        ("train_simple", [predictions, f"{folder}/training.tsv"], "random", "2026-01"),
    ):
        for file in files:
            (study / file).parent.mkdir(parents=True, exist_ok=True)
        training = job(rule, ["results/a/split0.tsv"], files, dataset="a")
        training.log = [f"results/logs/a/predictions/m/{log}.log"]
        run(monkeypatch, training)
        path = record_path(training.log[0])
        path.write_text(json.dumps(read_json(path) | {"started": f"{started}-01T00:00:00+00:00"}))
    (study / predictions).write_text("made by train_network\n")
    made(monkeypatch, "score", [predictions], ["results/a/again.tsv"], dataset="a")
    trace.main(["results/a/again.tsv"])
    printed = capsys.readouterr().out
    assert "train_network: " in printed
    assert "train_simple" not in printed
    assert "CHANGED" not in printed
    records = read_records(study)
    table = provenance_table(records)
    assert table["file"].is_unique
    assert table.set_index("file").loc[predictions, "rule"] == "train_network"
    # What the old job alone had made lies there still, but nothing has read it.
    assert "train_simple" in {record["rule"] for record in records}
    behind = {record["rule"] for record in records_behind(records, ["results/a/again.tsv"])}
    assert behind == {"read", "split", "train_network", "score"}
    (study / folder / "training.tsv").unlink()
    assert "train_simple" not in {record["rule"] for record in read_records(study)}


def test_records_of_what_no_result_is_made_of_do_not_count(study, monkeypatch):
    """A strategy was taken out of the config; its files are there still."""
    made(monkeypatch, "select_old", ["results/a/split0.tsv"], ["results/a/selections/old/split0.seed0.tsv"])
    everything = read_records(study)
    kept = records_behind(everything, ["results/tables/scores.tsv"])
    assert [record for record in everything if record["rule"] != "select_old"] == kept
    table = made(monkeypatch, "provenance", ["results/tables/scores.tsv"], ["results/provenance.parquet"])
    crate.main(["made/crate", "--study", str(study)])
    assert (study / "made/crate" / table.output[0]).is_file()
    assert not (study / "made/crate/results/a/selections").exists()
    assert "select_old" not in (study / "made/crate/ro-crate-metadata.json").read_text()


def test_peak_memory_is_the_process_s_own():
    """Not that of a larger process that started it."""
    program = (
        "from perturbselect.job import effort\nwith effort() as spent: pass\nprint(spent['peak_memory_mb'])"
    )
    large = bytearray(400_000_000)
    small = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert float(small) < 300 < peak_memory_mb()
    del large


def test_commit(tmp_path):
    assert commit(tmp_path) is None
    command = ["git", "-C", str(tmp_path), "-c", "user.name=A", "-c", "user.email=a@b"]
    (tmp_path / "file").write_text("1")
    for words in (["init", "-q"], ["add", "file"], ["commit", "-qm", "first"]):
        subprocess.run([*command, *words], check=True)
    assert len(commit(tmp_path)) == 40
    (tmp_path / "file").write_text("2")
    assert commit(tmp_path).endswith("-dirty")


# What a job does, without Snakemake.
RECORDING = """
import json
from pathlib import Path
from types import SimpleNamespace
from perturbselect.records.record import commit, read_records, recorded

class Named(SimpleNamespace):
    def items(self):
        return vars(self).items()

job = SimpleNamespace(
    rule="note", input=[], output=["results/note.txt"], log=["results/logs/note.log"], params=Named(),
    wildcards=Named(), threads=1,
)
with recorded(job):
    open("results/note.txt", "w").close()
print(json.dumps([record["commit"] for record in read_records(Path())] + [commit()]))
"""


def test_a_record_holds_the_commit_of_the_workflow(tmp_path):
    """In a git checkout, and nothing elsewhere; the study's own folder does not matter."""
    workflow, study = tmp_path / "workflow", tmp_path / "study"
    shutil.copytree(PACKAGE, workflow / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    (study / "results").mkdir(parents=True)

    def recorded_commits():
        environment = os.environ | {"PYTHONPATH": str(workflow), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", RECORDING]
        done = subprocess.run(command, cwd=study, env=environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    assert recorded_commits() == [None, None]
    git = ["git", "-C", str(workflow), "-c", "user.name=A", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert recorded_commits() == 2 * [head.stdout.strip()]


def test_the_table_has_a_row_for_each_output_and_fits_its_schema(study):
    table = provenance_table(read_records(study))
    check_table(table, table_schema("provenance"))
    assert set(table.columns) == set(table_schema("provenance")["properties"])
    assert table["file"].tolist() == sorted(table["file"])
    row = table.set_index("file").loc["results/a/scores1.tsv"]
    assert [file["file"] for file in json.loads(row["inputs"])][1] == "results/a/split1.tsv"
    assert pd.notna(row["machine"])


def test_the_crate_holds_results_workflow_and_every_job(study):
    crate.main(["made/crate", "--study", str(study), "--license", "CC0"])
    graph = read_json(study / "made/crate/ro-crate-metadata.json")["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    assert len(entities) == len(graph)
    actions = [entity for entity in graph if entity["@type"] == "CreateAction"]
    assert len(actions) == 1 + 6
    mentioned = json.dumps(graph)
    assert str(study) not in mentioned
    for name, entity in entities.items():
        for value in entity.values():
            for reference in value if isinstance(value, list) else [value]:
                if isinstance(reference, dict) and not reference["@id"].startswith("https://"):
                    assert reference["@id"] in entities, (name, reference)
    for part in entities["./"]["hasPart"]:
        assert (study / "made/crate" / part["@id"]).is_file()
    assert not list((study / "made/crate").rglob("*.h5ad"))
    with pytest.raises(SystemExit, match="is there already"):
        crate.main(["made/crate", "--study", str(study)])


def test_a_crate_warns_of_another_commit(study, capsys):
    crate.main(["made/first", "--study", str(study)])
    assert "WARNING" not in capsys.readouterr().err
    path = study / "results/provenance/a/split0.json"
    path.write_text(json.dumps(read_json(path) | {"commit": "0" * 40}))
    crate.main(["made/second", "--study", str(study)])
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "WARNING" in line]
    assert "0" * 40 in line


def test_a_reader_of_crates_reads_it(study):
    rocrate = pytest.importorskip("rocrate.rocrate", reason="rocrate is not installed; make env")
    crate.main(["made/crate", "--study", str(study)])
    read = rocrate.ROCrate(study / "made/crate")
    assert read.name == "A study"
    assert read.mainEntity.id == "workflow/Snakefile"
    assert len(read.get_by_type("CreateAction")) == 7
    assert read.dereference("results/tables/scores.tsv")["sha256"]
