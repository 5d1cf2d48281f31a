"""Train one model on one selection's picks, for each budget, and predict the test perturbations."""

import anndata
import numpy as np
import pandas as pd

from perturbselect.budgets import budget_label, budget_size
from perturbselect.files import read_h5ad, read_tsv, write_h5ad, write_tsv
from perturbselect.graphs.graph import read_graph
from perturbselect.job import logged
from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge
from perturbselect.seeds import integer_seed

with logged(snakemake.log[0]):
    model = MODELS[snakemake.params.model](**snakemake.params.options)
    responses = read_h5ad(snakemake.input.responses)
    parts = read_tsv(snakemake.input.split)
    picks = read_tsv(snakemake.input.picks)["gene"].to_numpy(str)
    pool_size = int((parts["part"] == "pool").sum())
    test = parts.loc[parts["part"] == "test", "perturbation"].to_numpy(str)
    files = list(snakemake.input.get("graphs", []))
    graphs = {name: read_graph(*files[2 * i : 2 * i + 2]) for i, name in enumerate(snakemake.params.graphs)}
    paths = zip(snakemake.params.kernels, snakemake.input.get("kernels", []), strict=True)
    kernels = {name: read_h5ad(path).to_df() for name, path in paths}

    # `--resources gpu=0` takes the device from a job that asks for one.
    device = snakemake.params.device
    if device == "cuda" and snakemake.resources.gpu == 0:
        device = "cpu"
    histories = []
    for budget, path in zip(snakemake.params.budgets, snakemake.output.predictions, strict=True):
        training = responses[picks[: budget_size(budget, pool_size)]].copy()
        seed = integer_seed(*snakemake.params.seed)
        prediction = model.predict(training, test, Knowledge(graphs, kernels), seed, device)
        predictions = anndata.AnnData(
            prediction.mean.astype(np.float32),
            obs=pd.DataFrame(index=test),
            var=pd.DataFrame(
                {"training_mean": np.asarray(training.X).mean(axis=0)}, index=responses.var_names
            ),
            uns={
                "dataset": snakemake.wildcards.dataset,
                "model": snakemake.params.label,
                "strategy": snakemake.wildcards.strategy,
                "split": int(snakemake.wildcards.split),
                "seed": int(snakemake.wildcards.seed),
                "budget": budget_label(budget),
                "n_selected": training.n_obs,
                "simulated": bool(responses.uns["simulated"]),
            },
        )
        if prediction.variance is not None:
            predictions.layers["variance"] = prediction.variance.astype(np.float32)
        print(budget, prediction.summary)
        write_h5ad(predictions, path)
        histories.append(prediction.history.assign(budget=budget_label(budget)))
    write_tsv(pd.concat(histories), snakemake.output.history)
