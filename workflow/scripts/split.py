"""Hold out a share of the perturbed genes."""

from perturbselect.data.splits import split
from perturbselect.files import read_names
from perturbselect.job import logged
from perturbselect.seeds import generator
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    perturbations = read_names(snakemake.input[0])
    parts = split(perturbations, snakemake.params.test_share, generator(*snakemake.params.seed))
    write_table(parts, "splits", snakemake.output[0])
