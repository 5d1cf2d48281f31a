"""Runs that are killed, that meet each other, and jobs that fail."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from command_line import Workflow, counted_jobs, kill_all, measured_content
from jobs import NEW_SCORES

from perturbselect.files import read_tsv


def wait_for(condition: Callable[[], object], process: subprocess.Popen, seconds: float = 300) -> None:
    """Wait until the condition holds, as long as the run goes on."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the run ended before"
        assert time.monotonic() < end, "the run did not come so far in time"
        time.sleep(0.05)


def interrupt(run: subprocess.Popen) -> None:
    """Press Ctrl-C, and again if nothing happens: Snakemake drops one that comes while it writes a message.

    In 9.27 its `ColorizingTextHandler.emit` catches KeyboardInterrupt and goes on.
    """
    for _ in range(10):
        os.killpg(run.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            run.wait(timeout=6)  # a run that does not heed it may be done in ten seconds
            return
    raise AssertionError("the run went on")


TABLES = ("coverage.go", "coverage.interactions", "error_by_distance", "risk_coverage")
# The study to its last table and page; figures only as examples, for their time.
TARGETS = (
    "results/pages/overview.html",
    "results/tables/areas.tsv",
    "results/tables/ranks.tsv",
    *(f"results/tiny/tables/{table}.tsv" for table in TABLES),
    "results/figures/tiny/response_space.svg",
    "results/figures/tiny/learning_curves.mse.svg",
)


@pytest.fixture
def killed(workflow: Workflow) -> Workflow:
    """A study whose run was ended by kill -9, all processes at once, while models trained."""
    run = workflow.start(*TARGETS, cores=1)
    try:
        wait_for(lambda: len(workflow.files("tiny/predictions/**/training.tsv")) >= 3, run)
    finally:
        kill_all(run)
    return workflow


@pytest.mark.slow
def test_killed_and_resumed_is_the_same_to_the_byte(killed, finished):
    """In another folder than the undisturbed run, and with one core instead of two."""
    done = killed.files("tiny/predictions/**/training.tsv")
    assert list((killed.folder / ".snakemake" / "scripts").iterdir())
    locked = killed.run(*TARGETS, cores=1)
    assert locked.returncode != 0
    assert "Directory cannot be locked" in locked.stdout
    assert "--unlock" in locked.stdout
    assert counted_jobs(locked.stdout) == {}

    (killed.results / "tables").mkdir(exist_ok=True)
    # As a job leaves that is killed while it writes.
    (killed.results / "tables" / ".partial.99.areas.tsv").touch()
    killed.finish("--unlock")
    resumed = killed.jobs_run(*TARGETS, cores=1)
    assert not {"simulate", "import_h5ad", "preprocess", "summarise"} & set(resumed)
    trained = sum(resumed[f"train_{model}"] for model in killed.study()["models"])
    assert 12 - len(done) <= trained <= 12 - len(done) + 1  # one was at work when it was killed
    assert killed.planned(*TARGETS) == {}

    made = killed.files("tiny/**/*", "tables/*", "figures/**/*", "simulations/**/*", "pages/*", "summary.txt")
    undisturbed = finished.files("**/*")
    assert len(made) > 90
    undisturbed = measured_content({name: undisturbed[name] for name in made})
    assert not [name for name, content in measured_content(made).items() if content != undisturbed[name]]
    assert not list(killed.folder.rglob(".partial*"))  # what the killed jobs left went with the next write
    assert not list((killed.folder / ".snakemake" / "scripts").iterdir())


@pytest.mark.slow
def test_interrupted_run_leaves_no_lock(workflow):
    """Ctrl-C: jobs end, the lock goes, the next run goes on."""
    run = workflow.start("results/tables/scores.tsv")  # far from done when it is interrupted
    try:
        wait_for(lambda: workflow.files("tiny/cells.h5ad"), run)
        time.sleep(1)  # when a job has ended, much is written
        interrupt(run)
    finally:
        kill_all(run)
    left = workflow.planned("results/tables/scores.tsv")
    assert "simulate" not in left
    assert left["collect_scores"] == 1
    workflow.finish("results/tiny/responses.h5ad")


@pytest.mark.slow
def test_two_runs_in_one_folder(workflow):
    """The second stops at once and says why, if it is to make the same files; the first is not disturbed."""
    target = "results/simulations/tiny/cells.h5ad"
    first = workflow.start(target)
    try:
        wait_for(lambda: any((workflow.folder / ".snakemake" / "locks").glob("*")), first)
        os.killpg(first.pid, signal.SIGSTOP)
        second = workflow.run(target)
        assert second.returncode != 0
        assert "Directory cannot be locked" in second.stdout
        assert counted_jobs(second.stdout) == {}
        assert workflow.jobs_run("results/study.yaml") == {"record_study": 1}
        os.killpg(first.pid, signal.SIGCONT)
        assert first.wait(timeout=120) == 0
    finally:
        kill_all(first)
    assert workflow.files("simulations/tiny/cells.h5ad")
    assert not list((workflow.folder / ".snakemake" / "locks").glob("*"))


@pytest.mark.slow
def test_failed_jobs_leave_nothing_and_the_others_go_on(copy_of_finished):
    """A kernel is cut off: its model fails with a message, what needs no kernel is made."""
    kernel = copy_of_finished.results / "tiny/kernels/prior.h5ad"
    kernel.write_bytes(kernel.read_bytes()[:-500])
    (copy_of_finished.results / "figures/tiny/coverage.go.svg").unlink()
    result = copy_of_finished.run()
    assert result.returncode != 0
    assert "ERROR: results/tiny/kernels/prior.h5ad: cannot be read as .h5ad" in result.stdout
    assert "Traceback" not in result.stdout
    assert counted_jobs(result.stdout) == {"plot_coverage": 1}
    assert not copy_of_finished.files("tiny/predictions/kernel_ridge/**/*")
    assert len(copy_of_finished.files("tiny/predictions/training_mean/**/*.h5ad")) == 6
    assert not list(copy_of_finished.folder.rglob(".partial*"))
    # The report is the old one. The next run does not take it for the new one, but tries again.
    tried_again = {"train_kernel_ridge": 3, "score": 3, **NEW_SCORES}
    assert copy_of_finished.planned() == tried_again

    # On demand, tables and report are made of the runs that are finished, and name the others.
    copy_of_finished.change("runs", "finished")
    assert copy_of_finished.planned() == {**NEW_SCORES, "record_study": 1}
    copy_of_finished.finish()
    assert copy_of_finished.planned() == {}
    tables = copy_of_finished.results / "tables"
    scores = read_tsv(tables / "scores.tsv")
    assert set(scores["model"]) == {"control_mean", "training_mean", "gears", "split_half"}
    missing = read_tsv(tables / "missing_runs.tsv")
    assert set(missing["model"]) == {"kernel_ridge"}
    assert len(missing) == 6
    for log in missing["log"]:
        assert "cannot be read as .h5ad" in (copy_of_finished.folder / log).read_text()
    notice = "6 of 18 runs are missing (tiny, kernel_ridge, degree: 2; "
    assert f"! {notice}" in (copy_of_finished.results / "summary.txt").read_text()
    assert notice in (copy_of_finished.results / "pages" / "overview.html").read_text()

    # What is mended is made again, with all that hangs on it.
    copy_of_finished.change("runs", "all")
    assert copy_of_finished.planned() == {**tried_again, "record_study": 1}
