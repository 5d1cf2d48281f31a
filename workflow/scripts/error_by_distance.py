"""Average a dataset's scores by the distance to the nearest measured gene, and draw them."""

from pyarrow.compute import field

from perturbselect.files import is_simulated, read_parquet
from perturbselect.graphs.graph import read_graph
from perturbselect.job import logged
from perturbselect.report.error_by_distance import plot
from perturbselect.report.style import save
from perturbselect.scores.distance import error_by_distance
from perturbselect.selection.strategy import chosen
from perturbselect.table_schema import read_table, write_table

with logged(snakemake.log[0]):
    given = snakemake.params
    of_study = (field("dataset") == snakemake.wildcards.dataset) & field("metric").isin(list(given.metrics))
    # Floors and ceiling have no strategy and no budget.
    of_study &= (field("budget") == given.budget) | field("strategy").is_null()
    scores = read_parquet(snakemake.input.scores, filters=of_study)
    sizes = scores.groupby(["strategy", "split", "seed"])["n_selected"].first()
    measured = {}
    for run, path in zip(given.runs, snakemake.input.picks, strict=True):
        strategy, split, seed = run.split()
        if (key := (strategy, int(split), int(seed))) in sizes.index:
            measured[key] = chosen(read_table("selections", path), sizes[key])
    pairs = zip(snakemake.input.edges, snakemake.input.nodes, strict=True)
    graphs = {name: read_graph(*files) for name, files in zip(given.graphs, pairs, strict=True)}
    table = error_by_distance(scores, graphs, measured)
    write_table(table, "error_by_distance", snakemake.output.table)
    about = {"baseline": given.baseline, "metric": given.metrics[0], "dataset": given.title}
    simulated = is_simulated(snakemake.input.responses)
    figure = plot(table, strategies=given.strategies, simulated=simulated, **about)
    save(figure, snakemake.output.figure.removesuffix(".svg"))
