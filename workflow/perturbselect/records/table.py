"""The table ``provenance``: every file that the study made, and how."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

# Fields of a record that are lists or mappings; in the table they are text in JSON.
NESTED = ("wildcards", "inputs", "options", "seed", "packages")
FILE = ("file", "sha256", "bytes", "here")
PLAIN = ("rule", "config_digest", "source_digest", "commit", "python", "device", "threads")
COST = ("started", "seconds", "peak_memory_mb")


def provenance_table(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One row for each output of each job.

    Parameters
    ----------
    records : iterable of mapping
        As from `perturbselect.records.record.read_records`.

    Returns
    -------
    DataFrame
        Sorted by ``file``; columns as in ``workflow/schemas/tables/provenance.json``.
    """
    rows = []
    for record in records:
        job = {field: record[field] for field in (*PLAIN, *COST)}
        job |= {field: _text(record[field]) for field in NESTED}
        job |= {"machine": record["machine"]["name"], "system": record["machine"]["system"]}
        job["processor"] = record["machine"]["processor"]
        rows += [{field: output[field] for field in FILE} | job for output in record["outputs"]]
    return pd.DataFrame(rows).sort_values("file", ignore_index=True)


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True)
