"""Change a share of an annotation's pairs of gene and term."""

import pandas as pd

from perturbselect.data.gene_names import read_aliases
from perturbselect.files import write_tsv
from perturbselect.graphs.go import read_annotation
from perturbselect.graphs.perturb import perturb_annotation
from perturbselect.job import logged
from perturbselect.seeds import generator

with logged(snakemake.log[0]):
    change = snakemake.params.change
    aliases = read_aliases(next(iter(snakemake.input.aliases), None))
    annotation = read_annotation(snakemake.input.source, snakemake.params.format, aliases)
    changed = perturb_annotation(
        annotation, change["kind"], change["share"], generator(*snakemake.params.seed)
    )
    pairs = changed.matrix.tocoo()
    table = pd.DataFrame({"symbol": changed.genes[pairs.row], "go_id": changed.terms[pairs.col]})
    write_tsv(table, snakemake.output[0])
