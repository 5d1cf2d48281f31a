"""Train a model on all that is measured before a round; keep what it says of the whole pool."""

import anndata
import numpy as np
import pandas as pd

from perturbselect.budgets import budget_size
from perturbselect.files import read_h5ad, write_h5ad
from perturbselect.graphs.graph import read_graph
from perturbselect.job import logged
from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge
from perturbselect.rounds.engine.so_far import so_far
from perturbselect.seeds import integer_seed
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    params = snakemake.params
    model = MODELS[params.model](**params.options)
    responses = read_h5ad(snakemake.input.responses)
    parts = read_table("splits", snakemake.input.split)
    pool = parts.loc[parts["part"] == "pool", "perturbation"].to_numpy(str)
    start, *batches = (read_table("selections", path) for path in snakemake.input.picks)
    measured = so_far(start, batches, budget_size(params.initial, len(pool)))["gene"].to_numpy(str)
    files = list(snakemake.input.get("graphs", []))
    graphs = {name: read_graph(*files[2 * i : 2 * i + 2]) for i, name in enumerate(params.graphs)}
    paths = zip(params.kernels, snakemake.input.get("kernels", []), strict=True)
    kernels = {name: read_h5ad(path).to_df() for name, path in paths}

    # `--resources gpu=0` takes the device from a job that asks for one.
    device = "cpu" if params.device == "cuda" and snakemake.resources.gpu == 0 else params.device
    names = np.r_[measured, pool[~np.isin(pool, measured)]]
    asked = {} if params.features in ("effect", "variance") else {"features": (params.features,)}
    prediction = model.predict(
        responses[measured].copy(),
        names,
        Knowledge(graphs, kernels),
        integer_seed(*params.seed),
        device,
        **asked,
    )
    print(prediction.summary)
    features = anndata.AnnData(
        prediction.feature(params.features).astype(np.float32),
        obs=pd.DataFrame({"measured": np.isin(names, measured)}, index=names),
        uns={"features": params.features, "simulated": bool(responses.uns["simulated"])},
    )
    write_h5ad(features, snakemake.output[0])
