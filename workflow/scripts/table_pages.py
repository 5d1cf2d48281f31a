"""Write tables as pages of the report: each as it is, and the scores of each strategy with each model."""

from perturbselect.files import is_simulated, write_bytes
from perturbselect.job import logged
from perturbselect.report.html_tables import table_page
from perturbselect.report.strategy_page import strategy_page
from perturbselect.table_schema import read_table, table_schema

with logged(snakemake.log[0]):
    metrics, tables = snakemake.params.metrics, {}
    files = zip(snakemake.params.tables, snakemake.input.tables, snakemake.output.tables, strict=True)
    for name, source, path in files:
        tables[name] = read_table(name, source)
        schema, shown = table_schema(name), tables[name][tables[name]["metric"].isin(metrics)]
        write_bytes(table_page(shown, schema["title"], schema["description"]).encode(), path)

    # Each page looks for its rows, which is quick among categories.
    keys = dict.fromkeys(["dataset", "model", "strategy", "metric"], "category")
    scores = [tables[name].astype(keys) for name in ("learning_curves", "comparisons", "data_saving")]
    titles = {
        dataset: title + (" (simulated data)" if is_simulated(path) else "")
        for (dataset, title), path in zip(
            snakemake.params.titles.items(), snakemake.input.responses, strict=True
        )
    }
    for about, path in zip(snakemake.params.pages, snakemake.output.strategies, strict=True):
        page = strategy_page(*scores, metrics=metrics, name=titles[about["dataset"]], **about)
        write_bytes(page.encode(), path)
