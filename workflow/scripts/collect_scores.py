"""Collect the scores of the runs: each test perturbation's, and each run's mean; list the missing ones."""

import pandas as pd

from perturbselect.files import read_parquet
from perturbselect.job import logged
from perturbselect.scores.runs import missing_runs, run_scores
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    frames = [read_parquet(path) for path in [*snakemake.input.runs, *snakemake.input.references]]
    write_table(run_scores(frames), "scores", snakemake.output.scores)
    perturbations = pd.concat(frames, ignore_index=True)
    write_table(perturbations, "perturbation_scores", snakemake.output.perturbations)
    write_table(missing_runs(snakemake.params.missing), "missing_runs", snakemake.output.missing)
