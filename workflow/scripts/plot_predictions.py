"""Draw predicted against true responses of one run: a well, a fairly and a badly predicted perturbation."""

from perturbselect.files import read_h5ad, read_parquet
from perturbselect.job import logged
from perturbselect.report.predicted_true import best_median_worst, plot
from perturbselect.report.style import save

with logged(snakemake.log[0]):
    responses = read_h5ad(snakemake.input.responses)
    found = map(read_h5ad, snakemake.input.predictions)
    predictions = {prediction.uns["model"]: prediction for prediction in found}
    run = snakemake.params.run
    of_run = [("dataset", "==", snakemake.wildcards.dataset), *((key, "==", run[key]) for key in run)]
    scores = read_parquet(snakemake.input.scores, filters=of_run)
    words = "{n} picked by {strategy}, split {split}, seed {seed}"
    figure = plot(
        responses,
        predictions,
        best_median_worst(scores),
        what=words.format(n=scores["n_selected"].max(), **run),
        dataset=snakemake.params.title,
        simulated=bool(responses.uns["simulated"]),
    )
    save(figure, snakemake.output[0].removesuffix(".svg"))
