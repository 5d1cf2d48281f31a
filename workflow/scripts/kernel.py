"""Compute a kernel over a screen's perturbations from an expression of the config."""

import anndata

from perturbselect.data.gene_names import read_aliases
from perturbselect.files import read_h5ad, read_names, write_h5ad
from perturbselect.graphs.go import read_annotation
from perturbselect.graphs.graph import read_graph
from perturbselect.graphs.kernels import Prior, kernel
from perturbselect.graphs.kernels.given import read_matrix
from perturbselect.job import logged

with logged(snakemake.log[0]):
    perturbations = read_names(snakemake.input.responses)
    aliases = read_aliases(next(iter(snakemake.input.aliases), None))
    names = snakemake.params.names
    files = {kind: list(snakemake.input.get(kind, [])) for kind in names}
    edges, nodes = files["graphs"][::2], files["graphs"][1::2]
    annotations = zip(files["annotations"], snakemake.params.formats, strict=True)
    prior = Prior(
        dict(zip(names["graphs"], map(read_graph, edges, nodes), strict=True)),
        dict(
            zip(
                names["annotations"],
                (read_annotation(*source, aliases) for source in annotations),
                strict=True,
            )
        ),
        dict(zip(names["screens"], (read_h5ad(path).to_df() for path in files["screens"]), strict=True)),
        dict(zip(names["matrices"], (read_matrix(path, aliases) for path in files["matrices"]), strict=True)),
    )
    matrix = kernel(snakemake.params.expression, perturbations, prior)
    write_h5ad(anndata.AnnData(matrix.astype("float32")), snakemake.output[0])
