"""Which of a machine's GPUs a job takes: jobs that run at once spread over them."""

from __future__ import annotations

import fcntl
import itertools
import os
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

# Open until the process ends: then the kernel lets go of them, also after a kill.
_held: list[int] = []


@cache
def settle() -> None:
    """Make ``cuda`` mean, in this process, a GPU that few other jobs of this user compute on."""
    import torch

    names = [str(torch.cuda.get_device_properties(i).uuid) for i in range(torch.cuda.device_count())]
    torch.cuda.set_device(take(names, Path(tempfile.gettempdir()) / f"perturbselect-gpus.{os.getuid()}"))


def take(names: Sequence[str], folder: Path) -> int:
    """Return the position of a GPU with the fewest jobs, and hold it until the process ends.

    A lock file stands for one place on a GPU, and a further one for who is choosing: jobs that
    choose at once do so one after another. As many places as jobs that ran at once have files, so
    all of them are counted. Nobody waits for a place; how many jobs run at once is for the
    scheduler to say (``--resources gpu=N``).

    Parameters
    ----------
    names : sequence of str
        What identifies each GPU, whatever its number in this process (its UUID).
    folder : path
        Where the lock files lie, on this machine, of this user.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    choosing = _open(folder / "choosing")
    try:
        fcntl.flock(choosing, fcntl.LOCK_EX)
        busy = [sum(_is_held(place) for place in folder.glob(f"{name}.*.lock")) for name in names]
        chosen = busy.index(min(busy))
        places = (_lock(folder / f"{names[chosen]}.{place}.lock") for place in itertools.count())
        _held.append(next(file for file in places if file is not None))
    finally:
        os.close(choosing)
    return chosen


def _is_held(place: Path) -> bool:
    """Say whether a process holds this file."""
    file = _lock(place)
    if file is not None:
        os.close(file)
    return file is None


def _lock(path: Path) -> int | None:
    """Open a file and hold it until it is closed; None if another process holds it."""
    file = _open(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _open(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
