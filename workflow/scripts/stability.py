"""How alike selections are over seeds, splits, tie orders and changed graphs."""

from pathlib import Path

from perturbselect.files import read_tsv
from perturbselect.job import logged
from perturbselect.scores.stability import run_of, stability
from perturbselect.table_schema import write_table

with logged(snakemake.log[0]):
    selections, pools, again = {}, {}, {}
    for path in map(Path, snakemake.input.picks):
        table = read_tsv(path)
        selections[run_of(path)] = table.loc[table["rank"] > 0, "gene"].tolist()
    for path in map(Path, snakemake.input.splits):
        parts = read_tsv(path)
        dataset, split = path.parts[-3], int(path.stem.removeprefix("split"))
        pools[dataset, split] = set(parts.loc[parts["part"] == "pool", "perturbation"])
    for path in map(Path, snakemake.input.again):
        again[path.parts[-5], path.parts[-2], int(path.stem.removeprefix("split"))] = read_tsv(path)
    write_table(
        stability(selections, again, pools, snakemake.params.budgets), "stability", snakemake.output[0]
    )
