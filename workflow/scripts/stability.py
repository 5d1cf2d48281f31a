"""How alike selections are over seeds, splits, tie orders and changed graphs."""

from pathlib import Path

from perturbselect.job import logged
from perturbselect.scores.stability import run_of, stability
from perturbselect.selection.strategy import picked
from perturbselect.table_schema import read_table, write_table

with logged(snakemake.log[0]):
    selections, pools, again = {}, {}, {}
    for path in map(Path, snakemake.input.picks):
        selections[run_of(path)] = picked(read_table("selections", path))
    for path in map(Path, snakemake.input.splits):
        parts = read_table("splits", path)
        dataset, split = path.parts[-3], int(path.stem.removeprefix("split"))
        pools[dataset, split] = set(parts.loc[parts["part"] == "pool", "perturbation"])
    for path in map(Path, snakemake.input.again):
        run = path.parts[-5], path.parts[-2], int(path.stem.removeprefix("split"))
        again[run] = read_table("reselections", path)
    write_table(
        stability(selections, again, pools, snakemake.params.budgets), "stability", snakemake.output[0]
    )
