"""What a cluster is asked for: stubs of SLURM's commands write down the submitted line and run nothing."""

import os
import re
from collections.abc import Callable

import pytest
from command_line import Workflow

GEARS = "results/tiny/predictions/gears/degree/split{split}.seed0/training.tsv"
KERNEL = "results/tiny/kernels/prior.h5ad"
# Every job fails at once, so that it is submitted again as often as the profile says.
STUBS = {
    "sbatch": 'n=$(($(ls "$SUBMITTED" | wc -l) + 1)); printf "%s\\n" "$@" > "$SUBMITTED/$n"; echo $n',
    "sacct": "",
    "squeue": 'for n in $(ls "$SUBMITTED"); do echo "$n|FAILED"; done',
    "scontrol": 'echo "MinJobAge = 300 sec"',
    "sinfo": "echo 'cpu*'",
    "scancel": "",
    "sacctmgr": "",
}


@pytest.fixture
def submitted(copy_of_finished: Workflow, tmp_path, monkeypatch) -> Callable[..., list[str]]:
    """Make these files of a finished study anew through the profile; return the submitted lines."""
    stubs, lines = tmp_path / "stubs", tmp_path / "submitted"
    stubs.mkdir()
    lines.mkdir()
    for name, body in STUBS.items():
        (stubs / name).write_text(f"#!/bin/sh\n{body}\n")
        (stubs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{stubs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SUBMITTED", str(lines))
    profile = copy_of_finished.repository / "profiles" / "slurm"
    quickly = (
        *("--slurm-status-command", "squeue"),
        *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1"),
    )

    def submitted(*arguments: str, targets: list[str]) -> list[str]:
        copy_of_finished.change("device", "cuda")
        for file in targets:
            (copy_of_finished.folder / file).unlink()
        run = copy_of_finished.run(*targets, "--profile", str(profile), *quickly, *arguments)
        assert run.returncode != 0
        assert "Traceback" not in run.stdout, run.stdout
        files = sorted(lines.iterdir(), key=lambda path: int(path.name))
        return [file.read_text().partition("--wrap=")[0].replace("\n", " ") for file in files]

    return submitted


def asked(line: str) -> dict[str, str]:
    """Return what a submitted line asks for."""
    patterns = {
        "partition": r"-p (\S+)",
        "minutes": r"-t (\d+)",
        "mb": r"--mem (\d+)",
        "gpus": r"--gpus=(\d+)",
        "cpus": r"--cpus-per-task=(\d+)",
    }
    found = {name: re.search(pattern, line) for name, pattern in patterns.items()}
    return {name: match[1] for name, match in found.items() if match}


@pytest.mark.slow
def test_a_network_asks_for_a_gpu_and_for_more_each_time_it_fails(submitted):
    lines = submitted(targets=[GEARS.format(split=0)])
    assert [asked(line) for line in lines] == [
        {"cpus": "1", "partition": "cpu", "minutes": str(120 * n), "mb": str(4000 * n), "gpus": "1"}
        for n in (1, 2, 3)
    ]
    assert all(re.search(r"--job-name perturbselect_[0-9a-f-]{36} ", line) for line in lines)
    assert "--comment rule_train_gears_wildcards_tiny_degree_0_0" in lines[0]


@pytest.mark.slow
def test_other_jobs_ask_for_no_gpu(submitted):
    lines = submitted("--retries", "0", targets=[KERNEL])
    assert [asked(line) for line in lines] == [
        {"cpus": "1", "partition": "cpu", "minutes": "60", "mb": "4000"}
    ]


@pytest.mark.slow
def test_memory_grows_with_the_input(submitted, copy_of_finished):
    """Ten times its size: here a sparse file of 600 MB beside the others."""
    source = copy_of_finished.results / "simulations" / "tiny" / "gene2go.tsv.gz"
    os.truncate(source, 600 * 2**20)
    (line,) = submitted("--retries", "0", "--rerun-triggers", "params", targets=[KERNEL])
    assert asked(line) == {"cpus": "1", "partition": "cpu", "minutes": "60", "mb": "6000"}


@pytest.mark.slow
def test_what_a_site_calls_its_partition_and_a_run_without_gpus(submitted):
    words = ("--default-resources", "slurm_partition=short", "--resources", "gpu=0", "--retries", "0")
    (line,) = submitted(*words, targets=[GEARS.format(split=0)])
    assert asked(line) == {"cpus": "1", "partition": "short", "minutes": "120", "mb": "4000"}


def test_grouped_jobs_share_one_gpu(submitted):
    words = ("--groups", "train_gears=networks", "--group-components", "networks=2", "--retries", "0")
    (line,) = submitted(*words, targets=[GEARS.format(split=split) for split in (0, 1)])
    assert asked(line) == {"cpus": "1", "partition": "cpu", "minutes": "240", "mb": "4000", "gpus": "1"}
