"""Read and write files so that a result is either whole or absent.

Writers go to a temporary name beside the target and rename. The same content
gives the same bytes: no dates, fixed compression.
"""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from perturbselect.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

# A file cannot be written, and what to do, for reasons that lie in the machine.
UNWRITABLE = {
    errno.ENOSPC: "make room and run again",
    errno.EDQUOT: "make room and run again",
    errno.EROFS: "make it writable, or use another folder (--directory)",
    errno.EACCES: "make it writable, or use another folder (--directory)",
}


def check_writable(folder: str | os.PathLike) -> None:
    """Raise InputError if nothing can be written to a folder, or to where it would be made."""
    path = Path(folder).absolute()
    there = next(place for place in (path, *path.parents) if place.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{there}: cannot be written; {UNWRITABLE[errno.EROFS]}")


def remove_left_scripts(study: str | os.PathLike = ".") -> None:
    """Remove the copies of scripts that killed jobs left in a study's folder, unless a run is going on there.

    Snakemake writes one for each job, and removes it when the job ends by itself.
    """
    own = Path(study, ".snakemake")
    if not any(own.glob("locks/*")):
        for left in own.glob("scripts/tmp*"):
            left.unlink(missing_ok=True)


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` if the block succeeds.

    If the block raises, the temporary file is removed and `path` is left as it was. What a
    killed process (``kill -9``, power cut) left of the same file is removed too: of two
    processes that write one file, which Snakemake does not allow, the later would win.
    The temporary name keeps the ending, since libraries choose formats by it.

    Raises
    ------
    InputError
        If the disk is full, or the folder cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".partial.{os.getpid()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(".partial.*"):
            if re.fullmatch(rf"\.partial\.\d+\.{re.escape(path.name)}", left.name):
                left.unlink(missing_ok=True)
        try:
            yield partial
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        reason = os.strerror(error.errno)
        raise InputError(f"{path}: cannot be written ({reason}); {UNWRITABLE[error.errno]}") from error


def write_bytes(content: bytes, path: str | os.PathLike) -> None:
    """Write bytes; gzip-compressed (without a date) where the name ends in ``.gz``."""
    if str(path).endswith(".gz"):
        content = gzip.compress(content, compresslevel=6, mtime=0)
    with replacing(path) as partial:
        partial.write_bytes(content)


def write_tsv(table: pd.DataFrame, path: str | os.PathLike) -> None:
    """Write a table as TSV (``.gz`` allowed), without its index."""
    text = io.StringIO()
    table.to_csv(text, sep="\t", index=False, lineterminator="\n")
    write_bytes(text.getvalue().encode(), path)


def read_tsv(path: str | os.PathLike, **options: Any) -> pd.DataFrame:
    """Read a TSV. Only empty cells are missing: ``NA`` may be a gene's name.

    Raises
    ------
    InputError
        If it is no table, or its compressed content is truncated.
    """
    import pandas as pd

    try:
        return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""], **options)
    except (EOFError, zlib.error, gzip.BadGzipFile, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(
            f"{path}: cannot be read as a table ({error}); it may be truncated: fetch or write it again"
        ) from error


def write_parquet(table: pd.DataFrame, path: str | os.PathLike) -> None:
    """Write a table as Parquet (zstd), without its index."""
    with replacing(path) as partial:
        table.to_parquet(partial, index=False, compression="zstd")


def read_parquet(path: str | os.PathLike, **options: Any) -> pd.DataFrame:
    """Read a Parquet file.

    Raises
    ------
    InputError
        If it is truncated or no Parquet.
    """
    import pandas as pd
    from pyarrow import ArrowException

    try:
        return pd.read_parquet(path, **options)
    except (ArrowException, OSError) as error:
        raise InputError(
            f"{path}: cannot be read as Parquet ({error}); it may be truncated: delete it, it is made again"
        ) from error


def write_json(value: Any, path: str | os.PathLike) -> None:
    """Write JSON with sorted keys and a final newline."""
    write_bytes((json.dumps(value, indent=2, sort_keys=True) + "\n").encode(), path)


def read_json(path: str | os.PathLike) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text())


def write_h5ad(data: AnnData, path: str | os.PathLike) -> None:
    """Write an AnnData object (lightly compressed)."""
    with replacing(path) as partial:
        data.write_h5ad(partial, compression="gzip", compression_opts=1)


def read_h5ad(path: str | os.PathLike, **options: Any) -> AnnData:
    """Read an AnnData object.

    Raises
    ------
    InputError
        If the file is absent, truncated or no ``.h5ad``.
    """
    import anndata
    from anndata._io.specs.registry import IORegistryError

    if not Path(path).exists():
        raise InputError(f"{path}: no such file")
    try:
        return anndata.read_h5ad(path, **options)
    except (
        *(OSError, KeyError, TypeError, ValueError, RuntimeError),
        *(IORegistryError, anndata._io.utils.AnnDataReadError),
    ) as error:
        raise InputError(
            f"{path}: cannot be read as .h5ad ({error}); it may be truncated: fetch or write it again"
        ) from error


def read_names(path: str | os.PathLike) -> np.ndarray:
    """Read only the row names (perturbations) of an ``.h5ad``, sorted; its matrix stays unread."""
    import h5py
    from anndata.io import read_elem

    with h5py.File(path, "r") as file:
        obs = file["obs"]
        return np.sort(np.asarray(read_elem(obs[obs.attrs["_index"]]), dtype=str))


def is_simulated(path: str | os.PathLike) -> bool:
    """Return whether an ``.h5ad`` says that its data are simulated."""
    import h5py

    with h5py.File(path, "r") as file:
        return bool(file["uns"]["simulated"][()])
