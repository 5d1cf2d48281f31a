"""Build the co-expression graph of the predicted genes from control cells."""

import numpy as np

from perturbselect.config import CoexpressionGraph
from perturbselect.files import read_h5ad, write_json, write_tsv
from perturbselect.graphs.coexpression import coexpression_graph
from perturbselect.graphs.graph import write_edges
from perturbselect.graphs.membership import perturbed_genes
from perturbselect.graphs.summary import describe, node_table
from perturbselect.job import logged

with logged(snakemake.log[0]):
    options = CoexpressionGraph(**snakemake.params.options)
    expression = read_h5ad(snakemake.input[0])
    control = expression[expression.obs["is_control"]].X
    perturbations = expression.obs.loc[~expression.obs["is_control"], "perturbation"].astype(str).unique()
    name = snakemake.wildcards.graph
    graph = coexpression_graph(control, expression.var_names.to_numpy(str), options, name)
    write_edges(graph, snakemake.output.edges)
    write_tsv(node_table(graph, perturbed_genes(perturbations)), snakemake.output.nodes)
    write_json(describe(graph, np.sort(perturbations)), snakemake.output.summary)
