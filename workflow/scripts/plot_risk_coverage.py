"""Order each run's predictions by their certainty, and draw the error of the most certain ones."""

from perturbselect.files import is_simulated, read_parquet
from perturbselect.job import logged
from perturbselect.report.risk_coverage import plot
from perturbselect.report.style import save
from perturbselect.scores.risk_coverage import risk_coverage
from perturbselect.scores.score import PREDICTED_VARIANCE
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    wanted = [
        ("dataset", "==", snakemake.wildcards.dataset),
        ("metric", "in", ["mse", PREDICTED_VARIANCE]),
    ]
    scores = read_parquet(snakemake.input.scores, filters=wanted)
    curves = risk_coverage(scores, seed=snakemake.params.seed)
    write_table(curves, "risk_coverage", snakemake.output.table)
    figure = plot(
        curves,
        strategies=snakemake.params.strategies,
        baseline=snakemake.params.baseline,
        name=snakemake.params.title,
        simulated=is_simulated(snakemake.input.responses),
    )
    save(figure, snakemake.output.figure.removesuffix(".svg"))
