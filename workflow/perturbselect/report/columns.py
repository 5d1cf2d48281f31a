"""The README of the tables: what every column means, from the schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perturbselect.table_schema import table_schema


def columns_page(tables: Mapping[str, str]) -> str:
    """Write a Markdown page that describes every table and column.

    Parameters
    ----------
    tables : mapping of str to str
        Name of the schema by the table's path.

    Returns
    -------
    str
        The same schemas give the same text.
    """
    lines = [
        "# The tables and their columns",
        "",
        "One observation a row; an empty cell is missing or undefined. Written by the workflow from "
        "`workflow/schemas/tables/`, against which every table is checked before it is written.",
    ]
    for path, name in tables.items():
        schema = table_schema(name)
        lines += [
            "",
            f"## `{path}`",
            "",
            schema["description"],
            "",
            "| column | type | what |",
            "|---|---|---|",
        ]
        lines += [
            f"| `{column}` | {_type(rule)} | {_what(rule)} |" for column, rule in schema["properties"].items()
        ]
    return "\n".join(lines) + "\n"


def _type(rule: Mapping[str, Any]) -> str:
    types = [rule["type"]] if isinstance(rule["type"], str) else list(rule["type"])
    words = {"string": "text", "null": "may be empty", "boolean": "true or false"}
    return ", ".join(words.get(kind, kind) for kind in types)


def _what(rule: Mapping[str, Any]) -> str:
    low, high = rule.get("minimum"), rule.get("maximum")
    limits = {
        (True, True): f" {low} to {high}.",
        (True, False): f" At least {low}.",
        (False, True): f" At most {high}.",
    }
    return (rule["description"] + limits.get((low is not None, high is not None), "")).replace("|", "\\|")
