"""Learning curves, areas, data-saving factors and paired comparisons over the runs."""

from perturbselect.job import logged
from perturbselect.scores import tables
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    scores = tables.read_scores(snakemake.input[0])
    seed, baseline = snakemake.params.seed, snakemake.params.baseline
    curves = tables.learning_curves(scores, seed=seed)
    comparisons = tables.comparisons(scores, baseline, seed=seed)
    made = {
        "learning_curves": curves,
        "comparisons": comparisons,
        "areas": tables.area_under_curve(scores, seed=seed),
        "data_saving": tables.data_saving(scores, baseline, seed=seed),
        "summary": tables.summary(
            curves,
            comparisons,
            network=snakemake.params.network,
            simple=tables.simple_models(snakemake.params.registered),
        ),
    }
    for name, table in made.items():
        write_table(table, name, snakemake.output[name])
