"""Compute a kernel over a screen's perturbations from an expression of the config."""

import anndata

from perturbselect.data.gene_names import read_aliases
from perturbselect.files import read_names, write_h5ad
from perturbselect.graphs.go import read_annotation
from perturbselect.graphs.graph import read_graph
from perturbselect.graphs.kernels import kernel
from perturbselect.job import logged

with logged(snakemake.log[0]):
    perturbations = read_names(snakemake.input.responses)
    aliases = read_aliases(next(iter(snakemake.input.aliases), None))
    graph_names, annotation_names = snakemake.params.names
    files = list(snakemake.input.get("graphs", []))
    graphs = {name: read_graph(*files[2 * i : 2 * i + 2]) for i, name in enumerate(graph_names)}
    sources = zip(snakemake.input.get("annotations", []), snakemake.params.formats, strict=True)
    annotations = [read_annotation(path, spelling, aliases) for path, spelling in sources]
    matrix = kernel(
        snakemake.params.expression,
        perturbations,
        graphs,
        dict(zip(annotation_names, annotations, strict=True)),
    )
    write_h5ad(anndata.AnnData(matrix.astype("float32")), snakemake.output[0])
