"""Build a graph from interactions (STRING, or any weighted edge list)."""

from perturbselect.config import EdgesGraph, StringGraph
from perturbselect.data.gene_names import read_aliases
from perturbselect.files import read_names, write_json, write_tsv
from perturbselect.graphs.edges import edge_genes, interaction_graph, read_edges
from perturbselect.graphs.graph import write_edges
from perturbselect.graphs.membership import graph_nodes, perturbed_genes
from perturbselect.graphs.string import read_string
from perturbselect.graphs.summary import describe, node_table, source_names
from perturbselect.job import logged

with logged(snakemake.log[0]):
    perturbations = read_names(snakemake.input.responses)
    aliases = read_aliases(next(iter(snakemake.input.aliases), None))
    if snakemake.params.options["type"] == "string":
        options = StringGraph(**snakemake.params.options)
        info = next(iter(snakemake.input.info), None)
        edges = read_string(snakemake.input.source, info, options, aliases)
    else:
        options = EdgesGraph(**snakemake.params.options)
        edges = read_edges(snakemake.input.source, options, aliases)
    name = snakemake.wildcards.graph
    nodes = graph_nodes(perturbations, edge_genes(edges), options.nodes, name)
    graph = interaction_graph(edges, nodes, options, name)
    write_edges(graph, snakemake.output.edges)
    write_tsv(node_table(graph, perturbed_genes(perturbations)), snakemake.output.nodes)
    names = source_names(edge_genes(edges), aliases)
    write_json(describe(graph, perturbations) | names, snakemake.output.summary)
