"""Everything about a study that can be checked before any job runs, from names and headers."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from perturbselect.config import (
    CellsDataset,
    CellSource,
    Config,
    Dataset,
    GraphOptions,
    ResponsesDataset,
    Source,
)
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
from perturbselect.data.presets import require_kind, with_preset
from perturbselect.data.splits import held_out_genes
from perturbselect.errors import InputError
from perturbselect.graphs.kernel_expression import inputs_of
from perturbselect.models import MODELS
from perturbselect.registry import Registry, suggestion
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.score import CEILING
from perturbselect.selection import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Set

SIMULATIONS = "results/simulations/"
GAF_COLUMNS = 15  # the last two of a GAF 2.x's 17 are optional
QUALITY = ("guide", "guide_umis", "guide_share", "total_umis", "n_genes", "mito_share")


@dataclass(frozen=True)
class Perturbations:
    """How many perturbations a screen has, as far as its labels tell."""

    count: int
    genes: int
    largest_combination: int

    @classmethod
    def named(cls, names: Set[str]) -> Perturbations:
        """Count canonical names."""
        members = [name.split("+") for name in names if name != CONTROL]
        genes = {gene for group in members for gene in group}
        return cls(len(members), len(genes), max(map(len, members), default=1))

    def pool(self, test_share: float) -> int:
        """Return the most perturbations a split can leave to choose from."""
        held_out = held_out_genes(self.genes, test_share)
        return self.count - math.ceil(held_out / self.largest_combination)


def preflight(config: Config) -> None:
    """Stop before any work if a job of this study could not succeed.

    Checks the options and labels of strategies and models, the metrics that are shown, every
    name that refers to another section, that files exist and hold the named columns, labels and
    controls, and that the largest budget fits into the pool. Files that the workflow makes or
    downloads are not looked into. The numbers are checked when a file is imported.

    Parameters
    ----------
    config : Config

    Raises
    ------
    InputError
        With one message that names the key or file and says what to do.
    """
    for label, entry in config.strategies.items():
        _check_references(config, f"strategies.{label}", STRATEGIES.build(label, entry)[1])
    for label, entry in config.models.items():
        _check_references(config, f"models.{label}", MODELS.build(label, entry)[1])
    _check_labels("strategies", config.strategies, STRATEGIES)
    _check_labels("models", config.models, MODELS, reserved=(CEILING,))
    _check_metrics(config.figures.metrics)
    for label, expression in config.kernels.items():
        _check_kernel(config, label, expression)
    if config.gene_names.aliases is not None:
        path = _local_file(config, config.gene_names.aliases, "gene_names.aliases")
        if path is not None:
            _require_header(path, ("ensembl_gene_id", "symbol", "synonyms"), "gene_names.aliases")
    for label, graph in config.graphs.items():
        _check_graph(config, label, graph)
    for label, dataset in config.datasets.items():
        found = _check_dataset(config, label, dataset)
        if found is not None:
            _check_budgets(config, label, found)


def _check_labels(
    section: str, entries: Mapping[str, Mapping[str, Any]], registry: Registry, reserved: Sequence[str] = ()
) -> None:
    """Raise InputError for a label that tables would take for something else."""
    for label, entry in entries.items():
        name = entry.get(registry.kind, label)
        if label in reserved:
            raise InputError(f"{section}.{label}: the name is reserved for a reference; choose another label")
        if label != name and label in list(registry):
            raise InputError(
                f"{section}.{label}: is the name of another {registry.kind}, but this one is '{name}'; "
                "choose another label"
            )


def _check_metrics(metrics: Sequence[str]) -> None:
    """Raise InputError for a metric that is unknown or named twice."""
    for place, name in enumerate(metrics):
        if name not in METRICS:
            raise InputError(f"figures.metrics: unknown metric '{name}'; {suggestion(name, list(METRICS))}")
        if name in metrics[:place]:
            raise InputError(f"figures.metrics: '{name}' stands there twice; name each metric once")


def _check_references(config: Config, key: str, member: Any) -> None:
    """Check the graphs and kernels that a strategy or model names."""
    for graph in _names(member, "graph"):
        _require_key(graph, config.graphs, f"{key}.graph", "graphs")
        _require_perturbations(config, graph, f"{key}.graph")
    coexpression = getattr(member, "coexpression", None)
    if coexpression is not None:
        _require_key(coexpression, config.graphs, f"{key}.coexpression", "graphs")
        if config.graphs[coexpression].type != "coexpression":
            raise InputError(
                f"{key}.coexpression: '{coexpression}' is of type {config.graphs[coexpression].type}; "
                "name a graph of type coexpression, or leave the option out"
            )
    for kernel in _names(member, "kernel"):
        _require_key(kernel, config.kernels, f"{key}.kernel", "kernels")


def _names(member: Any, option: str) -> list[str]:
    """Return the names under an option: it may be absent, null, one name or a list."""
    value = getattr(member, option, None) or []
    return [value] if isinstance(value, str) else list(value)


def _check_kernel(config: Config, label: str, expression: str) -> None:
    """Check a kernel's expression and the graphs in it."""
    try:
        graphs, annotations = inputs_of(expression)
    except InputError as error:
        raise InputError(f"kernels.{label}: {error}") from None
    for graph in (*graphs, *annotations):
        _require_key(graph, config.graphs, f"kernels.{label}", "graphs")
        _require_perturbations(config, graph, f"kernels.{label}")
    for graph in annotations:
        if config.graphs[graph].type != "go":
            raise InputError(
                f"kernels.{label}: jaccard({graph}) needs a graph of type go, but '{graph}' is of type "
                f"{config.graphs[graph].type}"
            )


def _require_perturbations(config: Config, graph: str, key: str) -> None:
    """Raise InputError if the nodes of a graph are not perturbed genes."""
    if config.graphs[graph].type == "coexpression":
        raise InputError(
            f"{key}: '{graph}' is a co-expression graph: its nodes are the genes to predict, not the "
            "perturbed ones; name a graph of type go, string or edges"
        )


def _require_key(name: str, section: Iterable[str], key: str, called: str) -> None:
    """Raise InputError if an option names a key that its section lacks."""
    known = list(section)
    if name not in known:
        there = suggestion(name, known) if known else f"the section {called} is empty"
        raise InputError(f"{key}: there is no '{name}' in {called}; {there}")


def _check_graph(config: Config, label: str, graph: GraphOptions) -> None:
    """Check a graph's file."""
    key = f"graphs.{label}"
    if graph.type == "coexpression":
        if all(dataset.type == "responses" for dataset in config.datasets.values()):
            raise InputError(
                f"{key}: a co-expression graph needs control cells, but every dataset is of type responses; "
                "remove the graph, or add a dataset of type cells"
            )
        return
    kind = {"go": "go", "string": "string_links"}.get(graph.type)
    path = _local_file(config, graph.source, f"{key}.source", kind)
    preset = graph.source.preset
    if graph.type == "go" and preset is not None and graph.format != "gaf":
        raise InputError(f"{key}.format: the preset '{preset}' is a GAF file; set format: gaf")
    if graph.type == "string" and preset is not None and graph.info is None:
        raise InputError(
            f"{key}.info: the preset '{preset}' names proteins, not genes; "
            "add info: {preset: string_v12_human_info}"
        )
    if graph.type == "go":
        columns: Sequence[str | None] = ("symbol", "go_id")
    elif graph.type == "string" and graph.info is not None:
        columns = ("protein1", "protein2", "combined_score")
        info = _local_file(config, graph.info, f"{key}.info", "string_info")
        if info is not None:
            _require_header(info, ("string_protein_id", "preferred_name"), f"{key}.info")
    else:
        columns = graph.columns
    if path is None:
        return
    if graph.type == "go" and graph.format == "gaf":
        line = _first_line(path)
        if not line.startswith("!") and line.count("\t") < GAF_COLUMNS - 1:
            raise InputError(
                f"{path}: is no GAF file (its first line is neither a comment with '!' nor {GAF_COLUMNS} "
                f"columns); set {key}.format: table"
            )
        return
    _require_header(path, [column for column in columns if column is not None], f"{key}.columns")


def _check_dataset(config: Config, label: str, dataset: Dataset) -> Perturbations | None:
    """Check a screen's file; return what it perturbs, or None if that cannot be known yet."""
    key = f"datasets.{label}.source"
    if isinstance(dataset, CellsDataset) and dataset.source.format == "10x":
        source = dataset.source
        if source.cells is None:
            raise InputError(
                f"{key}.cells: is required with format: 10x (the table of cell, guide and target)"
            )
        folder = _local_file(config, source, key)
        _require_filter_columns(dataset, label, _assumed(source))
        table = _local_file(config, source.cells, f"{key}.cells")
        if folder is None or table is None:
            return None
        return _check_10x(folder, table, source, label)
    path = _local_file(config, dataset.source, key, "counts" if dataset.type == "cells" else None)
    if isinstance(dataset, CellsDataset):
        _require_filter_columns(dataset, label, _assumed(dataset.source))
    simulation = _simulation(dataset.source)
    if simulation is not None:
        count = config.simulations[simulation].perturbations
        return Perturbations(count, count, 1)
    if path is None:
        return None
    if isinstance(dataset, ResponsesDataset):
        return _check_responses(path, dataset, label)
    return _check_h5ad(path, dataset, label)


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


def _check_h5ad(path: str, dataset: CellsDataset, name: str) -> Perturbations:
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
    return _perturbations(labels, counts, spelt, set(genes), path, name)


def _check_10x(folder: str, table_path: str, source: CellSource, name: str) -> Perturbations:
    """Check that a 10x folder is whole, and the names in its cell table."""
    from perturbselect.data.tenx import folder_files, read_cell_table

    folder_files(folder)
    table = read_cell_table(table_path, source, name)
    spelt = spelling(with_preset(source), table.columns)
    _require_columns(spelt, table.columns, table_path, name)
    labels = table[spelt.columns.perturbation].reset_index(drop=True)
    return _perturbations(labels, None, spelt, set(), table_path, name)


def _require_columns(spelt: Spelling, present: Iterable[str], path: str, name: str) -> None:
    """Check the columns of a cell table."""
    present = list(present)
    for field in ("perturbation", *QUALITY):
        column = getattr(spelt.columns, field)
        if column is not None:
            require_column(column, present, f"{path}: cell table", f"datasets.{name}.source.columns.{field}")


def _perturbations(
    labels: pd.Series, counts: pd.Series | None, spelt: Spelling, measured: Set[str], path: str, name: str
) -> Perturbations:
    """Check that a screen has control cells, and count what it perturbs."""
    labels = label_text(labels)
    labelled = ~labels.isin(spelt.unassigned).to_numpy()
    labels, counts = labels[labelled], None if counts is None else counts[labelled]
    targets = label_targets(labels, counts, spelt, measured.__contains__)
    if all(targets.values()):
        raise InputError(no_controls(labels, spelt, path, name))
    return Perturbations.named(set(canonical_names(targets, Aliases())[0].values()))


def _check_responses(path: str, dataset: ResponsesDataset, name: str) -> Perturbations:
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
    targets = label_targets(labels, None, spelt, measured.__contains__)
    found = Perturbations.named(set(canonical_names(targets, Aliases())[0].values()))
    if found.count == 0:
        raise InputError(f"{path}: every row is a control; responses need rows of perturbations")
    return found


def _check_budgets(config: Config, label: str, found: Perturbations) -> None:
    """Check that every budget fits into the pool (at the best; the selection checks again)."""
    pool = found.pool(config.splits.test_share)
    if pool < 1:
        raise InputError(
            f"datasets.{label}: has {found.count} perturbations, too few to hold out a share of "
            f"{config.splits.test_share} (splits.test_share) and keep any"
        )
    largest = max((budget for budget in config.budgets if isinstance(budget, int)), default=0)
    if largest > pool:
        raise InputError(
            f"budgets: {largest} is more than the pool of datasets.{label} can hold: of its {found.count} "
            f"perturbations, {found.count - pool} or more are held out (splits.test_share: "
            f"{config.splits.test_share}), which leaves {pool}; lower the budget, or give a share like 20%"
        )


def _simulation(source: Source) -> str | None:
    """Return the simulation whose file a source is, if the workflow makes it."""
    if source.path is None or not source.path.startswith(SIMULATIONS):
        return None
    return source.path.removeprefix(SIMULATIONS).partition("/")[0]


def _local_file(config: Config, source: Source, key: str, kind: str | None = None) -> str | None:
    """Return the path of a file that is here now; None if the workflow makes or downloads it.

    `kind` is what a preset must hold to stand here; None where none fits.
    """
    if source.preset is not None:
        try:
            require_kind(source.preset, kind)
        except InputError as error:
            raise InputError(f"{key}.preset: {error}") from None
    if source.path is None:
        return None
    simulation = _simulation(source)
    if simulation is not None:
        _require_key(simulation, config.simulations, f"{key}.path", "simulations")
        return None
    path = config.resolve(source.path)
    if not Path(path).exists():
        hint = "; {data_root} is " + config.resolve("{data_root}") if "{data_root}" in source.path else ""
        raise InputError(f"{key}.path: no such file: {path}{hint}; mend the path, or put the file there")
    return path


def _first_line(path: str) -> str:
    """Return the first line of a text file, ``.gz`` or not."""
    try:
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as text:
            return text.readline().rstrip("\r\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); it may be truncated: fetch it again") from error


def _require_header(path: str, columns: Iterable[str], key: str) -> None:
    """Check that a delimited table (tab, comma or space) has columns."""
    line = _first_line(path)
    delimiter = next((mark for mark in "\t, " if mark in line), "\t")
    names = [name.strip().strip('"').removeprefix("#") for name in line.split(delimiter)]
    for column in columns:
        require_column(column, names, f"{path}:", key)
