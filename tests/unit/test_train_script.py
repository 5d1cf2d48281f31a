"""The script of a training job, ended in the middle and started again."""

import dataclasses
import runpy
import signal

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

pytest.importorskip("torch")

from perturbselect.files import read_h5ad, write_h5ad, write_tsv
from perturbselect.models.gears import Gears
from perturbselect.models.neural.checkpoint import Checkpoint
from perturbselect.models.neural.training import Run

POOL = [f"P{i}" for i in range(10)]
TEST = ["Q0", "Q1"]


class Named(dict):
    """Snakemake's lists with names."""

    __getattr__ = dict.__getitem__


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A job of two budgets: 5 and 10 perturbations."""
    names = POOL + TEST
    generator = np.random.default_rng(0)
    responses = AnnData(
        generator.standard_normal((12, 6)).astype(np.float32),
        obs=pd.DataFrame(index=names),
        var=pd.DataFrame(index=[f"g{i}" for i in range(6)]),
        uns={"simulated": True},
    )
    write_h5ad(responses, tmp_path / "responses.h5ad")
    write_tsv(
        pd.DataFrame({"perturbation": names, "part": ["pool"] * 10 + ["test"] * 2}), tmp_path / "split.tsv"
    )
    write_tsv(pd.DataFrame({"rank": range(1, 11), "gene": POOL}), tmp_path / "picks.tsv")
    edges = pd.DataFrame({"target": ["P0", "Q0"], "source": ["Q0", "P1"], "weight": [1.0, 1.0]})
    write_tsv(edges, tmp_path / "go.edges.tsv.gz")
    write_tsv(pd.DataFrame({"gene": names, "in_source": True}), tmp_path / "go.nodes.tsv")
    out = tmp_path / "out"
    predictions = [str(out / f"budget{budget}.h5ad") for budget in (5, 10)]
    options = dataclasses.asdict(Gears(hidden=4, steps=12, batch=4, coexpression=None))
    monkeypatch.setattr(Checkpoint, "every", 0)
    handler = signal.getsignal(signal.SIGTERM)
    yield Named(
        log=[str(tmp_path / "train.log")],
        params=Named(
            model="gears",
            label="gears",
            options=options,
            graphs=["go"],
            kernels=[],
            budgets=[5, 10],
            device="cpu",
            seed=[1, "train"],
        ),
        input=Named(
            responses=tmp_path / "responses.h5ad",
            split=tmp_path / "split.tsv",
            picks=tmp_path / "picks.tsv",
            graphs=[tmp_path / "go.edges.tsv.gz", tmp_path / "go.nodes.tsv"],
        ),
        output=Named(predictions=predictions, history=str(out / "training.tsv")),
        wildcards=Named(dataset="d", strategy="random", split="0", seed="0"),
        resources=Named(gpu=0),
    )
    signal.signal(signal.SIGTERM, handler)


def run(job, repository):
    runpy.run_path(str(repository / "workflow" / "scripts" / "train.py"), {"snakemake": job})


def results(folder):
    """What a job left behind, by file name, and takes it away."""
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in folder.iterdir():
        path.unlink()
    return content


def test_a_job_that_was_ended_goes_on_and_leaves_the_same_files(job, repository, tmp_path, monkeypatch):
    run(job, repository)
    undisturbed = results(tmp_path / "out")
    assert set(undisturbed) == {"budget5.h5ad", "budget10.h5ad", "training.tsv"}

    whole = Run.epoch
    count = [0]

    def counted(run, *arguments):
        count[0] += 1
        if count[0] == 8:  # in the second budget's second epoch: the first takes six
            raise KeyboardInterrupt
        return whole(run, *arguments)

    monkeypatch.setattr(Run, "epoch", counted)
    with pytest.raises(KeyboardInterrupt):
        run(job, repository)
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left == {"budget5.h5ad", "budget5.checkpoint", "budget10.checkpoint"}
    for path in (tmp_path / "out").glob("*.h5ad"):
        path.unlink()  # as Snakemake does with what a failed job made
    count[0] = 100
    run(job, repository)
    assert count[0] == 103  # of the second budget's four epochs, three were left
    assert "resumed from" in (tmp_path / "train.log").read_text()
    assert results(tmp_path / "out") == undisturbed


def test_what_was_measured_already_trains_and_is_not_counted(job, repository, tmp_path):
    """Curves, data-saving factors and laboratory prices are made of `n_selected`: what the budget bought."""
    picks = pd.DataFrame({"rank": [0, 0, *range(1, 9)], "gene": POOL})
    write_tsv(picks, tmp_path / "picks.tsv")
    job["params"] |= {"model": "training_mean", "label": "mean", "options": {}, "graphs": []}
    run(job, repository)
    responses = read_h5ad(tmp_path / "responses.h5ad")
    for path, bought in zip(job["output"]["predictions"], (5, 8), strict=True):
        prediction = read_h5ad(path)
        assert prediction.uns["n_selected"] == bought  # of the 10 of the second budget, 8 are left
        expected = responses[POOL[: 2 + bought]].X.mean(axis=0)
        np.testing.assert_allclose(prediction.X[0], expected, rtol=1e-5)
