"""Import a screen given as a 10x folder of counts and a table of cell, guide and target."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from perturbselect.config import CellSource
from perturbselect.data.cells import assemble
from perturbselect.data.gene_names import Aliases
from perturbselect.data.labels import require_column, spelling
from perturbselect.data.presets import with_preset
from perturbselect.data.quotes import quoting, unquoted
from perturbselect.errors import InputError

# What 10x calls the parts of a folder; version 2 wrote genes.tsv and compressed nothing.
MATRIX = ("matrix.mtx.gz", "matrix.mtx")
FEATURES = ("features.tsv.gz", "features.tsv", "genes.tsv", "genes.tsv.gz")
BARCODES = ("barcodes.tsv.gz", "barcodes.tsv")
GENE_EXPRESSION = "Gene Expression"


def read_10x(
    folder: str | os.PathLike,
    table_path: str | os.PathLike,
    source: CellSource,
    aliases: Aliases,
    name: str,
) -> tuple[AnnData, pd.DataFrame]:
    """Read raw counts from a 10x folder and label its cells by a table.

    Parameters
    ----------
    folder : path
        Holds the matrix (genes x cells, Matrix Market), features and barcodes.
    table_path : path
        Cell table, CSV where the name says so and else TSV (``.gz`` allowed): one row a cell,
        columns as in ``source.columns``.
    source : CellSource
    aliases : Aliases
    name : str
        The dataset's key in the config, for messages.

    Returns
    -------
    cells, names
        As `perturbselect.data.cells.assemble`. Cells that the table does not name are counted
        in ``uns['unlabelled_cells']`` and left out; rows of the table without such a cell are
        counted in ``uns['cells_not_in_matrix']``. Features that are no genes (guide or
        antibody capture) are left out and listed with status ``not a gene``.

    Raises
    ------
    InputError
        If a file or column is missing, sizes disagree, or the two name no cell in common.
    """
    from scipy.io import mmread

    matrix_path, features_path, barcodes_path = folder_files(folder)
    features, barcodes = _lines(features_path), _lines(barcodes_path)[0].to_numpy(dtype=str)
    try:
        matrix = mmread(matrix_path)
    except (OSError, EOFError, ValueError, OverflowError) as error:
        raise InputError(
            f"{matrix_path}: cannot be read as Matrix Market ({error}); it may be truncated: fetch it again"
        ) from error
    if matrix.shape != (len(features), len(barcodes)):
        raise InputError(
            f"{matrix_path}: has {matrix.shape[0]} rows and {matrix.shape[1]} columns, but "
            f"{features_path.name} lists {len(features)} genes and {barcodes_path.name} {len(barcodes)} "
            "cells; take all three from one run"
        )
    # Column 0 is the Ensembl id, 1 the symbol, 2 the kind of feature (from version 3 on).
    symbols = features[1 if features.shape[1] > 1 else 0].to_numpy(dtype=str)
    is_gene = (
        (features[2] == GENE_EXPRESSION).to_numpy() if features.shape[1] > 2 else np.ones(len(features), bool)
    )

    table = read_cell_table(table_path, source, name)
    spelt = spelling(with_preset(source), table.columns)
    obs = table.reindex(barcodes)
    common = int(table.index.isin(barcodes).sum())
    if common == 0:
        raise InputError(
            f"{table_path}: none of its cells (first: {table.index[0]}) is in {barcodes_path} "
            f"(first: {barcodes[0]}); spell barcodes alike, e.g. the ending -1"
        )
    counts = matrix.T.tocsr()[:, is_gene] if hasattr(matrix, "tocsr") else matrix.T[:, is_gene]
    cells, names = assemble(counts, obs, symbols[is_gene], spelt, aliases, str(folder), name)
    cells.uns["cells_not_in_matrix"] = len(table) - common
    others = pd.DataFrame(
        {"name": symbols[~is_gene], "symbol": symbols[~is_gene], "status": "not a gene", "role": "gene"}
    )
    return cells, pd.concat([names, others], ignore_index=True)


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


def read_cell_table(table_path: str | os.PathLike, source: CellSource, name: str) -> pd.DataFrame:
    """Read the cell table; index = barcodes, all columns as text."""
    if not Path(table_path).exists():
        raise InputError(f"{table_path}: no such file (config: datasets.{name}.source.cells)")
    separator = "," if str(table_path).removesuffix(".gz").endswith(".csv") else "\t"
    try:
        table = pd.read_csv(
            table_path,
            sep=separator,
            dtype=str,
            keep_default_na=False,
            na_values=[""],
            quoting=quoting(separator),
        )
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"{table_path}: cannot be read as a table ({error}); write it again") from error
    table = unquoted(table)
    column = source.columns.cell
    require_column(column, table.columns, f"{table_path}:", f"datasets.{name}.source.columns.cell")
    repeated = table[column][table[column].duplicated()]
    if len(repeated):
        raise InputError(
            f"{table_path}: cell barcode {repeated.iloc[0]} stands there more than once "
            f"({len(repeated)} repeats); keep one row a cell"
        )
    return table.set_index(column)


def _lines(path: Path) -> pd.DataFrame:
    """Read a 10x list without header."""
    try:
        return pd.read_csv(
            path, sep="\t", header=None, dtype=str, keep_default_na=False, quoting=quoting("\t")
        )
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); it may be truncated: fetch it again") from error
