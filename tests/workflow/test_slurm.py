"""The tiny study on a real SLURM, which `make test-slurm` starts on this machine."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import Workflow, begin_with, counted_jobs, measured_content

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

TARGETS = (
    "results/tables/areas.tsv",
    "results/tables/ranks.tsv",
    "results/tables/laboratory.tsv",
    *(
        f"results/tiny/tables/{table}.tsv"
        for table in ("coverage.go", "coverage.interactions", "error_by_distance", "risk_coverage")
    ),
)


@pytest.fixture(scope="module", autouse=True)
def slurm() -> None:
    """The SLURM that tests/slurm/loopback.sh started, and no other."""
    conf = Path("/etc/slurm/slurm.conf")
    if not conf.exists() or "ClusterName=loopback" not in conf.read_text():
        pytest.skip("no SLURM was started for the tests: make test-slurm")
    asked("sinfo")


def asked(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def profile(study: Workflow) -> tuple[str, str]:
    return "--profile", str(study.repository / "profiles" / "slurm-loopback")


def queue(folder: Path, *states: str) -> list[str]:
    """Numbers of the jobs of a study that wait or run (or are in one of these states)."""
    listed = asked("squeue", "--noheader", "--format=%i|%Z", *[f"--states={state}" for state in states])
    rows = [row.split("|") for row in listed.splitlines()]
    return [number for number, place in rows if Path(place) == folder.resolve()]


def jobs_of(folder: Path) -> list[dict[str, str]]:
    """What SLURM knows of a study's jobs, as long as it remembers (`MinJobAge`)."""
    listed = asked("scontrol", "show", "job", "--oneliner").splitlines()
    jobs = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in listed]
    return [job for job in jobs if Path(job["WorkDir"]) == folder.resolve()]


def submitted(folder: Path) -> dict[str, str]:
    """What the jobs of a study were given, by their comment."""
    return {
        job["Comment"]: f"{job['Partition']} {job.get('TresPerJob', '')}".strip() for job in jobs_of(folder)
    }


def states(folder: Path) -> list[str]:
    """How the jobs of a study ended."""
    return sorted(job["JobState"] for job in jobs_of(folder))


def test_tables_are_those_of_a_local_run_to_the_byte(workflow, finished):
    run = workflow.finish(*TARGETS, *profile(workflow))
    assert "Traceback" not in run
    given = submitted(workflow.folder)
    networks = {name for name in given if name.startswith("rule_train_gears")}
    assert len(networks) == 6
    assert {given[name] for name in networks} == {"gpu gres:gpu:1"}
    assert {given[name] for name in given.keys() - networks} == {"cpu"}

    made = workflow.files("tiny/**/*", "tables/*")
    assert len(made) > 70
    local = finished.files("**/*")
    local = measured_content({name: local[name] for name in made})
    assert not [name for name, content in measured_content(made).items() if content != local[name]]
    assert workflow.planned(*TARGETS) == {}  # also for a local run nothing is left to do


def test_jobs_of_a_killed_run_are_cancelled_before_it_goes_on(workflow, finished, tmp_path):
    target = "results/tiny/responses.h5ad"
    other = tmp_path / "other"
    other.mkdir()
    name = ("--job-name", "perturbselect_other", "--chdir", str(other), "--output", "/dev/null")
    asked("sbatch", *name, "--mem", "100", "--wrap", "sleep 600")
    run = workflow.start(target, *profile(workflow))
    try:
        end = time.monotonic() + 60
        while not queue(workflow.folder, "RUNNING"):
            assert time.monotonic() < end, (workflow.folder / "run.log").read_text()
            time.sleep(0.2)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        orphans = queue(workflow.folder)
        assert orphans == queue(workflow.folder, "RUNNING")  # SLURM knows nothing of the main process
        command = (sys.executable, "-m", "perturbselect.orphans", "--study", str(workflow.folder))
        package = {"PYTHONPATH": str(workflow.repository / "workflow")}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | package)
        *cancelled, last = done.stdout.splitlines()
        assert [line.split()[:2] for line in cancelled] == [["cancelled", number] for number in orphans]
        assert last == f"1 jobs of {workflow.folder} were in the queue"
        assert queue(workflow.folder) == []
        assert len(queue(other)) == 1
    finally:
        asked("scancel", *queue(workflow.folder), *queue(other))
    workflow.finish("--unlock")
    workflow.finish(target, *profile(workflow))
    assert workflow.files("tiny/responses.h5ad") == finished.files("tiny/responses.h5ad")
    assert not list(workflow.folder.rglob(".partial*"))


def test_a_job_past_its_time_limit(copy_of_finished, own_repository):
    """SLURM ends it a minute after its start; it says so and leaves nothing, and the others go on."""
    begin_with(own_repository, "split.py", "import time\ntime.sleep(600)")
    study = Workflow(own_repository, copy_of_finished.folder)
    targets = (split, kernel) = "results/tiny/splits/split0.tsv", "results/tiny/kernels/prior.h5ad"
    for file in targets:
        (study.folder / file).unlink()
    minute = ("--set-resources", "split:runtime=1", "--retries", "0")
    run = study.run(*targets, *profile(study), *minute)
    assert run.returncode != 0
    assert states(study.folder) == ["COMPLETED", "TIMEOUT"]
    log = study.folder / "results" / "logs" / "tiny" / "splits" / "split0.log"
    assert "ERROR: ended by SIGTERM: past its time limit, or cancelled" in log.read_text()
    assert counted_jobs(run.stdout) == {"kernel": 1}
    assert not (study.folder / split).exists()
    assert (study.folder / kernel).exists()
