"""Share of a graph that the picks of every strategy reach, pick by pick."""

import pandas as pd

from perturbselect.graphs.graph import read_graph
from perturbselect.graphs.propagation import coverage_curve
from perturbselect.job import logged
from perturbselect.table_schema import read_table, write_table

with logged(snakemake.log[0]):
    graph = read_graph(*snakemake.input.graph)
    tables = []
    for run, path in zip(snakemake.params.runs, snakemake.input.picks, strict=True):
        strategy, split, seed = run.split()
        picks = read_table("selections", path)
        table = pd.DataFrame(
            {
                "strategy": strategy,
                "split": int(split),
                "seed": int(seed),
                "rank": picks["rank"],
                "coverage": coverage_curve(graph, picks["gene"].to_numpy(str), hops=1, direction="in"),
            }
        )
        tables.append(table.drop_duplicates("rank", keep="last"))  # rank 0: all measured already
    write_table(pd.concat(tables), "coverage", snakemake.output[0])
