"""What the names in a screen's file tell before it is imported: columns, labels, controls, sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from perturbselect.config import CellsDataset, CellSource, Config, Dataset, ResponsesDataset
from perturbselect.data.gene_names import Aliases
from perturbselect.data.h5ad_header import header
from perturbselect.data.labels import (
    CONTROL,
    NAMINGS,
    Spelling,
    canonical_names,
    check_barcodes,
    label_targets,
    label_text,
    no_controls,
    require_column,
    spelling,
)
from perturbselect.data.local_files import folder_files, local_file, simulation_of
from perturbselect.data.presets import with_preset
from perturbselect.data.splits import held_out_genes
from perturbselect.errors import InputError
from perturbselect.registry import suggestion

if TYPE_CHECKING:
    from collections.abc import Set

UNCHECKED = Aliases()
QUALITY = ("guide", "guide_umis", "guide_share", "total_umis", "n_genes", "mito_share")


@dataclass(frozen=True)
class Perturbations:
    """The perturbations of a screen, as far as its labels tell.

    Attributes
    ----------
    count, genes, largest_combination : int
        How many perturbations, perturbed genes, and genes in one perturbation at most.
    names : frozenset of str
        Their canonical names; empty where the screen is yet to be simulated.
    """

    count: int
    genes: int
    largest_combination: int
    names: frozenset[str] | None = None  # None: not known before the workflow made them

    @classmethod
    def named(cls, names: Set[str]) -> Perturbations:
        """Count canonical names."""
        names = frozenset(names) - {CONTROL}
        members = [name.split("+") for name in names]
        genes = {gene for group in members for gene in group}
        return cls(len(members), len(genes), max(map(len, members), default=1), names)

    def pool(self, test_share: float) -> int:
        """Return the most perturbations a split can leave to choose from."""
        held_out = held_out_genes(self.genes, test_share)
        return self.count - math.ceil(held_out / self.largest_combination)


def check_dataset(
    config: Config, label: str, dataset: Dataset, aliases: Aliases = UNCHECKED
) -> Perturbations | None:
    """Check a screen's file by its names; the matrix stays unread.

    Parameters
    ----------
    config : Config
    label : str
        The dataset's key in the config.
    dataset : Dataset
    aliases : Aliases
        Brings the perturbations to current symbols; without it they are counted as spelt.

    Returns
    -------
    Perturbations or None
        None if the workflow downloads the file, so that it cannot be known yet.

    Raises
    ------
    InputError
        If a file, column, layer or control is missing, a barcode stands twice, or a file
        cannot be read.
    """
    key = f"datasets.{label}.source"
    if isinstance(dataset, CellsDataset) and dataset.source.format == "10x":
        source = dataset.source
        if source.cells is None:
            raise InputError(
                f"{key}.cells: is required with format: 10x (the table of cell, guide and target)"
            )
        folder = local_file(config, source, key)
        _require_filter_columns(dataset, label, _assumed(source))
        table = local_file(config, source.cells, f"{key}.cells")
        if folder is None or table is None:
            return None
        return _check_10x(folder, table, source, label, aliases)
    path = local_file(config, dataset.source, key, "counts" if dataset.type == "cells" else None)
    if isinstance(dataset, CellsDataset):
        _require_filter_columns(dataset, label, _assumed(dataset.source))
    simulation = simulation_of(dataset.source)
    if simulation is not None:
        count = config.simulations[simulation].perturbations
        return Perturbations(count, count, 1)
    if path is None:
        return None
    if isinstance(dataset, ResponsesDataset):
        return _check_responses(path, dataset, label, aliases)
    return _check_h5ad(path, dataset, label, aliases)


def _assumed(source: CellSource) -> Spelling:
    """Return a source's spelling as if its file had every column that the naming looks for."""
    source = with_preset(source)
    return spelling(source, NAMINGS[source.naming].get("optional", {}).values())


def _require_filter_columns(dataset: CellsDataset, name: str, spelt: Spelling) -> None:
    """Raise InputError if a filter is on whose column the config does not name."""
    for option, field in (
        ("min_guide_umis", "guide_umis"),
        ("min_guide_share", "guide_share"),
        ("min_cells_per_guide", "guide"),
    ):
        if getattr(dataset.preprocess.filters, option) > 0 and getattr(spelt.columns, field) is None:
            raise InputError(
                f"datasets.{name}.preprocess.filters.{option}: needs datasets.{name}.source.columns.{field}, "
                "which is not set; name the column there, or switch the filter off"
            )


def _check_h5ad(path: str, dataset: CellsDataset, name: str, aliases: Aliases) -> Perturbations:
    """Check the names in a screen's .h5ad."""
    source = with_preset(dataset.source)
    with header(path) as file:
        if source.layer is not None and source.layer not in file.layers:
            there = suggestion(source.layer, file.layers) if file.layers else "the file has no layers"
            raise InputError(
                f"{path}: no layer '{source.layer}' (config: datasets.{name}.source.layer); {there}"
            )
        obs, var = file.columns("obs"), file.columns("var")
        spelt = spelling(source, obs, var)
        _require_columns(spelt, obs, path, name)
        _require_filter_columns(dataset, name, spelt)
        if spelt.columns.gene is not None:
            require_column(spelt.columns.gene, var, f"{path}: var", f"datasets.{name}.source.columns.gene")
            genes = file.column("var", spelt.columns.gene)
        else:
            genes = file.index("var")
        barcodes = pd.Index(file.index("obs"))
        labels = pd.Series(file.column("obs", spelt.columns.perturbation))
        counts = None if spelt.target_count is None else pd.Series(file.column("obs", spelt.target_count))
    check_barcodes(barcodes, path)
    return _perturbations(labels, counts, spelt, set(genes), aliases, path, name)


def _check_10x(
    folder: str, table_path: str, source: CellSource, name: str, aliases: Aliases
) -> Perturbations:
    """Check that a 10x folder is whole, and the names in its cell table."""
    from perturbselect.data.tenx import read_cell_table

    folder_files(folder)
    table = read_cell_table(table_path, source, name)
    spelt = spelling(with_preset(source), table.columns)
    _require_columns(spelt, table.columns, table_path, name)
    labels = table[spelt.columns.perturbation].reset_index(drop=True)
    return _perturbations(labels, None, spelt, set(), aliases, table_path, name)


def _require_columns(spelt: Spelling, present: Iterable[str], path: str, name: str) -> None:
    """Check the columns of a cell table."""
    present = list(present)
    for field in ("perturbation", *QUALITY):
        column = getattr(spelt.columns, field)
        if column is not None:
            require_column(column, present, f"{path}: cell table", f"datasets.{name}.source.columns.{field}")


def _perturbations(
    labels: pd.Series,
    counts: pd.Series | None,
    spelt: Spelling,
    measured: Set[str],
    aliases: Aliases,
    path: str,
    name: str,
) -> Perturbations:
    """Check that a screen has control cells, and count what it perturbs."""
    labels = label_text(labels)
    labelled = ~labels.isin(spelt.unassigned).to_numpy()
    labels, counts = labels[labelled], None if counts is None else counts[labelled]
    targets = label_targets(labels, counts, spelt, lambda gene: gene in measured or aliases.knows(gene))
    if all(targets.values()):
        raise InputError(no_controls(labels, spelt, path, name))
    return Perturbations.named(set(canonical_names(targets, aliases)[0].values()))


def _check_responses(path: str, dataset: ResponsesDataset, name: str, aliases: Aliases) -> Perturbations:
    """Check the names in an .h5ad of responses."""
    source, key = dataset.source, f"datasets.{name}.source"
    with header(path) as file:
        if source.significant is not None and source.significant not in file.layers:
            there = suggestion(source.significant, file.layers) if file.layers else "the file has no layers"
            raise InputError(f"{path}: no layer '{source.significant}' (config: {key}.significant); {there}")
        if source.column is not None:
            require_column(source.column, file.columns("obs"), f"{path}: obs", f"{key}.column")
        labels = pd.Series(file.index("obs") if source.column is None else file.column("obs", source.column))
        measured = set(file.index("var"))
    spelt = spelling(source, ())
    labels = label_text(labels)
    labels = labels[~labels.isin(spelt.unassigned).to_numpy()]
    targets = label_targets(labels, None, spelt, lambda gene: gene in measured or aliases.knows(gene))
    found = Perturbations.named(set(canonical_names(targets, aliases)[0].values()))
    if found.count == 0:
        raise InputError(f"{path}: every row is a control; responses need rows of perturbations")
    return found
