"""Select again with changed tie orders, graphs or kernels."""

from dataclasses import replace

import pandas as pd

from perturbselect.budgets import budget_size
from perturbselect.config import Constraints
from perturbselect.files import read_h5ad
from perturbselect.graphs.graph import read_graph
from perturbselect.job import logged
from perturbselect.scores.stability import reselection
from perturbselect.seeds import generator
from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.read_problem import read_problem
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    strategy = STRATEGIES[params.strategy](**params.options)
    if hasattr(strategy, "exact"):
        strategy = replace(strategy, exact=False)  # the optimum changes no pick, and may take a minute each
    tables = dict(zip(params.tables, files.get("tables", []), strict=True))
    aliases = next(iter(files.get("aliases", [])), None)
    problem, _ = read_problem(files.split, Constraints(**params.constraints), tables, aliases)
    budget = max(budget_size(budget, len(problem.candidates)) for budget in params.budgets)

    def by(paths):
        """Return the problem with the graph (two files) or the kernel (one) that lies there."""
        if len(paths) == 2:
            return replace(problem, graph=read_graph(*paths))
        return replace(problem, kernel=read_h5ad(paths[0]).to_df()) if paths else problem

    base = by(list(files.get("base", [])))
    size = len(files.get("base", []))
    parts = []
    for order in range(1, params.tie_orders + 1):
        picks = strategy.select(base, budget, generator(*params.seed, "ties", order))
        parts.append(reselection(picks.table, "ties", draw=order))
    names = [*params.changes, *params.others]
    paths = [*files.get("changed", []), *files.get("others", [])]
    for place, name in enumerate(names):
        again = by(paths[place * size : (place + 1) * size])
        picks = strategy.select(again, budget, generator(*params.seed))
        parts.append(reselection(picks.table, name))
    write_table(pd.concat(parts), "reselections", snakemake.output[0])
