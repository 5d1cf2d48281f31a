"""Tests and ranks of all strategies, and what the variance of their scores comes from."""

from pathlib import Path

from perturbselect.files import read_tsv
from perturbselect.job import logged
from perturbselect.scores.rankings import rankings
from perturbselect.scores.runs import read_scores
from perturbselect.scores.stability import run_of
from perturbselect.scores.variance import variance
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    scores = read_scores(snakemake.input.scores)
    contenders = scores[~scores["strategy"].isin(snakemake.params.marks)]
    measured = {run_of(path): read_tsv(path)["gene"].tolist() for path in map(Path, snakemake.input.picks)}
    found = rankings(contenders)
    write_table(found.tests, "strategy_tests", snakemake.output.tests)
    write_table(found.ranks, "ranks", snakemake.output.ranks)
    write_table(found.pairs, "pairs", snakemake.output.pairs)
    write_table(variance(scores, measured), "variance", snakemake.output.variance)
