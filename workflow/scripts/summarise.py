"""Each perturbation's response: moments over all pairings, differential expression."""

from perturbselect.data.summarise import summarise
from perturbselect.files import read_h5ad, write_h5ad
from perturbselect.job import logged
from perturbselect.seeds import generator

with logged(snakemake.log[0]):
    expression = read_h5ad(snakemake.input[0], backed="r")
    responses = summarise(expression, snakemake.params.test, generator(*snakemake.params.seed))
    write_h5ad(responses, snakemake.output[0])
