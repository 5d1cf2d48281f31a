"""Import a screen's counts from a 10x folder and a table of cells, guides and targets."""

from pathlib import Path

from perturbselect.config import CellSource
from perturbselect.data.gene_names import read_aliases
from perturbselect.data.tenx import read_10x
from perturbselect.files import write_h5ad
from perturbselect.job import logged
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    source = CellSource(**snakemake.params.source)
    aliases = read_aliases(next(iter(snakemake.input.aliases), None))
    cells, names = read_10x(
        Path(snakemake.input.matrix[0]).parent,
        snakemake.input.cells,
        source,
        aliases,
        snakemake.wildcards.dataset,
    )
    write_table(names, "gene_names", snakemake.output.names)
    write_h5ad(cells, snakemake.output.cells)
