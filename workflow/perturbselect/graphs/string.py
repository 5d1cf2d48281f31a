"""STRING: a links file with its info file, or an edge list by gene symbol."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pandas as pd

from perturbselect.errors import InputError
from perturbselect.graphs.edges import scores, with_symbols
from perturbselect.graphs.source_table import read_columns

if TYPE_CHECKING:
    from perturbselect.config import StringGraph
    from perturbselect.data.gene_names import Aliases


def read_string(
    path: str | os.PathLike, info_path: str | os.PathLike | None, options: StringGraph, aliases: Aliases
) -> pd.DataFrame:
    """Read STRING interactions.

    Parameters
    ----------
    path : path
        With `info_path`: STRING's links file (``protein1 protein2 … combined_score``).
        Without: an edge list by symbol with the columns ``options.columns``.
    info_path : path or None
        STRING's info file (``#string_protein_id preferred_name …``).
    options : StringGraph
    aliases : Aliases

    Returns
    -------
    DataFrame
        ``gene1``, ``gene2``, ``score`` (0 to 1000). Proteins that the info file does not
        know keep their id; genes that become the same are united.

    Raises
    ------
    InputError
        If a file cannot be read, lacks a column, or the two files do not belong together.
    """
    columns = ("protein1", "protein2", "combined_score") if info_path else options.columns
    table = read_columns(path, columns)
    gene1, gene2, score = (table[column] for column in columns)
    if info_path:
        info = read_columns(info_path, ["string_protein_id", "preferred_name"])
        name = info.drop_duplicates("string_protein_id").set_index("string_protein_id")["preferred_name"]
        named1, named2 = gene1.map(name), gene2.map(name)
        if named1.isna().all():
            raise InputError(
                f"{path}: {info_path} has none of its proteins (such as {gene1.iloc[0]}); "
                "give the info file of the same STRING version and organism"
            )
        gene1, gene2 = named1.fillna(gene1), named2.fillna(gene2)
    return with_symbols(gene1, gene2, scores(score, path), aliases)
