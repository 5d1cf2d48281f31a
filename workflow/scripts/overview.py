"""Write the report's first page, and the results as plain text."""

from perturbselect.files import write_bytes
from perturbselect.job import logged
from perturbselect.report import overview_tables
from perturbselect.report.five_sentences import five_sentences
from perturbselect.report.overview import missing_notice, overview_page
from perturbselect.report.plain_text import text_summary
from perturbselect.scores.summary import simple_models
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    summary = read_table("summary", snakemake.input.summary)
    notices = missing_notice(read_table("missing_runs", snakemake.input.missing), snakemake.params.runs)
    sentences = five_sentences(
        summary,
        read_table("data_saving", snakemake.input.saving),
        read_table("laboratory", snakemake.input.laboratory),
        baseline=snakemake.params.baseline,
        simple=simple_models(snakemake.params.simple),
        network=snakemake.params.network,
    )
    page = overview_page(
        snakemake.params.title,
        sentences=sentences,
        ran=snakemake.params.ran,
        datasets=overview_tables.dataset_table(snakemake.input.responses),
        summary=summary,
        names=overview_tables.name_counts(snakemake.input.names),
        graphs=overview_tables.graph_table(snakemake.input.graphs),
        left_out=overview_tables.left_out(snakemake.input.filters),
        network=snakemake.params.network,
        notices=notices,
    )
    curves = read_table("learning_curves", snakemake.input.curves)
    text = text_summary(
        snakemake.params.title,
        curves,
        summary,
        snakemake.params.metrics,
        network=snakemake.params.network,
        sentences=sentences,
        notices=notices,
    )
    write_bytes(text.encode(), snakemake.output.text)
    write_bytes(page.encode(), snakemake.output.page)
