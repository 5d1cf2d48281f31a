"""A file from which a training goes on after it was ended."""

from __future__ import annotations

import os
import pickle
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch

from perturbselect.files import replacing


class Checkpoint:
    """Where a training saves its state, and what training it is.

    Parameters
    ----------
    path : path
        The file; it need not exist.
    training : dict of str to text or number
        What makes this training what it is: shapes, options, seed, digest of the data. A
        file that says something else belongs to another training and is left alone.
    """

    every: ClassVar[float] = 30.0  # seconds between two savings, at least
    layout: ClassVar[int] = 2  # of the state; another number is another training

    def __init__(self, path: str | os.PathLike, training: dict[str, Any]) -> None:
        self.path, self.training = Path(path), training | {"layout": self.layout}
        self._last = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """Return the state saved, or None if there is none that fits.

        A file that cannot be read, or is of another training, is ignored with a warning: the
        training then starts from the beginning and overwrites it.
        """
        if not self.path.exists():
            return None
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            theirs, state = content["training"], content["state"]
        except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
            self._ignore(f"it cannot be read ({type(error).__name__})")
            return None
        keys = sorted(set(theirs) | set(self.training))
        differ = [
            f"{key}: {theirs.get(key)} there, {self.training.get(key)} here"
            for key in keys
            if theirs.get(key) != self.training.get(key)
        ]
        if differ:
            self._ignore("it belongs to another training (" + "; ".join(differ) + ")")
            return None
        print(f"resumed from {self.path}, step {state['step']}")
        return state

    def _ignore(self, why: str) -> None:
        warnings.warn(
            f"checkpoint {self.path} is ignored: {why}; training starts from the beginning", stacklevel=3
        )

    def save_now_and_then(self, state: Callable[[], dict[str, Any]]) -> None:
        """Save the state unless the last saving (or the start) was less than `every` seconds ago."""
        if time.monotonic() - self._last < self.every:
            return
        with replacing(self.path) as partial:
            torch.save({"training": self.training, "state": state()}, partial)
        self._last = time.monotonic()
