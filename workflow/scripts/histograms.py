"""Each gene's histogram over the cells of each perturbation, for models that predict distributions."""

from perturbselect.data.count_histograms import write_histograms
from perturbselect.files import read_h5ad
from perturbselect.job import logged
from perturbselect.seeds import generator

with logged(snakemake.log[0]):
    expression = read_h5ad(snakemake.input[0], backed="r")
    write_histograms(expression, generator(*snakemake.params.seed), snakemake.output[0])
