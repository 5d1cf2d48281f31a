"""Which GPU a job takes: processes that run at once spread over them (names stand for GPUs here)."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from perturbselect.errors import InputError  # noqa: E402
from perturbselect.models.neural import device, gpus  # noqa: E402

# Take a GPU, say which, and hold it until the standard input is closed.
JOB = """
import sys
from pathlib import Path
from perturbselect.models.neural.gpus import take
print(take(sys.argv[2:], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path):
    jobs = []

    def start(*names):
        command = [sys.executable, "-c", JOB, str(tmp_path / "gpus"), *names]
        job = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        jobs.append(job)
        return job, int(job.stdout.readline())

    yield start
    for job in jobs:
        job.kill()
        job.communicate()


def test_jobs_spread_over_the_gpus_and_a_killed_job_frees_its_own(start):
    first, taken = start("a", "b")
    assert taken == 0
    assert start("b", "a")[1] == 0  # b, which is number 0 for a process that sees them in another order
    assert start("a", "b")[1] == 0  # both are taken: the second place of a
    first.kill()
    first.wait()
    assert start("a", "b")[1] == 0
    assert start("a", "b")[1] == 1


def test_all_jobs_count_whatever_places_they_hold(start):
    """The job on a's first place ends: a still has two, b has none but one."""
    jobs = [start("a")[0] for _ in range(3)]
    assert start("a", "b")[1] == 1
    jobs[0].kill()
    jobs[0].wait()
    assert start("a", "b")[1] == 1


def test_cuda_means_the_gpu_that_was_taken(tmp_path, monkeypatch):
    """Without a GPU: torch's words for it are replaced."""
    chosen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda i: SimpleNamespace(uuid=f"GPU-{i}"))
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(gpus.tempfile, "gettempdir", lambda: str(tmp_path))
    gpus.settle.cache_clear()
    gpus.take(["GPU-0"], tmp_path / f"perturbselect-gpus.{gpus.os.getuid()}")  # another job's
    assert device.usable("cuda") == "cuda"
    assert device.usable("auto") == "cuda"  # for the next budget of the same job: the same GPU
    assert chosen == [1]
    assert device.usable("cpu") == "cpu"
    gpus.settle.cache_clear()


def test_no_gpu_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.usable("auto") == "cpu"
    with pytest.raises(InputError, match="no usable GPU"):
        device.usable("cuda")
