"""Check a screen's counts as its import and its filters do, block by block."""

from __future__ import annotations

import numpy as np

from perturbselect.config import CellsDataset
from perturbselect.data.cells import described, gene_column, label_cells, require_matrix
from perturbselect.data.counts import as_counts
from perturbselect.data.filters import Totals, filtered
from perturbselect.data.gene_names import Aliases
from perturbselect.data.h5ad_header import header
from perturbselect.data.labels import spelling
from perturbselect.data.matrix_blocks import market_blocks, stored_blocks
from perturbselect.data.presets import with_preset
from perturbselect.data.tenx import check_sizes, read_folder_names, read_obs, readable


def check_h5ad_counts(path: str, dataset: CellsDataset, aliases: Aliases, name: str) -> None:
    """Stop if the import of an .h5ad, or the filters after it, would.

    Parameters
    ----------
    path : str
    dataset : CellsDataset
    aliases : Aliases
    name : str
        The dataset's key in the config, for messages.

    Raises
    ------
    InputError
        As `perturbselect.data.cells.read_cells` and `perturbselect.data.filters.filtered`; the
        number of wrong values is that of the block they were met in.
    """
    from anndata.io import read_elem

    source = with_preset(dataset.source)
    with header(path) as screen:
        file = screen.file
        matrix = file.get("X") if source.layer is None else file["layers"][source.layer]
        require_matrix(matrix, path, name)
        obs, var = read_elem(file["obs"]), read_elem(file["var"])
        spelt = spelling(source, obs.columns, var.columns)
        genes, where = gene_column(var, spelt, path, name), described(path, source)
        found = label_cells(obs, genes, spelt, aliases, where, name)
        totals, place = Totals(len(found.obs), found.genes), np.cumsum(found.labelled) - 1
        for cells, columns, block in stored_blocks(matrix):
            counts = as_counts(block, obs.index.to_numpy()[cells], genes[columns], where)
            labelled = found.labelled[cells]
            totals.add(counts[labelled], place[cells][labelled], columns)
    filtered(found.obs, totals, found.uns, dataset.preprocess, name)


def check_10x_counts(folder: str, table: str, dataset: CellsDataset, aliases: Aliases, name: str) -> None:
    """Stop if the import of a 10x folder and its cell table, or the filters after it, would.

    Parameters and errors are those of `check_h5ad_counts`.
    """
    from scipy.io import mminfo

    names = read_folder_names(folder)
    with readable(names.matrix):
        shape = mminfo(names.matrix)[:2]
    check_sizes(shape, names)
    obs, spelt, absent = read_obs(table, dataset.source, names, name)
    genes = names.symbols[names.is_gene]
    found = label_cells(obs, genes, spelt, aliases, folder, name)
    totals = Totals(len(found.obs), found.genes)
    for block in market_blocks(names.matrix):
        counts = as_counts(block[:, names.is_gene], names.cells, genes, folder)
        totals.add(counts[found.labelled])
    filtered(found.obs, totals, found.uns | {"cells_not_in_matrix": absent}, dataset.preprocess, name)
