"""Write a table as a page of the report: the metrics that the figures show."""

from perturbselect.files import read_tsv, write_bytes
from perturbselect.job import logged
from perturbselect.report.html_tables import table_page
from perturbselect.table_schema import table_schema

with logged(snakemake.log[0]):
    table = read_tsv(snakemake.input[0], dtype={"budget": str})
    table = table[table["metric"].isin(snakemake.params.metrics)]
    schema = table_schema(snakemake.params.table)
    write_bytes(table_page(table, schema["title"], schema["description"]).encode(), snakemake.output[0])
