"""What only the numbers in the files tell, found before any job: counts, filters, graphs without edges.

Each check is made by the very functions of the job it spares, and only while that job's result is not
there yet.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from perturbselect.config import (
    CoexpressionGraph,
    Config,
    Dataset,
    GraphOptions,
    ResponsesDataset,
    Source,
)
from perturbselect.data.check_datasets import check_dataset
from perturbselect.data.check_graphs import check_edges
from perturbselect.data.gene_names import Aliases, read_aliases
from perturbselect.data.local_files import folder_files, simulation_of
from perturbselect.data.made import Made


def check_numbers(config: Config, tell: Callable[[str], object] = lambda message: None) -> None:
    """Stop before any work if a job would stop at the numbers in a local file.

    Parameters
    ----------
    config : Config
        Whose names and headers are in order (`perturbselect.data.preflight.preflight`).
    tell : callable
        Is told what is being read, since that may take a while.

    Raises
    ------
    InputError
        If counts are none, responses are missing or repeated, a gene is silent, the filters
        leave too little, a graph's source knows no perturbed gene, or no edge passes its threshold.

    Notes
    -----
    Sources that are downloaded or simulated are left to the jobs, and everything is while the
    table of gene names is yet to be downloaded. Filters may leave out perturbations that the
    graphs are checked with: a graph that has edges here can still have none in its job.
    """
    aliases_at = config.gene_names.aliases
    if aliases_at is not None and _local(config, aliases_at) is None:
        return
    made = Made(config)
    screens = {label: files for label, data in config.datasets.items() if (files := _files(config, data))}
    unread = [
        label
        for label, files in screens.items()
        if not made.has(_product(label, config.datasets[label]), files, ("datasets", label))
    ]
    unbuilt = [
        (graph, label)
        for graph, options in config.graphs.items()
        for label, files in screens.items()
        if (own := _graph_files(config, options))
        and not made.has(
            f"results/{label}/graphs/{graph}.edges.tsv.gz",
            [*own, *files],
            ("graphs", graph),
            ("datasets", label),
        )
    ]
    if not unread and not unbuilt:
        return
    aliases = read_aliases(None if aliases_at is None else _local(config, aliases_at))
    for label in unread:
        tell(f"Reading the numbers of datasets.{label} before any job: {screens[label][0]}")
        _check_matrix(config, label, config.datasets[label], aliases)
    perturbations: dict[str, list[str]] = {}
    for label in dict.fromkeys(label for _, label in unbuilt):
        found = check_dataset(config, label, config.datasets[label], aliases)
        perturbations[label] = sorted(found.names or ()) if found is not None else []
    for name in dict.fromkeys(name for name, _ in unbuilt):
        graph, own = config.graphs[name], _graph_files(config, config.graphs[name])
        assert not isinstance(graph, CoexpressionGraph)  # it has no files
        tell(f"Building graphs.{name} before any job: {own[0]}")
        lacking = [perturbations[label] for other, label in unbuilt if other == name]
        check_edges(own, graph, lacking, aliases, name)


def _product(label: str, dataset: Dataset) -> str:
    """Return the first file that is there only if all that is checked here was in order."""
    return f"results/{label}/{'expression' if dataset.type == 'cells' else 'responses'}.h5ad"


def _local(config: Config, source: Source) -> str | None:
    """Return the path of a file of this machine; None if the workflow makes or downloads it."""
    if source.path is None or simulation_of(source) is not None:
        return None
    return config.resolve(source.path)


def _files(config: Config, dataset: Dataset) -> list[str | Path]:
    """Return the files of a screen, or none if one of them is not of this machine."""
    path = _local(config, dataset.source)
    if path is None or isinstance(dataset, ResponsesDataset) or dataset.source.format == "h5ad":
        return [] if path is None else [path]
    table = dataset.source.cells and _local(config, dataset.source.cells)
    return [*folder_files(path), table] if table else []


def _graph_files(config: Config, graph: GraphOptions) -> list[str]:
    """Return the files of a graph, or none if one of them is not of this machine."""
    if isinstance(graph, CoexpressionGraph):
        return []
    paths = [_local(config, source) for source in (graph.source, getattr(graph, "info", None)) if source]
    return [path for path in paths if path] if all(paths) else []


def _check_matrix(config: Config, label: str, dataset: Dataset, aliases: Aliases) -> None:
    """Check a screen's numbers as its import and its filters would."""
    path = str(_local(config, dataset.source))
    # Here and not above: anndata takes seconds to import, and most starts check nothing.
    from perturbselect.data.check_counts import check_10x_counts, check_h5ad_counts
    from perturbselect.data.responses import read_responses

    if isinstance(dataset, ResponsesDataset):
        read_responses(path, dataset.source, aliases, label)
    elif dataset.source.format == "10x":
        table = str(_local(config, dataset.source.cells))  # type: ignore[arg-type]
        check_10x_counts(path, table, dataset, aliases, label)
    else:
        check_h5ad_counts(path, dataset, aliases, label)
