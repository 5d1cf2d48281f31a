"""Draw the mean ranks of the strategies over all datasets."""

from perturbselect.files import is_simulated
from perturbselect.job import logged
from perturbselect.report.critical_difference import plot
from perturbselect.report.style import save
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    figure = plot(
        read_table("ranks", snakemake.input.ranks),
        read_table("strategy_tests", snakemake.input.tests),
        None,
        strategies=snakemake.params.strategies,
        baseline=snakemake.params.baseline,
        metrics=snakemake.params.metrics,
        simulated=any(map(is_simulated, snakemake.input.responses)),
    )
    save(figure, snakemake.output[0].removesuffix(".svg"))
