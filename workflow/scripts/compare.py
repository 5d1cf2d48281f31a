"""Learning curves, areas, data-saving factors and paired comparisons over the runs."""

from perturbselect.job import logged
from perturbselect.scores.comparisons import comparisons
from perturbselect.scores.curves import area_under_curve, learning_curves
from perturbselect.scores.data_saving import data_saving
from perturbselect.scores.runs import read_scores
from perturbselect.scores.summary import simple_models, summary
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    scores = read_scores(snakemake.input[0])
    seed, baseline = snakemake.params.seed, snakemake.params.baseline
    curves = learning_curves(scores, seed=seed)
    contend = ~scores["strategy"].isin(snakemake.params.marks)
    compared = comparisons(scores[contend], baseline, seed=seed)
    made = {
        "learning_curves": curves,
        "comparisons": compared,
        "areas": area_under_curve(scores, seed=seed),
        "data_saving": data_saving(scores, baseline, seed=seed),
        "summary": summary(
            curves[~curves["strategy"].isin(snakemake.params.marks)],
            compared,
            network=snakemake.params.network,
            simple=simple_models(snakemake.params.simple),
        ),
    }
    for name, table in made.items():
        write_table(table, name, snakemake.output[name])
