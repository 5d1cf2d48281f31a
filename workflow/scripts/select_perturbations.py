"""Choose perturbations with one strategy, up to the largest budget."""

from dataclasses import replace

from perturbselect.budgets import budget_size
from perturbselect.config import Constraints
from perturbselect.files import read_h5ad, write_json
from perturbselect.graphs.graph import read_graph
from perturbselect.job import effort, logged
from perturbselect.provenance import file_digest
from perturbselect.seeds import generator
from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.read_problem import read_problem
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    strategy = STRATEGIES[params.strategy](**params.options)
    tables = dict(zip(params.tables, files.get("tables", []), strict=True))
    aliases = next(iter(files.get("aliases", [])), None)
    problem, facts = read_problem(files.split, Constraints(**params.constraints), tables, aliases)
    problem = replace(
        problem,
        graph=read_graph(*files.graph) if files.get("graph") else None,
        kernel=read_h5ad(files.kernel[0]).to_df() if files.get("kernel") else None,
        responses=read_h5ad(files.responses[0]).to_df() if files.get("responses") else None,
    )
    budget = max(budget_size(budget, len(problem.candidates)) for budget in params.budgets)
    with effort() as spent:
        selection = strategy.select(problem, budget, generator(*params.seed))
    about = {"strategy": params.strategy, "options": params.options, "seed": params.seed}
    about["digests"] = {file: file_digest(file) for file in files}
    write_table(selection.table, "selections", snakemake.output.picks)
    write_json({**about, **facts, **selection.summary, **spent}, snakemake.output.summary)
