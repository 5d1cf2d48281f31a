"""Collect the records of all jobs behind the results in one table."""

from pathlib import Path

from perturbselect.job import logged
from perturbselect.records.record import read_records, records_behind
from perturbselect.records.table import provenance_table
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    table = Path(snakemake.output[0])
    records = read_records(Path(), table.with_suffix(""))  # the folder beside it, of the same name
    write_table(provenance_table(records_behind(records, snakemake.input)), "provenance", table)
