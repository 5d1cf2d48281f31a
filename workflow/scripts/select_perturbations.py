"""Choose perturbations with one strategy, up to the largest budget."""

from perturbselect.budgets import budget_size
from perturbselect.files import read_h5ad, read_tsv, write_json
from perturbselect.graphs.graph import read_graph
from perturbselect.job import logged
from perturbselect.seeds import generator
from perturbselect.selection import STRATEGIES
from perturbselect.selection.strategy import Problem
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    strategy = STRATEGIES[snakemake.params.strategy](**snakemake.params.options)
    parts = read_tsv(snakemake.input.split)
    names = {part: rows["perturbation"].to_numpy(str) for part, rows in parts.groupby("part")}
    graph = read_graph(*snakemake.input.graph) if snakemake.input.get("graph") else None
    budget = max(budget_size(budget, len(names["pool"])) for budget in snakemake.params.budgets)
    kernel = read_h5ad(snakemake.input.kernel[0]).to_df() if snakemake.input.get("kernel") else None
    problem = Problem(names["pool"], names["test"], graph, kernel)
    selection = strategy.select(problem, budget, generator(*snakemake.params.seed))
    write_table(selection.table, "selections", snakemake.output.picks)
    write_json(selection.summary, snakemake.output.summary)
