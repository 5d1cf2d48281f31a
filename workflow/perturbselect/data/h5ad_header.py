"""Read the names in an .h5ad - columns, labels, barcodes - without loading its numbers.

anndata itself takes longer to import than this takes to run, and the config is checked
at every start of the workflow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from perturbselect.errors import InputError


class Header:
    """The names in an open .h5ad.

    Parameters
    ----------
    file : h5py.File
    """

    def __init__(self, file: h5py.File) -> None:
        self.file = file

    @property
    def layers(self) -> list[str]:
        """Names of the layers."""
        return list(self.file.get("layers", ()))

    def columns(self, part: str) -> list[str]:
        """Return the columns of ``obs`` or ``var``."""
        return [str(name) for name in self.file[part].attrs["column-order"]]

    def index(self, part: str) -> np.ndarray:
        """Return the index of ``obs`` or ``var`` as text."""
        return self.column(part, self.file[part].attrs["_index"])

    def column(self, part: str, name: str) -> np.ndarray:
        """Return a column as text; missing values are None."""
        group, item = self.file[part], self.file[part][name]
        if isinstance(item, h5py.Group) and "categories" in item:
            return _categorical(item["codes"], item["categories"])
        if isinstance(item, h5py.Group):
            values = _text(item["values"])
            values[item["mask"][:]] = None
            return values
        if "__categories" in group and name in group["__categories"]:  # anndata before 0.8
            return _categorical(item, group["__categories"][name])
        return _text(item)


@contextmanager
def header(path: str | os.PathLike) -> Iterator[Header]:
    """Open an .h5ad for its names.

    Raises
    ------
    InputError
        If the file is absent, truncated or no .h5ad.
    """
    if not Path(path).exists():
        raise InputError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            yield Header(file)
    except (OSError, KeyError, TypeError, RuntimeError) as error:
        raise InputError(
            f"{path}: cannot be read as .h5ad ({error}); it may be truncated: fetch or write it again"
        ) from error


def _categorical(codes: h5py.Dataset, categories: h5py.Dataset) -> np.ndarray:
    """Return the category of each row."""
    text = np.empty(len(categories) + 1, dtype=object)  # code -1, a missing value, finds the last: None
    text[:-1] = _text(categories)
    return text[codes[:]]


def _text(item: h5py.Dataset) -> np.ndarray:
    """Return a dataset as an array of str; None where a number is missing."""
    if h5py.check_string_dtype(item.dtype):
        return item.asstr()[:].astype(object)
    values = item[:]
    text = values.astype(str).astype(object)
    text[values != values] = None
    return text
