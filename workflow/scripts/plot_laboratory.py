"""Draw time and money in the laboratory against the number of rounds."""

from perturbselect.files import is_simulated
from perturbselect.job import logged
from perturbselect.report.laboratory import plot
from perturbselect.report.style import save
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    figure = plot(
        read_table("laboratory", snakemake.input.laboratory),
        snakemake.wildcards.dataset,
        simulated=is_simulated(snakemake.input.responses),
        name=snakemake.params.title,
    )
    save(figure, snakemake.output[0].removesuffix(".svg"))
