"""Import a screen's counts from an .h5ad, whatever its spelling."""

from perturbselect.config import CellSource
from perturbselect.data.cells import read_cells
from perturbselect.data.gene_names import read_aliases
from perturbselect.files import write_h5ad
from perturbselect.job import logged
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    source = CellSource(**snakemake.params.source)
    aliases = read_aliases(next(iter(snakemake.input.aliases), None))
    cells, names = read_cells(snakemake.input.source, source, aliases, snakemake.wildcards.dataset)
    write_table(names, "gene_names", snakemake.output.names)
    write_h5ad(cells, snakemake.output.cells)
