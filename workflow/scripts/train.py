"""Train one model on one selection's picks, for each budget, and predict the test perturbations."""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd

from perturbselect.budgets import budget_label, budget_size
from perturbselect.data.histograms import HistogramFile
from perturbselect.files import read_h5ad, write_h5ad, write_tsv
from perturbselect.graphs.graph import read_graph
from perturbselect.job import logged
from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge
from perturbselect.seeds import integer_seed
from perturbselect.selection.strategy import chosen, picked
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    model = MODELS[snakemake.params.model](**snakemake.params.options)
    responses = read_h5ad(snakemake.input.responses)
    parts = read_table("splits", snakemake.input.split)
    picks = read_table("selections", snakemake.input.picks)
    pool_size = int((parts["part"] == "pool").sum())
    test = parts.loc[parts["part"] == "test", "perturbation"].to_numpy(str)
    files = list(snakemake.input.get("graphs", []))
    graphs = {name: read_graph(*files[2 * i : 2 * i + 2]) for i, name in enumerate(snakemake.params.graphs)}
    paths = zip(snakemake.params.kernels, snakemake.input.get("kernels", []), strict=True)
    kernels = {name: read_h5ad(path).to_df() for name, path in paths}
    histograms = HistogramFile.among(snakemake.input.get("histograms", []))

    # `--resources gpu=0` takes the device from a job that asks for one.
    device = snakemake.params.device
    if device == "cuda" and snakemake.resources.gpu == 0:
        device = "cpu"
    histories = []
    # What a killed job left: its budgets go on from there.
    checkpoints = [Path(path).with_suffix(".checkpoint") for path in snakemake.output.predictions]
    for budget, path, checkpoint in zip(
        snakemake.params.budgets, snakemake.output.predictions, checkpoints, strict=True
    ):
        training = responses[chosen(picks, budget_size(budget, pool_size))].copy()
        seed = integer_seed(*snakemake.params.seed)
        resume = {"checkpoint": checkpoint} if getattr(model, "resumable", False) else {}
        knowledge = Knowledge(graphs, kernels, histograms.of(training.obs_names) if histograms else None)
        prediction = model.predict(training, test, knowledge, seed, device, **resume)
        predictions = anndata.AnnData(
            prediction.mean.astype(np.float32),
            obs=pd.DataFrame(index=test),
            var=pd.DataFrame(index=responses.var_names),
            uns={
                "dataset": snakemake.wildcards.dataset,
                "model": snakemake.params.label,
                "strategy": snakemake.wildcards.strategy,
                "split": int(snakemake.wildcards.split),
                "seed": int(snakemake.wildcards.seed),
                "budget": budget_label(budget),
                "n_selected": len(picked(picks)[: budget_size(budget, pool_size)]),
                "simulated": bool(responses.uns["simulated"]),
            },
        )
        if prediction.variance is not None:
            predictions.layers["variance"] = prediction.variance.astype(np.float32)
        if prediction.histograms is not None:
            predictions.obsm["histograms"] = prediction.histograms
        print(budget, prediction.summary)
        write_h5ad(predictions, path)
        histories.append(prediction.history.assign(budget=budget_label(budget)))
    write_tsv(pd.concat(histories), snakemake.output.history)
    for checkpoint in checkpoints:
        checkpoint.unlink(missing_ok=True)
