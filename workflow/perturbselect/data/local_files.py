"""The files of this machine that a study names: that they are there, and their first line."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from pathlib import Path

from perturbselect.config import Config, Source
from perturbselect.data.labels import require_column
from perturbselect.data.presets import require_kind
from perturbselect.errors import InputError
from perturbselect.registry import require_key

SIMULATIONS = "results/simulations/"
# What 10x calls the parts of a folder; version 2 wrote genes.tsv and compressed nothing.
MATRIX = ("matrix.mtx.gz", "matrix.mtx")
FEATURES = ("features.tsv.gz", "features.tsv", "genes.tsv", "genes.tsv.gz")
BARCODES = ("barcodes.tsv.gz", "barcodes.tsv")


def local_file(config: Config, source: Source, key: str, kind: str | None = None) -> str | None:
    """Return the path of a file that is here now; None if the workflow makes or downloads it.

    `kind` is what a preset must hold to stand here; None where none fits.
    """
    if source.preset is not None:
        try:
            require_kind(source.preset, kind)
        except InputError as error:
            raise InputError(f"{key}.preset: {error}") from None
    if source.path is None:
        return None
    simulation = simulation_of(source)
    if simulation is not None:
        require_key(simulation, config.simulations, f"{key}.path", "simulations")
        return None
    path = config.resolve(source.path)
    if not Path(path).exists():
        hint = "; {data_root} is " + config.resolve("{data_root}") if "{data_root}" in source.path else ""
        raise InputError(f"{key}.path: no such file: {path}{hint}; mend the path, or put the file there")
    return path


def simulation_of(source: Source) -> str | None:
    """Return the simulation whose file a source is, if the workflow makes it."""
    if source.path is None or not source.path.startswith(SIMULATIONS):
        return None
    return source.path.removeprefix(SIMULATIONS).partition("/")[0]


def first_line(path: str) -> str:
    """Return the first line of a text file, ``.gz`` or not."""
    try:
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as text:
            return text.readline().rstrip("\r\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); it may be truncated: fetch it again") from error


def require_header(path: str, columns: Iterable[str], key: str) -> None:
    """Check that a delimited table (tab, comma or space) has columns."""
    line = first_line(path)
    delimiter = next((mark for mark in "\t, " if mark in line), "\t")
    names = [name.strip().strip('"').removeprefix("#") for name in line.split(delimiter)]
    for column in columns:
        require_column(column, names, f"{path}:", key)


def folder_files(folder: str | os.PathLike) -> tuple[Path, Path, Path]:
    """Return the matrix, features and barcodes files of a 10x folder."""
    if not Path(folder).is_dir():
        raise InputError(f"{folder}: no such folder (format: 10x takes a folder, not a file)")
    found = []
    for choices in (MATRIX, FEATURES, BARCODES):
        present = [Path(folder, choice) for choice in choices if Path(folder, choice).exists()]
        if not present:
            raise InputError(f"{folder}: has none of {', '.join(choices)}; a 10x folder needs one of them")
        found.append(present[0])
    return found[0], found[1], found[2]
