"""Write scores by strategy and budget as HTML and LaTeX, and the README of all columns."""

from perturbselect.files import is_simulated, read_parquet, write_bytes
from perturbselect.job import logged
from perturbselect.report.columns import columns_page
from perturbselect.report.publication import publication_latex, publication_page, table
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    given = snakemake.params
    curves = read_table("learning_curves", snakemake.input.curves)
    curves = curves[~curves["strategy"].isin(given.marks)]
    pairs = read_parquet(snakemake.input.pairs)
    made = []
    for dataset, name, path in zip(given.datasets, given.names, snakemake.input.responses, strict=True):
        name += " (simulated data)" if is_simulated(path) else ""
        made += [table(curves, pairs, dataset, name, metric) for metric in given.metrics]
    made = [found for found in made if found is not None]
    write_bytes(publication_page(made, f"{given.title}: scores").encode(), snakemake.output.page)
    write_bytes(publication_latex(made).encode(), snakemake.output.latex)
    write_bytes(columns_page(given.tables).encode(), snakemake.output.columns)
