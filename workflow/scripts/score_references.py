"""Score what every model stands between: no response at all, and the other half of the cells."""

import pandas as pd

from perturbselect.data.histograms import HistogramFile
from perturbselect.files import read_h5ad, read_tsv, write_parquet
from perturbselect.job import logged
from perturbselect.scores.score import ceiling, floor

with logged(snakemake.log[0]):
    responses = read_h5ad(snakemake.input.responses)
    parts = read_tsv(snakemake.input.split)
    test = parts.loc[parts["part"] == "test", "perturbation"].to_numpy(str)
    run = snakemake.wildcards.dataset, int(snakemake.wildcards.split)
    histograms = HistogramFile.among(snakemake.input.get("histograms", []))
    references = [of(responses, test, *run, histograms) for of in (floor, ceiling)]
    write_parquet(pd.concat([r for r in references if len(r)], ignore_index=True), snakemake.output[0])
