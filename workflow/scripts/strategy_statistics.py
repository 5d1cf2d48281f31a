"""Tests and ranks of all strategies, and what the variance of their scores comes from."""

from pathlib import Path

from perturbselect.job import logged
from perturbselect.scores.rankings import rankings
from perturbselect.scores.runs import read_scores
from perturbselect.scores.stability import run_of
from perturbselect.scores.variance import variance
from perturbselect.selection.strategy import picked
from perturbselect.table_schema import read_table, write_table

with logged(snakemake.log[0]):
    scores = read_scores(snakemake.input.scores)
    contenders = scores[~scores["strategy"].isin(snakemake.params.marks)]
    paths = map(Path, snakemake.input.picks)
    picks = {run_of(path): picked(read_table("selections", path)) for path in paths}
    found = rankings(contenders)
    write_table(found.tests, "strategy_tests", snakemake.output.tests)
    write_table(found.ranks, "ranks", snakemake.output.ranks)
    write_table(found.pairs, "pairs", snakemake.output.pairs)
    write_table(variance(scores, picks), "variance", snakemake.output.variance)
