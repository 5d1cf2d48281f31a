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
from perturbselect.models.run_file import by_budget

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
            seed=[[1, "train", 0, 3]],
        ),
        input=Named(
            responses=tmp_path / "responses.h5ad",
            splits=[tmp_path / "split.tsv"],
            picks=[tmp_path / "picks.tsv"],
            graphs=[tmp_path / "go.edges.tsv.gz", tmp_path / "go.nodes.tsv"],
        ),
        output=Named(predictions=[str(out / "predictions.h5ad")], history=str(out / "training.tsv")),
        wildcards=Named(dataset="d", strategy="random"),
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
    assert set(undisturbed) == {"predictions.h5ad", "training.tsv"}

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
    assert left == {"budget5.checkpoint", "budget10.checkpoint"}
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
    found = by_budget(read_h5ad(tmp_path / "out" / "predictions.h5ad"))
    for prediction, bought in zip(found, (5, 8), strict=True):
        assert prediction.uns["n_selected"] == bought  # of the 10 of the second budget, 8 are left
        expected = responses[POOL[: 2 + bought]].X.mean(axis=0)
        np.testing.assert_allclose(prediction.X[0], expected, rtol=1e-5)


def test_one_job_trains_several_runs_each_on_its_own_picks(job, repository, tmp_path):
    parts = pd.DataFrame({"perturbation": POOL + TEST, "part": ["test"] * 2 + ["pool"] * 10})
    write_tsv(parts, tmp_path / "split1.tsv")
    others = (POOL + TEST)[:1:-1]
    write_tsv(pd.DataFrame({"rank": range(1, 11), "gene": others}), tmp_path / "picks1.tsv")
    job["params"] |= {"model": "training_mean", "label": "mean", "options": {}, "graphs": []}
    job["params"]["seed"] = [[1, "train", 0, 3], [1, "train", 1, 3]]
    for key, file in (("splits", "split1.tsv"), ("picks", "picks1.tsv")):
        job["input"][key] = [*job["input"][key], tmp_path / file]
    made = [tmp_path / f"run{place}" for place in (0, 1)]
    job["output"] = Named(
        predictions=[str(folder / "predictions.h5ad") for folder in made],
        history=str(tmp_path / "training.tsv"),
    )
    run(job, repository)
    responses = read_h5ad(tmp_path / "responses.h5ad")
    for split, (picks, test) in enumerate([(POOL, TEST), (others, POOL[:2])]):
        part = next(by_budget(read_h5ad(made[split] / "predictions.h5ad")))
        assert part.obs_names.tolist() == test
        assert (part.uns["split"], part.uns["seed"]) == (split, 3)
        np.testing.assert_allclose(part.X[0], responses[picks[:5]].X.mean(axis=0), rtol=1e-5)
    assert (tmp_path / "training.tsv").exists()


def test_several_networks_leave_no_checkpoint(job, repository, tmp_path):
    job.params["options"] |= {"members": 2}
    run(job, repository)
    assert sorted(results(tmp_path / "out")) == ["predictions.h5ad", "training.tsv"]
