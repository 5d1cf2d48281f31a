"""Write the report's first page from the summary, the datasets, the names and the graphs."""

from perturbselect.files import read_tsv, write_bytes
from perturbselect.job import logged
from perturbselect.report import overview_tables
from perturbselect.report.overview import overview_page

with logged(snakemake.log[0]):
    page = overview_page(
        snakemake.params.title,
        ran=snakemake.params.ran,
        datasets=overview_tables.dataset_table(snakemake.input.responses),
        summary=read_tsv(snakemake.input.summary, dtype={"budget": str}),
        names=overview_tables.name_counts(snakemake.input.names),
        graphs=overview_tables.graph_table(snakemake.input.graphs),
        left_out=overview_tables.left_out(snakemake.input.filters),
    )
    write_bytes(page.encode(), snakemake.output[0])
