"""Put IterPert's published runs through this study's statistics and figures."""

import pandas as pd

from perturbselect.job import logged
from perturbselect.report.learning_curves import plot
from perturbselect.report.style import save
from perturbselect.scores.comparisons import comparisons
from perturbselect.scores.curves import area_under_curve, learning_curves
from perturbselect.scores.data_saving import data_saving
from perturbselect.scores.iterpert_runs import CONTENDERS, DATASET, TITLE, iterpert_scores, read_recorded
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    seed, names = snakemake.params.seed, list(CONTENDERS)
    scores = iterpert_scores(read_recorded(snakemake.input[0]))
    shown = scores[scores["strategy"].isin(names)]
    made = {
        "scores": scores,
        "learning_curves": learning_curves(shown, seed=seed),
        "comparisons": pd.concat(
            [comparisons(shown, baseline, seed=seed) for baseline in ("random", "prior_only")]
        ),
        "areas": area_under_curve(shown, seed=seed),
        "data_saving": data_saving(shown, "random", seed=seed),
    }
    for name, table in made.items():
        write_table(table, name, snakemake.output[name])
    metrics = ["pearson_delta", "mse_de20", "mse"]
    figure = plot(made["learning_curves"], DATASET, strategies=names, metrics=metrics, name=TITLE)
    save(figure, snakemake.output.figure.removesuffix(".svg"))
