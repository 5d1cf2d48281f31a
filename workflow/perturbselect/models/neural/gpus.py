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

    A lock file stands for one place on a GPU. The first free place is taken: the first
    places of all GPUs, then the second ones, and so on. So nobody waits; how many
    jobs run at once is for the scheduler to say (``--resources gpu=N``).

    Parameters
    ----------
    names : sequence of str
        What identifies each GPU, whatever its number in this process (its UUID).
    folder : path
        Where the lock files lie, on this machine, of this user.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    for place in itertools.count():
        for i, name in enumerate(names):
            file = os.open(folder / f"{name}.{place}.lock", os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                continue
            _held.append(file)
            return i
    raise AssertionError("there is always another place")  # pragma: no cover
