"""Strategies that choose in rounds, in the workflow: what they read, and a run that is killed in round 3."""

import re
import shutil

import pytest
from anndata import read_h5ad
from command_line import EFFORT, Workflow, kill_all
from test_faults import wait_for

from perturbselect.files import read_json, read_tsv
from perturbselect.provenance import file_digest
from perturbselect.table_schema import check_table, table_schema

ROUNDS = {"model": "kernel_ridge", "initial": 3, "batch": 2, "count": 3}
STRATEGIES = {
    "random": {},
    "graphreach": {"graph": "go"},
    "badge": {},
    "hybrid": {
        "acquisition": "v_optimal_rounds",
        "kernel": "prior",
        "rounds": {"start": "graphreach", "batch": 6, "count": 1},
    },
}
RUN = "tiny/rounds/badge/split0.seed0"
SCORES = "results/tables/scores.tsv"
CHANGED = ("tables/scores.tsv", "tables/perturbation_scores.parquet", "tables/missing_runs.tsv")


@pytest.fixture
def study(copy_of_finished: Workflow) -> Workflow:
    """The finished study, now with two strategies that choose in rounds; none of their jobs has run."""
    copy_of_finished.change("strategies", STRATEGIES)
    copy_of_finished.change("rounds", ROUNDS)
    copy_of_finished.change("models", {"kernel_ridge": {"kernel": "prior"}})
    copy_of_finished.change("splits", {"count": 1})
    return copy_of_finished


def made(study: Workflow) -> dict[str, object]:
    """What must be the same: all but the time and the memory that choosing took."""
    files = study.files(*CHANGED, "tiny/rounds/**/*", "tiny/selections/*/*.tsv", "tiny/predictions/**/*.h5ad")
    return {
        name: (
            {key: value for key, value in read_json(study.results / name).items() if key not in EFFORT}
            if name.endswith(".json")
            else content
        )
        for name, content in files.items()
    }


@pytest.mark.slow
def test_killed_in_round_3_and_resumed_is_the_same_to_the_byte(study, tmp_path):
    other = Workflow(study.repository, tmp_path / "undisturbed")
    shutil.copytree(study.folder, other.folder)
    undisturbed = other.start(SCORES, cores=1)
    killed = study.start(SCORES, cores=1)
    try:
        wait_for(lambda: study.files(f"{RUN}/before_round3.h5ad"), killed)
    finally:
        kill_all(killed)
    done = study.files("tiny/rounds/**/*.tsv")
    assert f"{RUN}/round2.tsv" in done
    study.finish("--unlock")
    resumed = study.jobs_run(SCORES, cores=1)
    assert resumed.get("train_round_badge", 0) <= 1  # round 3's, if its file was still being written
    assert resumed.get("select_round_badge", 0) <= 1
    assert study.files(*done) == done
    assert study.planned(SCORES) == {}
    assert undisturbed.wait(timeout=600) == 0, (other.folder / "run.log").read_text()
    assert made(study) == made(other)
    check_choices(study)
    check_inputs(study)


def check_choices(study: Workflow) -> None:
    """Selections begin with the start's picks, hold each batch in order, and are scored at the budgets."""
    folder = study.results / "tiny" / "selections"
    for strategy, start, rounds in (("badge", "random", 3), ("hybrid", "graphreach", 1)):
        picks = read_tsv(folder / strategy / "split0.seed0.tsv")
        check_table(picks, table_schema("selections"))
        assert list(picks["rank"]) == list(range(1, 10))
        assert picks["gene"].is_unique
        first = read_tsv(folder / start / "split0.seed0.tsv")["gene"][:3]
        assert list(picks["gene"][:3]) == list(first)
        batches = [
            read_tsv(study.results / f"tiny/rounds/{strategy}/split0.seed0/round{r}.tsv")
            for r in range(1, rounds + 1)
        ]
        assert list(picks["gene"][3:]) == [gene for batch in batches for gene in batch["gene"]]
        summary = read_json(folder / strategy / "split0.seed0.json")
        assert summary["rounds"]["start"] == start
        assert [each["picks"] for each in summary["rounds"]["made"]] == [6 // rounds] * rounds
        last = summary["rounds"]["made"][-1]["digests"]
        assert f"results/tiny/selections/{start}/split0.seed0.tsv" in last
        assert last == {file: file_digest(study.folder / file) for file in last}
    said = read_h5ad(study.results / RUN / "before_round2.h5ad")
    assert said.obs["measured"].sum() == 5
    assert said.n_obs == 18  # the pool, and nobody of the test set
    scores = read_tsv(study.results / "tables/scores.tsv", dtype={"budget": str})
    sizes = scores[scores["strategy"] == "badge"].groupby("budget")["n_selected"].unique().map(list)
    assert sizes.to_dict() == {"4": [4], "50pct": [9]}


def check_inputs(study: Workflow) -> None:
    """No round reads later ones, scores, or responses unless its acquisition says so."""
    read = {output.file: output for output in study.outputs(SCORES)}
    run = "results/tiny/rounds/{}/split0.seed0"
    badge = read[run.format("badge") + "/round3.tsv"]
    start = "results/tiny/selections/random/split0.seed0.tsv"
    earlier = [run.format("badge") + f"/round{r}.tsv" for r in (1, 2)]
    said = run.format("badge") + "/before_round3.h5ad"
    assert set(badge.inputs) == {"results/tiny/splits/split0.tsv", start, *earlier, said}
    assert set(read[said].inputs) == {
        *("results/tiny/splits/split0.tsv", "results/tiny/responses.h5ad"),
        *("results/tiny/kernels/prior.h5ad", start),
        *earlier,
    }
    hybrid = read[run.format("hybrid") + "/round1.tsv"]
    assert set(hybrid.inputs) == {
        *("results/tiny/splits/split0.tsv", "results/tiny/responses.h5ad"),
        *("results/tiny/kernels/prior.h5ad", "results/tiny/selections/graphreach/split0.seed0.tsv"),
    }
    assert not [file for file in read if re.search(r"/rounds/(random|graphreach)/", file)]


def test_what_is_planned(study):
    """The graph of jobs is static, and a model that does not give the features stops it before any job."""
    planned = study.planned(SCORES)
    assert planned["train_round_badge"] == planned["select_round_badge"] == 3
    assert planned["select_round_hybrid"] == planned["select_hybrid"] == planned["select_badge"] == 1
    assert "train_round_hybrid" not in planned
    study.change("strategies.badge", {"features": "grad"})
    result = study.run("--dry-run", SCORES)
    assert result.returncode != 0
    assert "strategies.badge: features: the model 'kernel_ridge' gives no 'grad'" in result.stdout
    assert "Traceback" not in result.stdout
