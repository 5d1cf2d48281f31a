"""Train one model on the picks of one run or several, for each budget, and predict the test perturbations."""

from pathlib import Path

import pandas as pd

from perturbselect.budgets import budget_label, budget_size
from perturbselect.data.histograms import HistogramFile
from perturbselect.files import read_h5ad, write_h5ad, write_tsv
from perturbselect.graphs.graph import read_graph
from perturbselect.job import logged
from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge
from perturbselect.models.run_file import join_budgets
from perturbselect.seeds import integer_seed
from perturbselect.selection.strategy import chosen, picked
from perturbselect.table_schema import read_table

with logged(snakemake.log[0]):
    params, given, made = snakemake.params, snakemake.input, snakemake.output
    model = MODELS[params.model](**params.options)
    responses = read_h5ad(given.responses)
    files = list(given.get("graphs", []))
    graphs = {name: read_graph(*files[2 * i : 2 * i + 2]) for i, name in enumerate(params.graphs)}
    paths = zip(params.kernels, given.get("kernels", []), strict=True)
    kernels = {name: read_h5ad(path).to_df() for name, path in paths}
    histograms = HistogramFile.among(given.get("histograms", []))
    # `--resources gpu=0` takes the device from a job that asks for one.
    device = "cpu" if params.device == "cuda" and snakemake.resources.gpu == 0 else params.device

    numbers = dict.fromkeys(words[-2] for words in params.seed)
    splits = {number: read_table("splits", path) for number, path in zip(numbers, given.splits, strict=True)}
    histories, checkpoints = [], []
    for words, picks, path in zip(params.seed, given.picks, made.predictions, strict=True):
        split, seed = words[-2:]
        parts, picks = splits[split], read_table("selections", picks)
        pool_size = int((parts["part"] == "pool").sum())
        test = parts.loc[parts["part"] == "test", "perturbation"].to_numpy(str)
        predictions, sizes = {}, {}
        for budget in params.budgets:
            label, size = budget_label(budget), budget_size(budget, pool_size)
            training = responses[chosen(picks, size)].copy()
            # What a killed job left: its budgets go on from there.
            checkpoints.append(Path(path).with_name(f"budget{label}.checkpoint"))
            resume = {"checkpoint": checkpoints[-1]} if getattr(model, "resumable", False) else {}
            knowledge = Knowledge(graphs, kernels, histograms.of(training.obs_names) if histograms else None)
            prediction = model.predict(training, test, knowledge, integer_seed(*words), device, **resume)
            print(f"split {split}, seed {seed}, budget {budget}", prediction.summary)
            predictions[label], sizes[label] = prediction, len(picked(picks)[:size])
            histories.append(prediction.history.assign(split=split, seed=seed, budget=label))
        about = {
            "dataset": snakemake.wildcards.dataset,
            "model": params.label,
            "strategy": snakemake.wildcards.strategy,
            "split": split,
            "seed": seed,
            "simulated": bool(responses.uns["simulated"]),
        }
        write_h5ad(join_budgets(predictions, sizes, test, responses.var_names, about), path)
    write_tsv(pd.concat(histories), made.history)
    for checkpoint in checkpoints:
        for file in checkpoint.parent.glob(f"{checkpoint.name}*"):  # a model may have several
            file.unlink()
