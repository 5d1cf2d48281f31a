"""Import a screen given as a 10x folder of counts and a table of cell, guide and target."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from perturbselect.config import CellSource
from perturbselect.data.cells import assemble
from perturbselect.data.gene_names import Aliases
from perturbselect.data.labels import Spelling, require_column, spelling
from perturbselect.data.local_files import folder_files
from perturbselect.data.presets import with_preset
from perturbselect.data.quotes import quoting, unquoted
from perturbselect.errors import InputError

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

    names = read_folder_names(folder)
    with readable(names.matrix):
        matrix = mmread(names.matrix)
    check_sizes(matrix.shape, names)
    obs, spelt, absent = read_obs(table_path, source, names, name)
    counts = matrix.T.tocsr()[:, names.is_gene] if hasattr(matrix, "tocsr") else matrix.T[:, names.is_gene]
    cells, table = assemble(counts, obs, names.symbols[names.is_gene], spelt, aliases, str(folder), name)
    cells.uns["cells_not_in_matrix"] = absent
    others = pd.DataFrame(
        {"name": names.symbols[~names.is_gene], "symbol": names.symbols[~names.is_gene]}
    ).assign(status="not a gene", role="gene")
    return cells, pd.concat([table, others], ignore_index=True)


@dataclass(frozen=True)
class FolderNames:
    """What a 10x folder lists beside its matrix.

    Attributes
    ----------
    matrix, features, barcodes : Path
        Its files.
    cells : ndarray of str, shape (cells,)
        Barcodes.
    symbols : ndarray of str, shape (features,)
    is_gene : ndarray of bool, shape (features,)
        False for guide and antibody capture.
    """

    matrix: Path
    features: Path
    barcodes: Path
    cells: np.ndarray
    symbols: np.ndarray
    is_gene: np.ndarray


def read_folder_names(folder: str | os.PathLike) -> FolderNames:
    """Read the features and barcodes of a 10x folder."""
    matrix, features_path, barcodes_path = folder_files(folder)
    features, barcodes = _lines(features_path), _lines(barcodes_path)[0].to_numpy(dtype=str)
    # Column 0 is the Ensembl id, 1 the symbol, 2 the kind of feature (from version 3 on).
    symbols = features[1 if features.shape[1] > 1 else 0].to_numpy(dtype=str)
    has_kinds = features.shape[1] > 2
    is_gene = (features[2] == GENE_EXPRESSION).to_numpy() if has_kinds else np.ones(len(features), bool)
    return FolderNames(matrix, features_path, barcodes_path, barcodes, symbols, is_gene)


def read_obs(
    table_path: str | os.PathLike, source: CellSource, names: FolderNames, name: str
) -> tuple[pd.DataFrame, Spelling, int]:
    """Read the cell table in the order of the matrix; say how many of its cells the matrix lacks."""
    table = read_cell_table(table_path, source, name)
    common = int(table.index.isin(names.cells).sum())
    if common == 0:
        raise InputError(
            f"{table_path}: none of its cells (first: {table.index[0]}) is in {names.barcodes} "
            f"(first: {names.cells[0]}); spell barcodes alike, e.g. the ending -1"
        )
    return table.reindex(names.cells), spelling(with_preset(source), table.columns), len(table) - common


def check_sizes(shape: tuple[int, int], names: FolderNames) -> None:
    """Raise InputError if a matrix (features x cells) has not the size its folder lists."""
    if shape != (len(names.symbols), len(names.cells)):
        raise InputError(
            f"{names.matrix}: has {shape[0]} rows and {shape[1]} columns, but "
            f"{names.features.name} lists {len(names.symbols)} genes and {names.barcodes.name} "
            f"{len(names.cells)} cells; take all three from one run"
        )


@contextmanager
def readable(matrix: Path) -> Iterator[None]:
    """Turn what goes wrong while a matrix is read into a message."""
    try:
        yield
    except (OSError, EOFError, ValueError, OverflowError) as error:
        raise InputError(
            f"{matrix}: cannot be read as Matrix Market ({error}); it may be truncated: fetch it again"
        ) from error


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
