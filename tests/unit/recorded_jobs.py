"""A study of jobs that leave records as those of the workflow do, without Snakemake."""

import json
import os
import sys
from types import SimpleNamespace

from perturbselect.files import read_json
from perturbselect.job import logged
from perturbselect.records.record import fingerprint


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


def made(monkeypatch, rule, inputs, outputs, seed=None, **wildcards):
    """Run a job; its record lies where that of the first output would, without its ending."""
    for file in outputs:
        os.makedirs(os.path.dirname(file), exist_ok=True)
    this = job(rule, inputs, outputs, **wildcards)
    this.params.seed = seed
    run(monkeypatch, this)
    return this


def run(monkeypatch, job):
    monkeypatch.setattr(sys.modules["__main__"], "snakemake", job, raising=False)
    with logged(job.log[0]):
        for file in job.output:
            with open(file, "w") as output:
                output.write(f"made by {job.rule}\n")


def recorded_study(folder, monkeypatch):
    """Go to a folder and make a study there: screen → split → score of split 0 and 1 → table."""
    monkeypatch.chdir(folder)
    for place in ("results/tables", "results/a"):
        (folder / place).mkdir(parents=True)
    (folder / "screen.csv").write_text("counts\n")
    (folder / "results/study.yaml").write_text("title: A study\n")
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
    (folder / table).write_text("dataset\tsplit\tmodel\tvalue\na\t0\t\t1\na\t1\t\t2\n")
    records = read_json("results/provenance/tables/scores.json")
    records["outputs"] = [fingerprint(table)]
    (folder / "results/provenance/tables/scores.json").write_text(json.dumps(records))
    return folder
