"""Describe what each strategy picked in a dataset, and draw it."""

from perturbselect.config import Constraints
from perturbselect.files import is_simulated, read_h5ad
from perturbselect.graphs.graph import read_graph
from perturbselect.job import logged
from perturbselect.report.selected import plot
from perturbselect.report.style import save
from perturbselect.scores.selected import selected
from perturbselect.selection.engine.read_problem import read_problem
from perturbselect.table_schema import read_table, write_table

with logged(snakemake.log[0]):
    files, given = snakemake.input, snakemake.params
    about = Constraints(**given.constraints), dict(zip(given.tables, files.get("tables", []), strict=True))
    aliases = next(iter(files.get("aliases", [])), None)
    splits = zip(given.splits, files.splits, strict=True)
    problems = {split: read_problem(path, *about, aliases)[0] for split, path in splits}
    picks = {}
    for run, path in zip(given.runs, files.picks, strict=True):
        strategy, split, seed = run.split()
        picks[strategy, int(split), int(seed)] = read_table("selections", path)
    pairs = zip(files.get("edges", []), files.get("nodes", []), strict=True)
    graphs = {name: read_graph(*pair) for name, pair in zip(given.graphs, pairs, strict=True)}
    responses = read_h5ad(files.responses).to_df()
    study = given.graph_of, given.budgets
    table = selected(snakemake.wildcards.dataset, picks, problems, responses, graphs, *study)
    write_table(table, "selected", snakemake.output.table)
    colours = {"strategies": given.strategies, "baseline": given.baseline, "marks": given.marks}
    figure = plot(table, dataset=given.title, simulated=is_simulated(files.responses), **colours)
    save(figure, snakemake.output.figure.removesuffix(".svg"))
