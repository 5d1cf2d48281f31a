"""Read a source: the columns of its table, however delimited, and its genes' symbols."""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from perturbselect.data.quotes import quoting, unquoted
from perturbselect.errors import InputError

if TYPE_CHECKING:
    from perturbselect.data.gene_names import Aliases


def read_columns(path: str | os.PathLike, columns: Sequence[str]) -> pd.DataFrame:
    """Read columns of a table with a header; tab, comma or space delimited; ``.gz`` allowed.

    Parameters
    ----------
    path : path
    columns : sequence of str
        Names in the header, with or without a leading ``#``.

    Returns
    -------
    DataFrame of str, columns in the order asked for

    Raises
    ------
    InputError
        If the file is absent, truncated or empty, lacks a column or has a row
        without one of the values.
    """
    try:
        with (gzip.open if str(path).endswith(".gz") else open)(path, "rt", encoding="utf-8") as text:
            header = text.readline().rstrip("\r\n")
        delimiter = next((mark for mark in "\t, " if mark in header), "\t")
        names = [name.strip().strip('"').removeprefix("#") for name in header.split(delimiter)]
        missing = [name for name in columns if name not in names]
        if missing:
            raise InputError(
                f"{path}: has no column '{missing[0]}' (it has: {', '.join(names)}); "
                "name the right one in the config"
            )
        table = pd.read_csv(
            path,
            sep=delimiter,
            header=None,
            skiprows=1,
            names=names,
            index_col=False,
            usecols=list(columns),
            dtype=str,
            keep_default_na=False,
            quoting=quoting(delimiter),
        )
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, EOFError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path}: cannot be read ({error}); it may be truncated: fetch it again") from error
    table = table[list(columns)]
    if '"' in header:
        table = unquoted(table)
    if table.empty:
        raise InputError(f"{path}: has a header but no rows")
    empty = (table.isna() | (table == "")).to_numpy()
    if empty.any():
        row, column = divmod(int(empty.ravel().argmax()), len(columns))
        raise InputError(
            f"{path}: line {row + 2} has no value for '{columns[column]}'; remove or complete it"
        )
    return table


def united_symbols(names: np.ndarray, aliases: Aliases) -> np.ndarray:
    """Return the current symbol of each name; names of the same gene get the same symbol.

    Two measured genes must not be merged; two rows of a knowledge source about one gene
    should be.

    Parameters
    ----------
    names : ndarray of str, shape (n,)
        Unique.
    aliases : Aliases

    Returns
    -------
    ndarray of object (str), shape (n,)
    """
    return aliases.reconcile(names.tolist(), unite=True)["symbol"].to_numpy(dtype=object)
