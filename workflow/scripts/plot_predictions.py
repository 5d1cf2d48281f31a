"""Draw predicted against true responses of one run: a well, a fairly and a badly predicted perturbation."""

from perturbselect.files import read_h5ad, read_parquet
from perturbselect.job import logged
from perturbselect.models.run_file import by_budget
from perturbselect.report.predicted_true import best_median_worst, plot
from perturbselect.report.style import save

with logged(snakemake.log[0]):
    responses = read_h5ad(snakemake.input.responses)
    run = snakemake.params.run
    found = [part for path in snakemake.input.predictions for part in by_budget(read_h5ad(path))]
    predictions = {part.uns["model"]: part for part in found if part.uns["budget"] == run["budget"]}
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
