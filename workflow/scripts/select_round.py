"""Choose the batch of one round from what is measured, prior kernels, and what the model says."""

import numpy as np

from perturbselect.budgets import budget_size, measured_after
from perturbselect.config import Constraints
from perturbselect.files import read_h5ad, write_json
from perturbselect.job import effort, logged
from perturbselect.provenance import file_digest
from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates
from perturbselect.rounds.engine.so_far import continued, so_far
from perturbselect.seeds import generator
from perturbselect.selection.engine.read_problem import read_problem
from perturbselect.table_schema import read_table, write_table

with logged(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    read = dict(zip(params.features, files.get("features", []), strict=True))
    kernels = dict(zip(params.kernels, files.get("kernels", []), strict=True))
    acquisition = ACQUISITIONS[params.acquisition](**params.options)
    tables = dict(zip(params.tables, files.get("tables", []), strict=True))
    aliases = next(iter(files.get("aliases", [])), None)
    problem, _ = read_problem(files.split, Constraints(**params.constraints), tables, aliases)
    pool = problem.candidates
    start, *batches = (read_table("selections", path) for path in files.picks)
    picks = so_far(start, batches, budget_size(params.initial, len(pool)))
    measured = picks["gene"].to_numpy(str)
    allowed = np.delete(pool, problem.constraints.exclude)
    free = allowed[~np.isin(allowed, measured)]
    names = np.r_[measured, free]
    features = {kind: read_h5ad(path).to_df().loc[names].to_numpy() for kind, path in read.items()}
    priors = {name: read_h5ad(path).to_df() for name, path in kernels.items()}
    responses = read_h5ad(files.responses[0])[measured].X if files.get("responses") else None
    candidates = Candidates(measured, free, features, priors, problem.queries, responses)
    done = int(picks["rank"].max())
    size = measured_after(int(snakemake.wildcards.round), params.initial, params.batch, len(pool)) - done
    with effort() as spent:
        batch = acquisition.acquire(candidates, size, generator(*params.seed))
    write_table(continued(batch.table(free), done), "selections", snakemake.output.picks)
    facts = {"measured": len(measured), "picks": size, "dry_after": batch.dry_after, "seed": params.seed}
    digests = {file: file_digest(file) for file in files}
    write_json({**facts, "digests": digests, **spent}, snakemake.output.summary)
