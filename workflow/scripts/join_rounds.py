"""Join the picks of all rounds of a run to one selection."""

from perturbselect.budgets import budget_size
from perturbselect.errors import InputError
from perturbselect.files import read_json, write_json
from perturbselect.job import logged
from perturbselect.rounds.engine.so_far import so_far
from perturbselect.table_schema import read_table, write_table

with logged(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    parts = read_table("splits", files.split)
    pool = int((parts["part"] == "pool").sum())
    batches = [read_table("selections", path) for path in files.batches]
    picks = so_far(
        read_table("selections", files.start), batches, budget_size(params.rounds["initial"], pool)
    )
    for budget in params.budgets:
        if budget_size(budget, pool) > picks["rank"].max():
            raise InputError(
                f"strategies.{params.label}: the rounds end with {picks['rank'].max()} "
                f"perturbations, before the budget {budget}; raise rounds.count or rounds.batch, or leave "
                "the budget out"
            )
    write_table(picks, "selections", snakemake.output.picks)
    rounds = [read_json(path) for path in files.summaries]
    about = {
        "strategy": params.acquisition,
        "options": params.options,
        "rounds": params.rounds | {"made": rounds},
        "candidates": pool,
        "picks": int(picks["rank"].max()),
        "measured": int((picks["rank"] == 0).sum()),
        "seconds": round(sum(one["seconds"] for one in rounds), 3),
        "peak_memory_mb": max(one["peak_memory_mb"] for one in rounds),
    }
    write_json(about, snakemake.output.summary)
