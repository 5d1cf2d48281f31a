"""Filter guides and cells, normalise, choose genes."""

from perturbselect.config import Preprocess
from perturbselect.data.preprocess import preprocess
from perturbselect.files import read_h5ad, write_h5ad
from perturbselect.job import logged
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    options = Preprocess(**snakemake.params.options)
    cells = read_h5ad(snakemake.input[0])
    expression, filters = preprocess(cells, options, snakemake.wildcards.dataset)
    print(filters.to_string())
    write_table(filters, "filters", snakemake.output.filters)
    write_h5ad(expression, snakemake.output.expression)
