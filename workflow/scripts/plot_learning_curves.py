"""Draw a dataset's learning curves by one metric."""

from perturbselect.files import is_simulated
from perturbselect.job import logged
from perturbselect.report.learning_curves import plot
from perturbselect.report.style import save
from perturbselect.scores.curves import read_curves

with logged(snakemake.log[0]):
    figure = plot(
        read_curves(snakemake.input.curves),
        snakemake.wildcards.dataset,
        strategies=snakemake.params.strategies,
        baseline=snakemake.params.baseline,
        marks=snakemake.params.marks,
        metrics=[snakemake.wildcards.metric],
        simulated=is_simulated(snakemake.input.responses),
        name=snakemake.params.title,
    )
    save(figure, snakemake.output[0].removesuffix(".svg"))
