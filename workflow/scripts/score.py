"""Score the predictions of all runs of a model and strategy, at every budget."""

import pandas as pd

from perturbselect.data.histograms import HistogramFile
from perturbselect.files import read_h5ad, write_parquet
from perturbselect.job import logged
from perturbselect.models.run_file import by_budget
from perturbselect.scores.score import Truth, score
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    responses = read_h5ad(snakemake.input.responses)
    histograms = HistogramFile.among(snakemake.input.get("histograms", []))
    truths = {}
    for split, path in zip(snakemake.params.splits, snakemake.input.splits, strict=True):
        parts = read_table("splits", path)
        test = parts.loc[parts["part"] == "test", "perturbation"].tolist()
        truths[split] = Truth.of_split(responses, test)
    frames = []
    for path in snakemake.input.predictions:
        for predictions in by_budget(read_h5ad(path)):
            frames.append(score(truths[int(predictions.uns["split"])], predictions, histograms))
    write_parquet(pd.concat(frames, ignore_index=True), snakemake.output[0])
