"""Double quotes in delimited tables: text in some archives' files, marks around a cell in others."""

from __future__ import annotations

import csv

import pandas as pd


def quoting(delimiter: str) -> int:
    """Return how pandas should take double quotes in a table.

    In tables delimited by tab or space a cell may begin with a double quote that nothing
    closes (STRING's annotations): taken as a mark, it would swallow the rows that follow.
    """
    return csv.QUOTE_NONE if delimiter in "\t " else csv.QUOTE_MINIMAL


def unquoted(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of text without the double quotes around its cells and column names."""
    return table.rename(columns=_without_quotes).apply(lambda column: column.str.strip('"'))


def _without_quotes(name: str) -> str:
    return name.strip('"')
