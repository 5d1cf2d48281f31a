"""What a job leaves about itself, and what is made of it: the table, the tree, the crate."""

import hashlib
import json
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest

from perturbselect.errors import InputError
from perturbselect.files import read_json
from perturbselect.job import logged
from perturbselect.provenance import locked_versions
from perturbselect.records import crate, trace
from perturbselect.records.record import commit, fingerprint, peak_memory_mb, read_records, record_path
from perturbselect.records.table import provenance_table
from perturbselect.table_schema import check_table, table_schema


class Named(SimpleNamespace):
    """As Snakemake's named lists, as far as a record needs them."""

    def items(self):
        return vars(self).items()


def job(rule, inputs, outputs, **wildcards):
    """A job as Snakemake hands it to a script."""
    return SimpleNamespace(
        rule=rule,
        input=inputs,
        output=outputs,
        log=[outputs[0].replace("results/", "results/logs/").rpartition(".")[0] + ".log"],
        params=Named(code="c0de", seed=[7, rule], share=0.5),
        wildcards=Named(**wildcards),
        threads=1,
    )


def run(monkeypatch, job):
    monkeypatch.setattr(sys.modules["__main__"], "snakemake", job, raising=False)
    with logged(job.log[0]):
        for file in job.output:
            with open(file, "w") as output:
                output.write(f"made by {job.rule}\n")


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Two runs of a chain: screen → split → score of split 0 and 1 → table."""
    monkeypatch.chdir(tmp_path)
    for folder in ("results/tables", "results/a"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "screen.csv").write_text("counts\n")
    (tmp_path / "results/study.yaml").write_text("title: A study\n")
    run(monkeypatch, job("read", ["screen.csv"], ["results/a/responses.h5ad"], dataset="a"))
    for split in "01":
        files = [f"results/a/split{split}.tsv"], [f"results/a/scores{split}.tsv"]
        run(monkeypatch, job("split", ["results/a/responses.h5ad"], files[0], dataset="a", split=split))
        run(
            monkeypatch,
            job("score", ["results/a/responses.h5ad", *files[0]], files[1], dataset="a", split=split),
        )
    table = "results/tables/scores.tsv"
    run(monkeypatch, job("collect", ["results/a/scores0.tsv", "results/a/scores1.tsv"], [table]))
    (tmp_path / table).write_text("dataset\tsplit\tmodel\tvalue\na\t0\t\t1\na\t1\t\t2\n")
    records = read_json("results/provenance/tables/scores.json")
    records["outputs"] = [fingerprint(table)]
    (tmp_path / "results/provenance/tables/scores.json").write_text(json.dumps(records))
    return tmp_path


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


def test_peak_memory_is_the_process_s_own():
    """Not that of a larger process that started it."""
    program = "from perturbselect.records.record import peak_memory_mb; print(peak_memory_mb())"
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


def test_the_table_has_a_row_for_each_output_and_fits_its_schema(study):
    table = provenance_table(read_records(study))
    check_table(table, table_schema("provenance"))
    assert set(table.columns) == set(table_schema("provenance")["properties"])
    assert table["file"].tolist() == sorted(table["file"])
    row = table.set_index("file").loc["results/a/scores1.tsv"]
    assert [file["file"] for file in json.loads(row["inputs"])][1] == "results/a/split1.tsv"
    assert pd.notna(row["machine"])


def test_the_tree_of_a_file(study, capsys):
    trace.main(["results/tables/scores.tsv"])
    printed = capsys.readouterr().out
    for word in ("collect", "score:", "split:", "read:", "screen.csv", "and 1 more made by score", "numpy "):
        assert word in printed
    assert "split1.tsv" not in printed
    assert "see above" in printed  # the responses, read by two jobs
    trace.main(["results/tables/scores.tsv", "--all"])
    assert "split1.tsv" in capsys.readouterr().out


def test_the_tree_of_a_row(study, capsys):
    trace.main([str(study / "results/tables/scores.tsv"), "--row", "2"])
    printed = capsys.readouterr().out
    assert "results/a/split1.tsv" in printed
    assert "split0" not in printed
    assert "scores0" not in printed


def test_the_tree_of_a_row_whose_job_made_several_runs(study, monkeypatch, capsys):
    """A job that trains all runs of a strategy has no split among its wildcards; its files have."""
    made = [f"results/a/model/split{split}.seed0/predictions.h5ad" for split in "01"]
    for file in made:
        (study / file).parent.mkdir(parents=True)
    training = job("train", ["results/a/split0.tsv", "results/a/split1.tsv"], made, dataset="a")
    training.log = ["results/logs/a/model.log"]
    training.params.seed = [[7, "train", 0, 0], [7, "train", 1, 0]]
    run(monkeypatch, training)
    run(monkeypatch, job("score", made, ["results/a/scores1.tsv"], dataset="a"))
    trace.main([str(study / "results/tables/scores.tsv"), "--row", "2"])
    printed = capsys.readouterr().out
    assert made[1] in printed
    assert "results/a/split1.tsv" in printed
    assert "split0" not in printed
    assert "seed 7 train 1 0, " in printed
    trace.main([str(study / "results/a/model/split1.seed0/predictions.h5ad")])
    assert "seed 7 train 0 0 (and those of 1 more runs)" in capsys.readouterr().out


def test_the_tree_shows_what_does_not_fit(study, capsys):
    """A source that was changed since, and a file that was made again after it was read."""
    (study / "screen.csv").write_text("other counts\n")
    path = study / "results/provenance/a/split0.json"
    record = read_json(path)
    record["outputs"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(record))
    trace.main(["results/tables/scores.tsv"])
    printed = capsys.readouterr().out
    assert "CHANGED SINCE" in next(line for line in printed.splitlines() if "screen.csv" in line)
    assert "made anew since" in next(line for line in printed.splitlines() if "split0.tsv" in line)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["elsewhere/scores.tsv"], "only files under results/"),
        (["results/a/none.tsv"], "no record of a job that made it"),
        (["results/tables/scores.tsv", "--row", "3"], "it has rows 1 to 2"),
    ],
)
def test_what_cannot_be_traced(study, arguments, message):
    with pytest.raises(SystemExit, match=message):
        trace.main(arguments)


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


def test_a_reader_of_crates_reads_it(study):
    rocrate = pytest.importorskip("rocrate.rocrate", reason="rocrate is not installed; make env")
    crate.main(["made/crate", "--study", str(study)])
    read = rocrate.ROCrate(study / "made/crate")
    assert read.name == "A study"
    assert read.mainEntity.id == "workflow/Snakefile"
    assert len(read.get_by_type("CreateAction")) == 7
    assert read.dereference("results/tables/scores.tsv")["sha256"]
