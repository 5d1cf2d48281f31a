"""Import a screen that is published as one response per perturbation."""

from perturbselect.config import ResponseSource
from perturbselect.data.gene_names import read_aliases
from perturbselect.data.responses import read_responses
from perturbselect.files import write_h5ad
from perturbselect.job import logged
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    source = ResponseSource(**snakemake.params.source)
    aliases = read_aliases(next(iter(snakemake.input.aliases), None))
    responses, names = read_responses(snakemake.input.source, source, aliases, snakemake.wildcards.dataset)
    write_table(names, "gene_names", snakemake.output.names)
    write_h5ad(responses, snakemake.output.responses)
