"""Write down the study: its whole config, defaults filled in, and the versions of all software."""

import platform
from importlib.metadata import distributions

import pandas as pd
import yaml

from perturbselect.files import write_bytes
from perturbselect.job import logged
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    text = yaml.safe_dump(snakemake.params.study, sort_keys=False, allow_unicode=True, width=100)
    write_bytes(text.encode(), snakemake.output.config)
    versions = {found.metadata["Name"]: found.version for found in distributions()}
    rows = [("python", platform.python_version()), *sorted(versions.items(), key=lambda row: row[0].lower())]
    write_table(pd.DataFrame(rows, columns=["package", "version"]), "software", snakemake.output.software)
