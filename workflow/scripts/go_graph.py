"""Build a GO similarity graph over a screen's perturbed genes."""

from perturbselect.config import GoGraph
from perturbselect.data.gene_names import read_aliases
from perturbselect.files import read_names, write_json, write_tsv
from perturbselect.graphs.go import go_graph, read_annotation
from perturbselect.graphs.graph import write_edges
from perturbselect.graphs.membership import graph_nodes, perturbed_genes
from perturbselect.graphs.summary import describe, node_table, source_names
from perturbselect.job import logged

with logged(snakemake.log[0]):
    options = GoGraph(**snakemake.params.options)
    perturbations = read_names(snakemake.input.responses)
    aliases = read_aliases(next(iter(snakemake.input.aliases), None))
    annotation = read_annotation(snakemake.input.source, options.format, aliases)
    name = snakemake.wildcards.graph
    nodes = graph_nodes(perturbations, annotation.genes, options.nodes, name)
    graph = go_graph(annotation, nodes, options, name)
    write_edges(graph, snakemake.output.edges)
    write_tsv(node_table(graph, perturbed_genes(perturbations)), snakemake.output.nodes)
    names = source_names(annotation.genes, aliases)
    write_json(describe(graph, perturbations) | names, snakemake.output.summary)
