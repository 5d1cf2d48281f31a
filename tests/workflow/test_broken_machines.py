"""A full disk, a folder that cannot be written, jobs that are ended from outside, clocks that are wrong."""

import os
import subprocess
import time
from collections.abc import Iterator

import pytest
from command_line import Workflow, begin_with, counted_jobs
from mutations import one_count_more

KERNEL = "results/tiny/kernels/prior.h5ad"
SPLIT = "results/tiny/splits/split0.tsv"


@pytest.fixture
def mount() -> Iterator:
    """Mount something over a folder until the test ends."""
    places = []

    def mount(*words: object) -> None:
        done = subprocess.run(["mount", *map(str, words)], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip() or 'it takes root'}")
        places.append(words[-1])

    yield mount
    for place in places:
        subprocess.run(["umount", "--lazy", place], capture_output=True)


def test_a_full_disk(copy_of_finished, finished, mount):
    """The job fails with one message and leaves nothing; with room it goes on to the same bytes."""
    folder = (copy_of_finished.folder / KERNEL).parent
    mount("-t", "tmpfs", "-o", "size=4k", "none", folder)
    run = copy_of_finished.run(KERNEL)
    assert run.returncode != 0
    message = f"ERROR: {KERNEL}: cannot be written (No space left on device); make room and run again"
    assert message in run.stdout
    assert list(folder.iterdir()) == []
    subprocess.run(["mount", "-o", "remount,size=1m", folder], check=True)
    assert copy_of_finished.jobs_run(KERNEL) == {"kernel": 1}
    assert copy_of_finished.files("tiny/kernels/*") == finished.files("tiny/kernels/*")


def test_results_that_cannot_be_written(copy_of_finished, mount):
    """A run says so before any job; a dry run needs no more than to read."""
    (copy_of_finished.folder / KERNEL).unlink()
    mount("--bind", copy_of_finished.results, copy_of_finished.results)
    mount("-o", "remount,ro,bind", copy_of_finished.results)
    run = copy_of_finished.run(KERNEL)
    assert run.returncode != 0
    assert "results: cannot be written; make it writable, or use another folder (--directory)" in run.stdout
    assert "Traceback" not in run.stdout
    assert counted_jobs(run.stdout) == {}
    assert copy_of_finished.planned(KERNEL) == {"kernel": 1}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        # As the kernel ends a job when memory runs out, and SLURM at the time limit.
        ("SIGKILL", "died with <Signals.SIGKILL: 9>"),
        ("SIGTERM", "ERROR: ended by SIGTERM: past its time limit, or cancelled"),
    ],
)
def test_a_job_that_is_ended_from_outside(copy_of_finished, own_repository, name, words):
    """It fails, says how and leaves nothing; the others go on."""
    begin_with(own_repository, "split.py", f"import os, signal\nos.kill(os.getpid(), signal.{name})")
    study = Workflow(own_repository, copy_of_finished.folder)
    for file in (KERNEL, SPLIT):
        (study.folder / file).unlink()
    run = study.run(KERNEL, SPLIT)
    assert run.returncode != 0
    assert words in run.stdout
    assert counted_jobs(run.stdout) == {"kernel": 1}
    assert not (study.folder / SPLIT).exists()


def test_an_input_from_the_future(copy_of_finished):
    """A result must not seem older than its source: the job stops and says so, until the date is mended."""
    source, imported = copy_of_finished.results / "simulations/tiny/cells.h5ad", "results/tiny/cells.h5ad"
    one_count_more(copy_of_finished)
    tomorrow = time.time() + 86400
    os.utime(source, (tomorrow, tomorrow))
    run = copy_of_finished.run(imported)
    assert run.returncode != 0
    assert f"Output {imported} has older modification time" in run.stdout
    assert "clock skew" in run.stdout
    assert not (copy_of_finished.folder / imported).exists()
    os.utime(source)
    assert copy_of_finished.jobs_run(imported) == {"import_h5ad": 1}
    assert copy_of_finished.planned(imported) == {}
