"""Simulate a screen with its ontology and interaction network."""

from perturbselect.config import Simulation
from perturbselect.data.simulate import simulate
from perturbselect.files import write_h5ad, write_tsv
from perturbselect.job import logged
from perturbselect.seeds import generator

with logged(snakemake.log[0]):
    screen = simulate(Simulation(**snakemake.params.options), generator(*snakemake.params.seed))
    write_tsv(screen.gene2go, snakemake.output.gene2go)
    write_tsv(screen.interactions, snakemake.output.interactions)
    write_tsv(screen.truth, snakemake.output.truth)
    write_h5ad(screen.cells, snakemake.output.cells)
