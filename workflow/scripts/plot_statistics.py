"""Draw a dataset's data-saving factors and the mean ranks of its strategies."""

from perturbselect.files import is_simulated
from perturbselect.job import logged
from perturbselect.report import critical_difference, data_saving
from perturbselect.report.style import save
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    dataset, given = snakemake.wildcards.dataset, snakemake.params
    about = {
        "strategies": given.strategies,
        "baseline": given.baseline,
        "metrics": given.metrics,
        "simulated": is_simulated(snakemake.input.responses),
        "name": given.title,
    }
    saving = data_saving.plot(
        read_table("data_saving", snakemake.input.saving), dataset, marks=given.marks, **about
    )
    save(saving, snakemake.output.saving.removesuffix(".svg"))
    ranks = read_table("ranks", snakemake.input.ranks)
    tests = read_table("strategy_tests", snakemake.input.tests)
    ranking = critical_difference.plot(ranks, tests, dataset, **about)
    save(ranking, snakemake.output.ranks.removesuffix(".svg"))
