"""Choose perturbations with one strategy, up to the largest budget."""

from perturbselect.budgets import budget_size
from perturbselect.config import Constraints
from perturbselect.data.gene_names import read_aliases
from perturbselect.files import read_h5ad, read_tsv, write_json
from perturbselect.graphs.graph import read_graph
from perturbselect.job import effort, logged
from perturbselect.provenance import file_digest
from perturbselect.seeds import generator
from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.requirements import requirements
from perturbselect.selection.strategy import Problem
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    strategy = STRATEGIES[snakemake.params.strategy](**snakemake.params.options)
    parts = read_tsv(snakemake.input.split)
    names = {part: rows["perturbation"].to_numpy(str) for part, rows in parts.groupby("part")}
    graph = read_graph(*snakemake.input.graph) if snakemake.input.get("graph") else None
    kernel = read_h5ad(snakemake.input.kernel[0]).to_df() if snakemake.input.get("kernel") else None
    constraints, facts = requirements(
        Constraints(**snakemake.params.constraints),
        dict(zip(snakemake.params.tables, snakemake.input.get("tables", []), strict=True)),
        names["pool"],
        names["test"],
        read_aliases(next(iter(snakemake.input.get("aliases", [])), None)),
    )
    truth = read_h5ad(snakemake.input.responses[0]).to_df() if snakemake.input.get("responses") else None
    problem = Problem(names["pool"], names["test"], graph, kernel, constraints, truth)
    budget = max(budget_size(budget, len(names["pool"])) for budget in snakemake.params.budgets)
    with effort() as spent:
        selection = strategy.select(problem, budget, generator(*snakemake.params.seed))
    files = [
        *snakemake.input.get("graph", []),
        *snakemake.input.get("kernel", []),
        *snakemake.input.get("tables", []),
    ]
    summary = {
        "strategy": snakemake.params.strategy,
        "options": snakemake.params.options,
        "seed": snakemake.params.seed,
        "digests": {file: file_digest(file) for file in snakemake.input},
        **facts,
        **selection.summary,
        **spent,
    }
    write_table(selection.table, "selections", snakemake.output.picks)
    write_json(summary, snakemake.output.summary)
