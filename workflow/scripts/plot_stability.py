"""Draw how alike a strategy's selections stay when something changes."""

from perturbselect.files import is_simulated
from perturbselect.job import logged
from perturbselect.report.stability import plot
from perturbselect.report.style import save
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    figure = plot(
        read_table("stability", snakemake.input.stability),
        snakemake.wildcards.dataset,
        strategies=snakemake.params.strategies,
        budget=snakemake.params.budget,
        simulated=is_simulated(snakemake.input.responses),
        name=snakemake.params.title,
    )
    save(figure, snakemake.output[0].removesuffix(".svg"))
