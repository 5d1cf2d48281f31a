"""What can be said of a knowledge graph before it is built: its file, columns and settings."""

from __future__ import annotations

from collections.abc import Sequence

from perturbselect.config import Config, GraphOptions
from perturbselect.data.local_files import first_line, local_file, require_header
from perturbselect.errors import InputError

GAF_COLUMNS = 15  # the last two of a GAF 2.x's 17 are optional


def check_graph(config: Config, label: str, graph: GraphOptions) -> None:
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
