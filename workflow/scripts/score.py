"""Score the predictions of all runs of a model and strategy, at every budget."""

import pandas as pd

from perturbselect.data.histograms import HistogramFile
from perturbselect.files import read_h5ad, write_parquet
from perturbselect.job import logged
from perturbselect.scores.score import score

with logged(snakemake.log[0]):
    responses = read_h5ad(snakemake.input.responses)
    histograms = HistogramFile.among(snakemake.input.get("histograms", []))
    frames = [score(responses, read_h5ad(path), histograms) for path in snakemake.input.predictions]
    write_parquet(pd.concat(frames, ignore_index=True), snakemake.output[0])
