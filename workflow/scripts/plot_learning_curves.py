"""Draw a dataset's learning curves, a figure for each metric."""

from perturbselect.files import is_simulated
from perturbselect.job import logged
from perturbselect.report.learning_curves import plot
from perturbselect.report.style import save
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    curves = read_table("learning_curves", snakemake.input.curves)
    for metric, path in zip(snakemake.params.metrics, snakemake.output.figures, strict=True):
        figure = plot(
            curves,
            snakemake.wildcards.dataset,
            strategies=snakemake.params.strategies,
            baseline=snakemake.params.baseline,
            marks=snakemake.params.marks,
            metrics=[metric],
            simulated=is_simulated(snakemake.input.responses),
            name=snakemake.params.title,
        )
        save(figure, path.removesuffix(".svg"))
