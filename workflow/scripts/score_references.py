"""Score what every model stands between: no response at all, and the other half of the cells."""

import pandas as pd

from perturbselect.data.histograms import HistogramFile
from perturbselect.files import read_h5ad, write_parquet
from perturbselect.job import logged
from perturbselect.scores.score import ceiling, floor
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    responses = read_h5ad(snakemake.input.responses)
    histograms = HistogramFile.among(snakemake.input.get("histograms", []))
    references = []
    for split, path in zip(snakemake.params.splits, snakemake.input.splits, strict=True):
        parts = read_table("splits", path)
        test = parts.loc[parts["part"] == "test", "perturbation"].to_numpy(str)
        for reference in (floor, ceiling):
            references.append(reference(responses, test, snakemake.wildcards.dataset, split, histograms))
    write_parquet(pd.concat([r for r in references if len(r)], ignore_index=True), snakemake.output[0])
