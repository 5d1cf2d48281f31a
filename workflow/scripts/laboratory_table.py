"""Compute what every budget takes in the laboratory, by the number of rounds."""

from perturbselect.config import Laboratory
from perturbselect.job import logged
from perturbselect.scores.laboratory import laboratory_table
from perturbselect.table_schema import read_table, write_table

with logged(snakemake.log[0]):
    laboratory = Laboratory(**snakemake.params.laboratory)
    curves = read_table("learning_curves", snakemake.input[0])
    write_table(laboratory_table(curves, laboratory), "laboratory", snakemake.output[0])
