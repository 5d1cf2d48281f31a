"""The small tables of the report's first page, from the files that the workflow made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import h5py
import pandas as pd

from perturbselect.files import is_simulated, read_json, read_names
from perturbselect.table_schema import read_table

_UNMATCHED = ("unmatched", "ambiguous", "clash", "duplicate")


def dataset_table(responses: Sequence[str | os.PathLike]) -> pd.DataFrame:
    """Return a row per dataset: dataset, type, perturbations, genes, simulated.

    Parameters
    ----------
    responses : sequence of path
        ``results/{dataset}/responses.h5ad``.
    """
    rows = []
    for path in responses:
        with h5py.File(path, "r") as file:
            rows.append(
                {
                    "dataset": Path(path).parent.name,
                    "type": file["uns"]["type"].asstr()[()],
                    "perturbations": len(read_names(path)),
                    "genes": len(file["var"][file["var"].attrs["_index"]]),
                    "simulated": is_simulated(path),
                }
            )
    return pd.DataFrame(rows)


def name_counts(names: Sequence[str | os.PathLike]) -> pd.DataFrame:
    """Return how many names of genes and perturbations were matched, and how; the unmatched by name.

    Parameters
    ----------
    names : sequence of path
        ``results/{dataset}/gene_names.tsv``: name, symbol, status, role.
    """
    parts = []
    for path in names:
        table = read_table("gene_names", path)
        table["names"] = table["name"].where(table["status"].isin(_UNMATCHED))
        grouped = table.groupby(["role", "status"], sort=True)
        counts = grouped.agg(count=("name", "size"), names=("names", _listed)).reset_index()
        counts.insert(0, "dataset", Path(path).parent.name)
        parts.append(counts)
    return pd.concat(parts, ignore_index=True)


def graph_table(summaries: Sequence[str | os.PathLike]) -> pd.DataFrame:
    """Return a row per dataset and graph: its size, who is not in it, and its source's names.

    Parameters
    ----------
    summaries : sequence of path
        ``results/{dataset}/graphs/{graph}.summary.json``.
    """
    rows = []
    for path in map(Path, summaries):
        found = read_json(path)
        rows.append(
            {
                "dataset": path.parent.parent.name,
                "graph": path.name.removesuffix(".summary.json"),
                "nodes": found["nodes"],
                "edges": found["edges"],
                "components": found["components"],
                "isolated nodes": found["isolated"],
                "median degree": found["degree_median"],
                "perturbations not in it": len(found["perturbations_not_in_graph"]),
                "names": _listed(pd.Series(found["perturbations_not_in_graph"], dtype=object)),
                "genes of the source": found.get("source_genes"),
                "names not matched": len(found.get("source_names_not_matched", [])),
            }
        )
    return pd.DataFrame(rows)


def left_out(filters: Sequence[str | os.PathLike]) -> pd.DataFrame:
    """Return what each filter of each dataset removed: dataset, step, unit, before, removed, detail.

    Parameters
    ----------
    filters : sequence of path
        ``results/{dataset}/filters.tsv``.
    """
    parts = []
    for path in filters:
        table = read_table("filters", path)
        table.insert(0, "dataset", Path(path).parent.name)
        parts.append(table.drop(columns="after"))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _listed(names: pd.Series, most: int = 40) -> str:
    """Join names; the first of very many."""
    names = names.dropna()
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
