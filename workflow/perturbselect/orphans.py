"""Cancel the SLURM jobs that a killed run left: ``python -m perturbselect.orphans --study runs/mine``."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from perturbselect.errors import InputError

# Job names begin with it: `slurm-jobname-prefix` in profiles/slurm/profile.yaml.
PREFIX = "perturbselect"
SEPARATOR = "\t"  # a path may well have a | in it


class Job(NamedTuple):
    """A job in the queue, and what SLURM knows of it."""

    number: str
    name: str
    folder: str
    comment: str


def orphans(study: Path) -> list[Job]:
    """Return this user's jobs in the queue that were submitted from a study's folder."""
    listed = _slurm("squeue", "--me", "--noheader", f"--format={SEPARATOR.join(('%i', '%j', '%Z', '%k'))}")
    jobs = [Job(*line.split(SEPARATOR, 3)) for line in listed.splitlines()]
    return [job for job in jobs if job.name.startswith(f"{PREFIX}_") and Path(job.folder) == study.resolve()]


def cancel(study: Path, patience: float = 120) -> list[Job]:
    """Cancel a study's jobs and wait until they have left the queue; return those there were.

    A job that is being ended may still write. So whoever goes on before it is gone may meet it.

    Raises
    ------
    InputError
        If SLURM does not answer, or the jobs are still there after `patience` seconds.
    """
    found = orphans(study)
    if not found:
        return []
    try:
        _slurm("scancel", *[job.number for job in found])
    except InputError as error:
        # One that ended since it was listed; the others are cancelled all the same.
        if "Invalid job id" not in str(error):
            raise
    end = time.monotonic() + patience
    while left := orphans(study):
        if time.monotonic() > end:
            numbers = ", ".join(job.number for job in left)
            raise InputError(f"{study}: jobs {numbers} are still in the queue {patience:g} s after scancel")
        time.sleep(1)
    return found


def _slurm(*command: str) -> str:
    """Run one of SLURM's commands and return what it prints."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        raise InputError(f"there is no '{command[0]}': run this where SLURM's commands are") from None
    except subprocess.CalledProcessError as error:
        raise InputError(f"{command[0]} failed: {error.stderr.strip()}") from None


def main(arguments: Sequence[str] | None = None) -> None:
    """Cancel, and say what was cancelled."""
    parser = argparse.ArgumentParser(prog="python -m perturbselect.orphans", description=__doc__)
    parser.add_argument(
        "--study", type=Path, default=Path(), help="folder that the study ran in (--directory)"
    )
    study = parser.parse_args(arguments).study
    try:
        cancelled = cancel(study)
    except InputError as error:
        sys.exit(f"ERROR: {error}")
    for job in cancelled:
        print(f"cancelled {job.number} {job.comment}")
    print(f"{len(cancelled)} jobs of {study} were in the queue")


if __name__ == "__main__":
    main()
