"""Draw each strategy's paired difference to random, a figure for each metric."""

from perturbselect.files import is_simulated
from perturbselect.job import logged
from perturbselect.report.comparison import plot
from perturbselect.report.style import save
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    comparisons = read_table("comparisons", snakemake.input.comparisons)
    for metric, path in zip(snakemake.params.metrics, snakemake.output.figures, strict=True):
        figure = plot(
            comparisons,
            snakemake.wildcards.dataset,
            strategies=snakemake.params.strategies,
            metric=metric,
            simulated=is_simulated(snakemake.input.responses),
            name=snakemake.params.title,
        )
        save(figure, path.removesuffix(".svg"))
