"""Draw time and money in the laboratory: against the number of rounds, and the score against them."""

from perturbselect.files import is_simulated
from perturbselect.job import logged
from perturbselect.report import laboratory, laboratory_scores
from perturbselect.report.style import save
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    table, dataset = read_table("laboratory", snakemake.input.laboratory), snakemake.wildcards.dataset
    about = {"simulated": is_simulated(snakemake.input.responses), "name": snakemake.params.title}
    save(laboratory.plot(table, dataset, **about), snakemake.output.rounds.removesuffix(".svg"))
    figure = laboratory_scores.plot(
        read_table("learning_curves", snakemake.input.curves),
        table,
        dataset,
        strategies=snakemake.params.strategies,
        rounds=snakemake.params.rounds,
        pool=int((read_table("splits", snakemake.input.split)["part"] == "pool").sum()),
        baseline=snakemake.params.baseline,
        marks=snakemake.params.marks,
        metric=snakemake.params.metric,
        **about,
    )
    save(figure, snakemake.output.scores.removesuffix(".svg"))
