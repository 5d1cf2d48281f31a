"""Draw which perturbations each strategy picked, in the plane of the true responses."""

from perturbselect.budgets import budget_size
from perturbselect.files import read_h5ad
from perturbselect.job import logged
from perturbselect.report.response_space import plot
from perturbselect.report.style import save
from perturbselect.selection.strategy import picked
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    responses = read_h5ad(snakemake.input.responses)
    parts = read_table("splits", snakemake.input.split)
    budget = budget_size(snakemake.params.budget, int((parts["part"] == "pool").sum()))
    strategies = snakemake.params.strategies
    picks = {
        strategy: picked(read_table("selections", path))[:budget]
        for strategy, path in zip(strategies, snakemake.input.picks, strict=True)
    }
    figure = plot(
        responses,
        picks,
        parts.loc[parts["part"] == "test", "perturbation"].tolist(),
        strategies=strategies,
        baseline=snakemake.params.baseline,
        dataset=snakemake.params.title,
        simulated=bool(responses.uns["simulated"]),
    )
    save(figure, snakemake.output[0].removesuffix(".svg"))
