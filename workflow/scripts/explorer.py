"""Write the interactive page: learning curves that the reader chooses."""

from perturbselect.files import is_simulated, write_bytes
from perturbselect.job import logged
from perturbselect.report.explorer import explorer_page
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    given = snakemake.params
    made_up = map(is_simulated, snakemake.input.responses)
    page = explorer_page(
        read_table("learning_curves", snakemake.input.curves),
        given.title,
        strategies=given.strategies,
        baseline=given.baseline,
        names=dict(zip(given.datasets, given.names, strict=True)),
        simulated=[dataset for dataset, simulated in zip(given.datasets, made_up, strict=True) if simulated],
    )
    write_bytes(page.encode(), snakemake.output[0])
