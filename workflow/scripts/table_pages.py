"""Write each table as a page of the report: the metrics that the figures show."""

from perturbselect.files import write_bytes
from perturbselect.job import logged
from perturbselect.report.html_tables import table_page
from perturbselect.table_schema import read_table, table_schema

with logged(snakemake.log[0]):
    files = zip(snakemake.params.tables, snakemake.input, snakemake.output, strict=True)
    for name, source, page in files:
        table = read_table(name, source)
        table = table[table["metric"].isin(snakemake.params.metrics)]
        schema = table_schema(name)
        write_bytes(table_page(table, schema["title"], schema["description"]).encode(), page)
