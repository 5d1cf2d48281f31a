"""Download one file, checked against its checksum."""

import sys

from perturbselect.data.download import download
from perturbselect.job import logged

progress = sys.stderr if sys.stderr.isatty() else None
with logged(snakemake.log[0]):
    download(
        snakemake.params.url,
        snakemake.output[0],
        snakemake.params.checksum,
        member=snakemake.params.member,
        progress=progress,
    )
