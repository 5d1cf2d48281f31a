"""Check a knowledge graph before any job: its file, columns and settings, and that it has edges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from perturbselect.config import Config, EdgesGraph, GoGraph, GraphOptions, StringGraph
from perturbselect.data.gene_names import Aliases
from perturbselect.data.local_files import first_line, local_file, require_header
from perturbselect.errors import InputError

GAF_COLUMNS = 15  # the last two of a GAF 2.x's 17 are optional


def check_graph(config: Config, label: str, graph: GraphOptions) -> None:
    """Check a graph's file by its first line, and what the config says of it.

    Parameters
    ----------
    config : Config
    label : str
        The graph's key in the config.
    graph : GraphOptions

    Raises
    ------
    InputError
        If a file or column is missing, or the settings do not fit the file or the datasets.
    """
    key = f"graphs.{label}"
    if graph.type == "coexpression":
        if all(dataset.type == "responses" for dataset in config.datasets.values()):
            raise InputError(
                f"{key}: a co-expression graph needs control cells, but every dataset is of type responses; "
                "remove the graph, or add a dataset of type cells"
            )
        return
    kind = {"go": "go", "string": "string_links"}.get(graph.type)
    path = local_file(config, graph.source, f"{key}.source", kind)
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
        info = local_file(config, graph.info, f"{key}.info", "string_info")
        if info is not None:
            require_header(info, ("string_protein_id", "preferred_name"), f"{key}.info")
    else:
        columns = graph.columns
    if path is None:
        return
    if graph.type == "go" and graph.format == "gaf":
        line = first_line(path)
        if not line.startswith("!") and line.count("\t") < GAF_COLUMNS - 1:
            raise InputError(
                f"{path}: is no GAF file (its first line is neither a comment with '!' nor {GAF_COLUMNS} "
                f"columns); set {key}.format: table"
            )
        return
    require_header(path, [column for column in columns if column is not None], f"{key}.columns")


def check_edges(
    sources: Sequence[str],
    graph: GoGraph | StringGraph | EdgesGraph,
    screens: Iterable[Sequence[str]],
    aliases: Aliases,
    name: str,
) -> None:
    """Stop if a graph could not be built for a screen, or would have no edge.

    Parameters
    ----------
    sources : sequence of str
        The graph's file, and STRING's info file if it has one.
    graph : GoGraph, StringGraph or EdgesGraph
    screens : iterable of sequences of str
        The perturbations of each screen.
    aliases : Aliases
    name : str
        The graph's key in the config.

    Raises
    ------
    InputError
        If the source cannot be read, knows none of the perturbed genes, or no edge passes the
        threshold.
    """
    from perturbselect.graphs.edges import edge_genes, interaction_graph, read_edges
    from perturbselect.graphs.go import go_graph, read_annotation
    from perturbselect.graphs.membership import graph_nodes
    from perturbselect.graphs.string import read_string

    build: Callable[[np.ndarray], object]
    if isinstance(graph, GoGraph):
        annotation = read_annotation(sources[0], graph.format, aliases)
        genes, build = annotation.genes, lambda nodes: go_graph(annotation, nodes, graph, name)
    else:
        if isinstance(graph, StringGraph):
            edges = read_string(sources[0], sources[1] if graph.info else None, graph, aliases)
        else:
            edges = read_edges(sources[0], graph, aliases)
        genes, build = edge_genes(edges), lambda nodes: interaction_graph(edges, nodes, graph, name)
    for perturbations in screens:
        try:
            # Edges among the perturbed genes are edges of the whole graph too, and soon found.
            build(graph_nodes(perturbations, genes, "perturbations", name))
        except InputError:
            build(graph_nodes(perturbations, genes, graph.nodes, name))
