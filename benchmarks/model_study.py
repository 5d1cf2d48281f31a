"""Compare the models on four screens of published responses and on a simulated one.

``python benchmarks/model_study.py`` prints, for each screen and budget, the mean over splits of the
explained variance, of the Pearson r with the training mean as reference, and of the centroid accuracy
of each model; then the paired differences of `graphnet` to both forms of `kernel_ridge`, with 95 %
bootstrap intervals over splits; last, one line of JSON: explained variance by screen, budget and model.

The studies are ``benchmarks/model_study/*.yaml``: models and their options, kernels, 5 splits with a
quarter held out, budgets as shares of the pool, picks at random (the same for all models). The
workflow makes responses, graphs and kernels, in ``--folder``. `graphnet_head` is the part of
`graphnet` without its network. ``--quick`` looks at 2 splits; ``--only`` at some screens;
``--development`` at splits that the study does not use, for work on a model.

Scores are kept in ``--folder`` as they come, so that a run that was cut off, or cut in pieces by
``--only``, goes on. A change of the study or of the code of models and scores begins anew.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the jobs share the cores

import numpy as np
import pandas as pd
import yaml
from joblib import Parallel, delayed
from tqdm import tqdm

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow"))

from perturbselect.budgets import budget_size  # noqa: E402
from perturbselect.config import Config  # noqa: E402
from perturbselect.data.splits import split  # noqa: E402
from perturbselect.files import read_h5ad  # noqa: E402
from perturbselect.graphs.graph import read_graph  # noqa: E402
from perturbselect.load_config import load_config  # noqa: E402
from perturbselect.models.graphnet import FEWEST, Graphnet  # noqa: E402
from perturbselect.models.model import Knowledge  # noqa: E402
from perturbselect.scores.metrics import METRICS  # noqa: E402
from perturbselect.seeds import generator, integer_seed  # noqa: E402

METRICS_SHOWN = ("explained_variance", "pearson_delta_perturbed_ref", "centroid_accuracy")
HEAD = "graphnet_head"
STUDY = "model study"  # seeds every random choice of the study: no split of it was used to develop a model
DEVELOPMENT = "model development"
STUDIES = REPOSITORY / "benchmarks" / "model_study"


def make_inputs(
    config: Config, study: Path, datasets: list[str], folder: Path, data_root: Path | None
) -> Path:
    """Let the workflow make responses, graphs and kernels of some datasets; return their folder."""
    targets = []
    for name in datasets:
        dataset = config.datasets[name]
        graphs = [
            g for g, graph in config.graphs.items() if dataset.type == "cells" or graph.type != "coexpression"
        ]
        targets += [f"results/{name}/responses.h5ad"]
        targets += [f"results/{name}/graphs/{graph}.edges.tsv.gz" for graph in graphs]
        targets += [f"results/{name}/kernels/{kernel}.h5ad" for kernel in config.kernels]
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "snakemake", "--cores", str(os.cpu_count())]
    command += ["--snakefile", str(REPOSITORY / "Snakefile"), "--configfile", str(study)]
    command += ["--quiet", "progress", "rules"]
    if data_root is not None:
        command += ["--config", f"data_root={data_root.resolve()}"]
    subprocess.run([*command, "--directory", str(folder), "--", *targets], check=True)
    return folder / "results"


def code_digest(study: Path) -> str:
    """Return a digest of what scores depend on, other than the inputs."""
    package = REPOSITORY / "workflow" / "perturbselect"
    code = [*sorted((package / "models").rglob("*.py")), package / "scores" / "metrics.py"]
    files = [study, Path(__file__), package / "data" / "splits.py", package / "seeds.py", *code]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def kept(kept_at: Path, config: Config, results: Path, dataset: str, *rest: Any) -> pd.DataFrame:
    """Return the scores of `compared`, from the file of an earlier run if its inputs are older."""
    if kept_at.exists() and kept_at.stat().st_mtime > newest(results / dataset):
        return pd.read_csv(kept_at, dtype={"budget": str})
    table = pd.DataFrame(compared(config, results, dataset, *rest))
    kept_at.parent.mkdir(parents=True, exist_ok=True)
    part = kept_at.with_suffix(".part")
    table.to_csv(part, index=False)
    part.replace(kept_at)
    return table


def newest(folder: Path) -> float:
    """Return the time of the latest change of a dataset's inputs."""
    return max(file.stat().st_mtime for file in folder.rglob("*.*") if file.is_file())


def compared(
    config: Config, results: Path, dataset: str, number: int, budget: str, words: str
) -> list[dict[str, Any]]:
    """Score every model of a study on one split and budget."""
    import torch

    from perturbselect.models import MODELS  # here: a worker finds the models itself

    torch.set_num_threads(1)
    folder = results / dataset
    responses = read_h5ad(folder / "responses.h5ad")
    graphs = {
        name: read_graph(folder / f"graphs/{name}.edges.tsv.gz", folder / f"graphs/{name}.nodes.tsv")
        for name in config.graphs
        if (folder / f"graphs/{name}.edges.tsv.gz").exists()
    }
    kernels = {name: read_h5ad(folder / f"kernels/{name}.h5ad").to_df() for name in config.kernels}
    knowledge = Knowledge(graphs, kernels)
    parts = split(
        responses.obs_names.to_numpy(str),
        config.splits.test_share,
        generator(config.seed, words, dataset, "split", number),
    )
    pool = parts.loc[parts["part"] == "pool", "perturbation"].to_numpy(str)
    test = parts.loc[parts["part"] == "test", "perturbation"].to_numpy(str)
    order = generator(config.seed, words, dataset, "picks", number).permutation(pool)
    training = responses[order[: budget_size(budget, len(pool))]].copy()
    truth = np.asarray(responses[test].X, np.float64)
    mean = np.asarray(training.X, np.float64).mean(axis=0)
    seed = integer_seed(config.seed, words, dataset, "train", number)

    rows = []
    for label, entry in config.models.items():
        model = MODELS.build(label, entry)[1]
        start = time.process_time()
        if isinstance(model, Graphnet) and training.n_obs >= FEWEST:
            base = model.base(training, test, knowledge, seed)
            predicted = {HEAD: base.predicted[training.n_obs :]}
            correction = model.correction(base, training, test, knowledge, seed, "cpu")[0]
            predicted[label] = predicted[HEAD] + correction
        else:
            predicted = {label: model.predict(training, test, knowledge, seed, "cpu").mean}
            if isinstance(model, Graphnet):  # it is kernel ridge: no network
                predicted[HEAD] = predicted[label]
        seconds = time.process_time() - start
        for name, values in predicted.items():
            facts = {"dataset": dataset, "budget": budget, "split": number, "model": name}
            rows.append(facts | {"n": training.n_obs, "seconds": seconds} | scores(values, truth, mean))
    return rows


def scores(predicted: np.ndarray, truth: np.ndarray, mean: np.ndarray) -> dict[str, float]:
    """Score a prediction; undefined values count as the metric says."""
    values = {}
    for name in METRICS_SHOWN:
        metric = METRICS[name]
        needs = (mean,) if "pool_mean" in metric.needs else ()
        raw = np.asarray(metric.function(predicted.astype(np.float64), truth, *needs))
        values[name] = float(np.nanmean(np.where(np.isnan(raw), metric.undefined, raw)))
    return values


def interval(differences: np.ndarray, draws: int = 10_000) -> tuple[float, float]:
    """Return a 95 % bootstrap interval of the mean over splits."""
    chosen = np.random.default_rng(0).integers(0, len(differences), (draws, len(differences)))
    low, high = np.quantile(differences[chosen].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def print_differences(table: pd.DataFrame, other: str) -> None:
    """Print the paired differences of graphnet to another model."""
    print(f"\ngraphnet - {other}: mean over splits [95 % bootstrap interval]")
    wide = table.pivot(index=["dataset", "budget", "split"], columns="model", values=list(METRICS_SHOWN))
    for (dataset, budget), group in wide.groupby(level=["dataset", "budget"], sort=False, observed=True):
        cells = []
        for metric in METRICS_SHOWN:
            difference = (group[metric, "graphnet"] - group[metric, other]).to_numpy()
            low, high = interval(difference)
            cells.append(f"{difference.mean():+.4f} [{low:+.4f}, {high:+.4f}]")
        print(f"{dataset:14}{budget:>6}  " + "  ".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="2 splits instead of 5")
    parser.add_argument("--only", nargs="+", metavar="SCREEN", help="some of the screens")
    parser.add_argument("--development", action="store_true", help="splits that the study does not use")
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "runs" / "model_study")
    parser.add_argument("--data-root", type=Path, help="where the screens are (default: as the configs say)")
    options = parser.parse_args()
    words = DEVELOPMENT if options.development else STUDY
    jobs = []
    for study in sorted(STUDIES.glob("*.yaml")):
        config = load_config(yaml.safe_load(study.read_text()), study.name)
        datasets = [name for name in config.datasets if not options.only or name in options.only]
        if not datasets:
            continue
        results = make_inputs(config, study, datasets, options.folder / study.stem, options.data_root)
        scores_at = options.folder / "scores" / f"{words} {code_digest(study)}"
        for dataset in datasets:
            for number in range(2 if options.quick else config.splits.count):
                for budget in config.budgets:
                    kept_at = scores_at / f"{dataset}-{number}-{budget.rstrip('%')}.csv"
                    jobs.append((kept_at, config, results, dataset, number, budget, words))
    if not jobs:
        parser.error("--only: no such screen")
    done = Parallel(n_jobs=os.cpu_count(), return_as="generator")(delayed(kept)(*job) for job in jobs)
    print_tables(pd.concat(list(tqdm(done, total=len(jobs), mininterval=30)), ignore_index=True))


def print_tables(table: pd.DataFrame) -> None:
    """Print means over splits, paired differences, and the line of JSON."""
    order = {name: list(dict.fromkeys(table[name])) for name in ("dataset", "budget", "model")}
    table = table.astype({name: pd.CategoricalDtype(values) for name, values in order.items()})
    means = table.groupby(["dataset", "budget", "model"], observed=True).mean(numeric_only=True)
    for metric in METRICS_SHOWN:
        print(f"\n{METRICS[metric].label} ({metric}), mean over splits")
        print(means[metric].unstack().assign(n=means["n"].unstack().iloc[:, 0]).round(4).to_string())
    print("\nCPU seconds per training and prediction (one thread), mean over splits")
    print(means["seconds"].unstack().round(2).to_string())
    for other in ("kernel_ridge", "kernel_ridge_mix", "gears"):
        print_differences(table, other)
    explained = means["explained_variance"].unstack()
    print(
        json.dumps(
            {
                dataset: {
                    budget: explained.loc[dataset, budget].round(4).to_dict() for budget in order["budget"]
                }
                for dataset in order["dataset"]
            }
        )
    )


if __name__ == "__main__":
    main()
