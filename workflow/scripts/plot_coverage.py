"""Draw the share of a graph that each strategy's picks reach."""

from perturbselect.files import is_simulated
from perturbselect.job import logged
from perturbselect.report.coverage import plot
from perturbselect.report.style import save
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    figure = plot(
        read_table("coverage", snakemake.input.coverage),
        strategies=snakemake.params.strategies,
        baseline=snakemake.params.baseline,
        graph=snakemake.wildcards.graph,
        dataset=snakemake.params.title,
        simulated=is_simulated(snakemake.input.responses),
    )
    save(figure, snakemake.output[0].removesuffix(".svg"))
