"""Change a share of a graph's edges."""

from shutil import copyfile

from perturbselect.files import replacing
from perturbselect.graphs.graph import read_graph, write_edges
from perturbselect.graphs.perturb import perturb_graph
from perturbselect.job import logged
from perturbselect.seeds import generator

with logged(snakemake.log[0]):
    change = snakemake.params.change
    graph = read_graph(*snakemake.input)
    changed = perturb_graph(graph, change["kind"], change["share"], generator(*snakemake.params.seed))
    print(f"{change['kind']} {change['share']:g}: {graph.adjacency.nnz} entries, now {changed.adjacency.nnz}")
    write_edges(changed, snakemake.output.edges)
    with replacing(snakemake.output.nodes) as partial:
        copyfile(snakemake.input[1], partial)
