"""Tables as self-contained HTML pages."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd

STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #222; margin: 1.5rem; max-width: 75rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin-top: 1.6rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #e4e4e4; text-align: left; white-space: nowrap; }
td.number, th.number { text-align: right; }
td.long { white-space: normal; min-width: 16rem; }
thead th { position: sticky; top: 0; background: #fff; border-bottom: 2px solid #555; }
.wide { overflow-x: auto; } .wide thead th { position: static; }
p.note { color: #555; }
.warning { background: #fff3cd; border-left: 4px solid #d39e00; padding: .5rem .8rem; }
"""
_LONG = 30


def page(title: str, body: str) -> str:
    """Wrap HTML in a page that needs no other file and no network."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def cell(value: Any) -> str:
    """Write one value: three significant digits, counts whole, missing values as a dash."""
    if value is None or value is pd.NA or (isinstance(value, float | np.floating) and np.isnan(value)):
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return str(value)
    if isinstance(value, float | np.floating):
        number = float(value)
        whole = number.is_integer() or abs(number) >= 1000
        return f"{number:.0f}" if whole else f"{number:.3g}"
    return escape(str(value))


def table_html(table: pd.DataFrame) -> str:
    """Write a table as an HTML element, numbers aligned at the right.

    Parameters
    ----------
    table : DataFrame
        Its index is left out. Column names are headings, with spaces for ``_``.

    Returns
    -------
    str
    """
    numeric = [
        pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind) for kind in table.dtypes
    ]
    mark = [' class="number"' if number else "" for number in numeric]
    heads = "".join(
        f"<th{m}>{escape(str(column).replace('_', ' '))}</th>"
        for m, column in zip(mark, table.columns, strict=True)
    )
    rows = []
    for row in table.itertuples(index=False, name=None):
        cells = []
        for value, number in zip(row, mark, strict=True):
            text = cell(value)
            cells.append(f"<td{number or (' class=long' if len(text) > _LONG else '')}>{text}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>"


def table_page(table: pd.DataFrame, title: str, note: str = "") -> str:
    """Write a table as a page of its own.

    Parameters
    ----------
    table : DataFrame
        The table; an empty one gives a page that says so.
    title : str
        Heading.
    note : str
        What is seen and how it was computed; plain text.

    Returns
    -------
    str
        HTML; the same table gives the same text.
    """
    content = table_html(table) if len(table) else "<p>No rows.</p>"
    return page(title, (f'<p class="note">{escape(note)}</p>\n' if note else "") + content)
