"""Compare choosing at once with choosing in rounds, on two real screens and a simulated one.

``python benchmarks/active_study.py`` prints, for each screen: the error (MSE) and the Pearson r with the
training mean as reference at every budget; area under the error's curve, data-saving factor at the full
budget, stability of the chosen set over seeds and over splits, CPU seconds of choosing and of training in
between, laboratory rounds and days; then the paired differences at the full budget to `random` and to
the best strategy that chooses at once, with Holm-corrected p; last, one line of JSON by dataset, model
and strategy: error at the full budget, area, stability.

The studies are ``benchmarks/active_study/*.yaml``: initial 10 % of the pool and 5 rounds of 10 %; 6 splits,
2 seeds each. All of it is done once with each of their models, which trains in the rounds and is scored;
with a network only the strategies of `WITH_NETWORKS`, for their time. The workflow makes responses, graphs
and kernels, in ``--folder``; selections and trainings run here, with the package's own functions, one process
a run. Finished runs are kept there and not repeated. ``--quick`` looks at 2 splits; ``--only`` at some
screens, ``--models`` at some models.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the runs share the cores

import anndata
import numpy as np
import pandas as pd
import yaml
from joblib import Parallel, delayed
from tqdm import tqdm

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow"))

from perturbselect.budgets import budget_label, budget_size, largest_budgets, measured_after  # noqa: E402
from perturbselect.config import Config  # noqa: E402
from perturbselect.data.splits import split  # noqa: E402
from perturbselect.files import read_h5ad, read_json, write_json, write_parquet, write_tsv  # noqa: E402
from perturbselect.load_config import load_config  # noqa: E402
from perturbselect.models import MODELS  # noqa: E402
from perturbselect.models.model import Knowledge, Prediction, is_network  # noqa: E402
from perturbselect.rounds.acquisition import Candidates  # noqa: E402
from perturbselect.rounds.engine.so_far import continued, so_far  # noqa: E402
from perturbselect.rounds.plan import Plan, plans  # noqa: E402
from perturbselect.scores.comparisons import comparisons  # noqa: E402
from perturbselect.scores.curves import area_under_curve, learning_curves  # noqa: E402
from perturbselect.scores.data_saving import data_saving  # noqa: E402
from perturbselect.scores.laboratory import days  # noqa: E402
from perturbselect.scores.runs import run_scores  # noqa: E402
from perturbselect.scores.score import Truth, score  # noqa: E402
from perturbselect.scores.stability import stability  # noqa: E402
from perturbselect.seeds import generator, integer_seed  # noqa: E402
from perturbselect.selection import STRATEGIES  # noqa: E402
from perturbselect.selection.strategy import Problem, chosen  # noqa: E402
from perturbselect.table_schema import read_table  # noqa: E402

ERROR, SHOWN = "mse", ("mse", "pearson_delta_perturbed_ref")
WORDS = "active study"  # of every random choice here
# Those at once, one in rounds that reads no model, and acquisitions that read predictions or variances.
WITH_NETWORKS = (
    *("random", "v_optimal", "facility_location", "v_optimal_rounds"),
    *("iterpert", "badge", "typiclust_rounds", "bald_variance"),
)


def with_model(study: Path, label: str) -> Config:
    """Return the config in which this model alone trains in the rounds and is scored."""
    content = yaml.safe_load(study.read_text())
    content["models"] = {label: content["models"][label]}
    content["rounds"]["model"] = label
    if is_network(MODELS.build(label, content["models"][label])[1]):
        content["strategies"] = {name: content["strategies"][name] for name in WITH_NETWORKS}
    return load_config(content, study.name)


def make_inputs(study: Path, folder: Path, data_root: str | None) -> tuple[Config, Path]:
    """Let the workflow make responses and kernels; return the config and their folder."""
    config = load_config(yaml.safe_load(study.read_text()), study.name)
    targets = [
        f"results/{dataset}/{file}.h5ad"
        for dataset in config.datasets
        for file in ("responses", *(f"kernels/{kernel}" for kernel in config.kernels))
    ]
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "snakemake", "--cores", str(os.cpu_count()), "--quiet", "all"]
    command += ["--snakefile", str(REPOSITORY / "Snakefile"), "--configfile", str(study)]
    command += ["--config", f"data_root={data_root}"] if data_root else []
    subprocess.run([*command, "--directory", str(folder), "--", *targets], check=True)
    return config, folder / "results"


class Run:
    """One split and seed of a dataset: its data, and how strategies choose and models train in it."""

    def __init__(self, config, results: Path, dataset: str, number: int, seed: int) -> None:
        self.config, self.dataset, self.number, self.seed = config, dataset, number, seed
        self.responses = read_h5ad(results / dataset / "responses.h5ad")
        self.kernels = {
            name: read_h5ad(results / dataset / f"kernels/{name}.h5ad").to_df() for name in config.kernels
        }
        words = (config.seed, WORDS, dataset, "split", number)
        parts = split(self.responses.obs_names.to_numpy(str), config.splits.test_share, generator(*words))
        part = parts.set_index("perturbation")["part"]
        self.pool, self.test = (part.index[part == name].to_numpy(str) for name in ("pool", "test"))
        self.truth = Truth.of_split(self.responses, self.test)

    def words(self, use: str, *more: object) -> tuple:
        """Return the words of a seed."""
        return self.config.seed, WORDS, self.dataset, use, self.number, self.seed, *more

    def predict(self, model: str, measured: np.ndarray, wanted: np.ndarray) -> Prediction:
        """Train a model on measured perturbations and predict others."""
        member = MODELS.build(model, self.config.models[model])[1]
        seed = integer_seed(*self.words("train", model))
        training = self.responses[measured].copy()
        return member.predict(training, wanted, Knowledge({}, self.kernels), seed, "cpu")

    def at_once(self, label: str) -> tuple[pd.DataFrame, float]:
        """Let a strategy choose up to the largest budget; also return the seconds."""
        strategy = STRATEGIES.build(label, self.config.strategies[label])[1]
        kernel = self.kernels[strategy.kernel] if hasattr(strategy, "kernel") else None
        budget = max(budget_size(size, len(self.pool)) for size in largest_budgets(self.config.budgets))
        start = time.process_time()
        problem = Problem(self.pool, self.test, kernel=kernel)
        table = strategy.select(problem, budget, generator(*self.words("select", label))).table
        return table, time.process_time() - start

    def in_rounds(self, label: str, plan: Plan, start: pd.DataFrame) -> tuple[pd.DataFrame, float, float]:
        """Let an acquisition choose round by round; also return its seconds and those of training."""
        rounds, batches, choosing, training = plan.rounds, [], 0.0, 0.0
        initial = budget_size(rounds.initial, len(self.pool))
        for number in range(1, rounds.count + 1):
            picks = so_far(start, batches, initial)
            measured = picks["gene"].to_numpy(str)
            free = self.pool[~np.isin(self.pool, measured)]
            begun = time.process_time()
            features = {}
            if plan.features:
                said = self.predict(rounds.model, measured, np.r_[measured, free])
                features = {plan.features: said.feature(plan.features)}
            training += time.process_time() - begun
            responses = np.asarray(self.responses[measured].X) if plan.sees_measured else None
            seen = Candidates(measured, free, features, self.kernels, self.test, responses)
            size = measured_after(number, rounds.initial, rounds.batch, len(self.pool)) - len(measured)
            begun = time.process_time()
            batch = plan.acquisition.acquire(seen, size, generator(*self.words("select", label, number)))
            choosing += time.process_time() - begun
            batches.append(continued(batch.table(free), len(measured)))
        return so_far(start, batches, initial), choosing, training

    def scores(self, label: str, picks: pd.DataFrame) -> pd.DataFrame:
        """Train every model at every budget, and score it."""
        frames = []
        for model in self.config.models:
            for budget in self.config.budgets:
                measured = chosen(picks, budget_size(budget, len(self.pool)))
                prediction = self.predict(model, measured, self.test)
                run = {"dataset": self.dataset, "model": model, "strategy": label, "split": self.number}
                run |= {"seed": self.seed, "budget": budget_label(budget), "n_selected": len(measured)}
                predictions = anndata.AnnData(
                    prediction.mean,
                    obs=pd.DataFrame(index=self.test),
                    var=pd.DataFrame(index=self.responses.var_names),
                    uns=run,
                )
                frames.append(score(self.truth, predictions))
        return pd.concat(frames, ignore_index=True)


def make_run(config, results: Path, dataset: str, number: int, seed: int, folder: Path) -> None:
    """Let every strategy choose in one run, those at once first; keep picks, seconds and scores."""
    import torch

    torch.set_num_threads(1)
    folder = folder / dataset / f"split{number}.seed{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    every = plans(config)
    waiting = sorted(config.strategies, key=lambda label: label in every)
    waiting = [label for label in waiting if not (folder / f"{label}.parquet").exists()]
    if not waiting:
        return
    run = Run(config, results, dataset, number, seed)
    for label in waiting:
        training = 0.0
        if label in every:
            start = read_table("selections", folder / f"{every[label].rounds.start}.tsv")
            picks, choosing, training = run.in_rounds(label, every[label], start)
        else:
            picks, choosing = run.at_once(label)
        write_tsv(picks, folder / f"{label}.tsv")
        write_json({"choosing": choosing, "training": training}, folder / f"{label}.json")
        write_parquet(run.scores(label, picks), folder / f"{label}.parquet")


def of_dataset(config, dataset: str, folder: Path, splits: int) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Read the runs of a dataset's first splits: scores, seconds and picks."""
    scores, seconds, picks = [], [], {}
    for path in sorted((folder / dataset).glob("split*.seed*/*.parquet")):
        number, seed = (int(part.lstrip("splited")) for part in path.parent.name.split("."))
        if path.stem not in config.strategies or number >= splits:
            continue
        scores.append(pd.read_parquet(path))
        seconds.append({"strategy": path.stem, **read_json(path.with_suffix(".json"))})
        picks[dataset, path.stem, number, seed] = read_table("selections", path.with_suffix(".tsv"))[
            "gene"
        ].tolist()
    return run_scores(scores), pd.DataFrame(seconds).groupby("strategy").mean(), picks


def lab_rounds(plan: Plan | None) -> int:
    """Count rounds in the laboratory: one where no batch depends on what was measured before."""
    return 1 if plan is None or not (plan.features or plan.sees_measured) else plan.rounds.count + 1


def print_dataset(config, dataset: str, folder: Path, model: str, splits: int) -> dict[str, dict[str, float]]:
    """Print one dataset's tables; return what the last line says of it."""
    scores, seconds, picks = of_dataset(config, dataset, folder, splits)
    scores = scores[(scores["model"] == model) & scores["metric"].isin(SHOWN)]
    full = budget_label(config.budgets[-1])
    order = list(config.strategies)
    every = plans(config)
    curves = learning_curves(scores, seed=config.seed)
    n = scores.groupby("budget", sort=False)["n_selected"].max()
    runs = scores[["split", "seed"]].drop_duplicates()
    print(f"\n# {dataset}, {model}: {len(runs)} runs; perturbations measured: {n.to_dict()}")
    for metric in SHOWN:
        of_metric = curves[curves["metric"] == metric]
        wide = of_metric.pivot(index="strategy", columns="budget", values="mean").loc[order]
        print(f"\n{metric}, mean over runs\n{wide.round(5).to_string()}")

    areas = area_under_curve(scores, seed=config.seed)
    saving = data_saving(scores, "random", seed=config.seed)
    saving = saving[(saving["metric"] == ERROR) & (saving["budget"] == full)].set_index("strategy")
    alike = stability(picks, {}, pools_of(config, picks, folder), [config.budgets[-1]])
    alike = alike.pivot(index="strategy", columns="change", values="jaccard")
    alike = alike.reindex(columns=["seeds", "splits"])
    table = pd.DataFrame(index=order)
    table["error"] = curves[(curves["metric"] == ERROR) & (curves["budget"] == full)].set_index("strategy")[
        "mean"
    ]
    table["area"] = areas[areas["metric"] == ERROR].set_index("strategy")["area"]
    table["saving"] = saving["bound"].fillna("") + saving["factor"].round(2).astype(str)
    table["same_seeds"], table["same_splits"] = alike["seeds"], alike["splits"]
    table["choosing_s"], table["training_s"] = seconds["choosing"], seconds["training"]
    table["lab_rounds"] = [lab_rounds(every.get(label)) for label in order]
    table["lab_days"] = [days(int(n[full]), rounds, config.laboratory) for rounds in table["lab_rounds"]]
    print(f"\nat {full} (area: over all budgets), {ERROR}\n{table.round(5).to_string()}")

    one_shot = [label for label in order if lab_rounds(every.get(label)) == 1]
    best = table.loc[one_shot, "error"].idxmin()
    for baseline in dict.fromkeys(("random", best)):
        compared = comparisons(scores, baseline, seed=config.seed)
        compared = compared[(compared["budget"] == full) & compared["metric"].isin(SHOWN)]
        columns = ["strategy", "metric", "difference", "low", "high", "effect_size", "n_pairs", "p_holm"]
        print(f"\nminus {baseline}, at {full}\n{compared[columns].round(5).to_string(index=False)}")
    return {
        label: {
            "error": round(row.error, 6),
            "area": round(row.area, 6),
            "stability": round(row.same_seeds, 4),
        }
        for label, row in table.iterrows()
    }


def pools_of(config, picks: dict, folder: Path) -> dict:
    """Return the pool of each split."""
    pools = {}
    for dataset, _, number, _ in picks:
        if (dataset, number) not in pools:
            pools[dataset, number] = set(Run(config, folder.parents[1] / "results", dataset, number, 0).pool)
    return pools


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="2 splits instead of 6")
    parser.add_argument("--only", nargs="+", metavar="SCREEN", help="some of the screens")
    parser.add_argument("--models", nargs="+", metavar="MODEL", help="some of the models")
    parser.add_argument("--data-root", help="folder of the real screens (default: that of the config)")
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "runs" / "active_study")
    options = parser.parse_args()
    jobs, shown = [], []
    for study in sorted((REPOSITORY / "benchmarks" / "active_study").glob("*.yaml")):
        folder = options.folder / study.stem
        every, results = make_inputs(study, folder, options.data_root)
        splits = 2 if options.quick else every.splits.count
        for model, dataset in itertools.product(every.models, every.datasets):
            if (options.only and dataset not in options.only) or model not in (options.models or [model]):
                continue
            config, runs = with_model(study, model), folder / "runs" / model
            shown.append((config, dataset, runs, splits))
            for number, seed in itertools.product(range(splits), range(config.seeds)):
                jobs.append((config, results, dataset, number, seed, runs))
    done = Parallel(n_jobs=os.cpu_count(), return_as="generator")(delayed(make_run)(*job) for job in jobs)
    for _ in tqdm(done, total=len(jobs), mininterval=30):
        pass
    line: dict = {}
    for config, dataset, folder, splits in shown:
        (model,) = config.models
        line.setdefault(dataset, {})[model] = print_dataset(config, dataset, folder, model, splits)
    print(json.dumps(line))


if __name__ == "__main__":
    main()
