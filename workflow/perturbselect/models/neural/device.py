"""The device that computes, and its memory when it runs out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeVar

import torch

from perturbselect.errors import InputError
from perturbselect.models.neural.gpus import settle

Result = TypeVar("Result")


def usable(device: str) -> str:
    """Return 'cpu' or 'cuda' for 'auto', 'cpu' or 'cuda'; which GPU ``cuda`` is, is settled here.

    Raises
    ------
    InputError
        If a GPU is asked for and there is none.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device: 'cuda', but this machine has no usable GPU; use 'cpu' or 'auto'")
    if device == "cuda":
        settle()
    return device


def in_chunks(
    compute: Callable[[int], Result],
    size: int,
    least: int,
    unit: str,
    clear: Callable[[], object] = lambda: None,
) -> Result:
    """Call `compute` with the size of a chunk; with half of it while memory runs out.

    Parameters
    ----------
    compute : callable
        From the size to the result.
    size, least : int
        To begin with, and that of one perturbation.
    unit : str
        What is counted, for the warning.
    clear : callable
        Lets go of what was kept between calls.

    Raises
    ------
    InputError
        If it does not suffice for one perturbation.
    """
    while True:
        try:
            return compute(size)
        except torch.OutOfMemoryError as error:
            if size <= least:
                raise out_of_memory() from error
            size //= 2
        clear()
        release_memory(f"now {size} {unit} at once")


def release_memory(remedy: str) -> None:
    """Release what nothing refers to any more, and warn."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    warnings.warn(f"the device's memory ran out: {remedy}", stacklevel=2)


def out_of_memory() -> InputError:
    """Return the error for when not even one perturbation fits."""
    return InputError(
        "the device's memory does not suffice for one perturbation at a time: "
        "use a smaller `hidden`, fewer genes, or `device: cpu`"
    )
