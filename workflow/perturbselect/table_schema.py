"""Tables have a JSON schema each (``workflow/schemas/tables``): checked in writing, followed in reading."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from perturbselect.errors import InputError
from perturbselect.files import read_json, read_tsv, write_parquet, write_tsv

FOLDER = Path(__file__).resolve().parents[1] / "schemas" / "tables"


def table_schema(name: str) -> dict[str, Any]:
    """Read the schema of the table `name`: a JSON schema of one row."""
    return read_json(FOLDER / f"{name}.json")


def write_table(table: pd.DataFrame, name: str, path: str | os.PathLike) -> None:
    """Write a table as TSV or Parquet, by the path's ending, if it fits the schema `name`.

    Raises
    ------
    InputError
        As `check_table`; nothing is written then.
    """
    check_table(table, table_schema(name))
    (write_parquet if str(path).endswith(".parquet") else write_tsv)(table, path)


def read_table(name: str, path: str | os.PathLike) -> pd.DataFrame:
    """Read a TSV of the table `name`; what the schema calls text stays text.

    Datasets, models, budgets and genes may have names of digits alone (``2021``, Entrez ids, ``007``).

    Raises
    ------
    InputError
        As `perturbselect.files.read_tsv`.
    """
    properties = table_schema(name)["properties"]
    return read_tsv(
        path, dtype={column: str for column, rule in properties.items() if "string" in rule["type"]}
    )


def check_table(table: pd.DataFrame, schema: Mapping[str, Any]) -> None:
    """Check columns, types and ranges of a whole table at once.

    The schema is JSON schema of a row; of its words, those are used here: properties, required,
    additionalProperties, type, minimum, maximum, enum. Column by column, since a validator that
    goes row by row takes minutes for a million rows.

    Parameters
    ----------
    table : DataFrame
        Empty cells are null.
    schema : mapping
        As from `table_schema`.

    Raises
    ------
    InputError
        Naming table, column and first offending value.
    """
    name, properties = schema["title"], schema["properties"]
    for column in schema.get("required", []):
        if column not in table:
            raise InputError(f"table {name}: column '{column}' is missing; it has {', '.join(table.columns)}")
    for column in table.columns:
        if column not in properties:
            if schema.get("additionalProperties", True):
                continue
            raise InputError(f"table {name}: unknown column '{column}'; known: {', '.join(properties)}")
        _check_column(table[column], properties[column], f"table {name}, column '{column}'")


def _check_column(values: pd.Series, rule: Mapping[str, Any], where: str) -> None:
    types = [rule["type"]] if isinstance(rule["type"], str) else list(rule["type"])
    if "null" not in types and values.isna().any():
        raise InputError(
            f"{where}: row {int(np.flatnonzero(values.isna())[0])} is empty; every row needs a value"
        )
    values = values.dropna()
    if {"number", "integer"} & set(types):
        numbers = pd.to_numeric(values, errors="coerce").astype(float)
        wrong = numbers.isna() | ~np.isfinite(numbers)
        if "number" not in types:
            wrong |= numbers != numbers.round()
        wrong |= numbers < rule.get("minimum", -np.inf)
        wrong |= numbers > rule.get("maximum", np.inf)
    elif "boolean" in types:
        wrong = ~values.isin([True, False])
    elif pd.api.types.infer_dtype(values) in {"string", "empty"}:  # one by one takes seconds for millions
        wrong = pd.Series(False, index=values.index)
    else:
        wrong = ~values.map(lambda value: isinstance(value, str)).astype(bool)
    if "enum" in rule:
        wrong |= ~values.isin([choice for choice in rule["enum"] if choice is not None])
    if wrong.any():
        limits = ", ".join(f"{word} {rule[word]}" for word in ("minimum", "maximum", "enum") if word in rule)
        raise InputError(
            f"{where}: '{values[wrong].iloc[0]}' is not allowed; it takes {' or '.join(types)}"
            + (f" ({limits})" if limits else "")
        )
