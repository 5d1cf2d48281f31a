"""Compare predicted distributions over cells: a network, and the training cells' histogram.

``python benchmarks/distribution_study.py`` does so on Papalexi 2021 (raw counts) and on the simulated
screen of the default study: `histogram_network` beside `training_histogram`, which predicts the
measured perturbations' histogram, and `kernel_ridge`, which predicts means only. 10 splits with a
quarter held out, picks at random, budgets as shares of the pool. It prints means over splits with
the floors and the split-half ceiling, then the paired differences of `histogram_network` and
`training_histogram` with 95 % bootstrap intervals over splits and Wilcoxon's p; last, one line of
JSON: these differences as shares of the floor.

The workflow makes responses, histograms and kernels, in ``--folder``. ``--only`` looks at one screen,
``--splits`` at fewer splits, ``--data-root`` says where the real screens are.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import anndata
import pandas as pd
import yaml
from tqdm import tqdm

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow"))

from perturbselect.data.histograms import HistogramFile  # noqa: E402
from perturbselect.data.splits import split  # noqa: E402
from perturbselect.files import read_h5ad  # noqa: E402
from perturbselect.models import MODELS  # noqa: E402
from perturbselect.models.model import Knowledge  # noqa: E402
from perturbselect.scores.score import Truth, ceiling, floor, score  # noqa: E402
from perturbselect.scores.statistics import bootstrap_interval, wilcoxon_p  # noqa: E402
from perturbselect.seeds import generator, integer_seed  # noqa: E402

SCREENS = {"papalexi2021": "config/real/papalexi2021.yaml", "simulated": "config/config.yaml"}
BOTH = ("histogram_network", "training_histogram")
DISTANCES = ("e_distance", "wasserstein")
SHOWN = (*DISTANCES, "mse", "pearson_delta", "pearson_delta_perturbed_ref")
SHARES = (0.25, 0.5, 1.0)
STUDY = "distribution study"  # seeds every random choice


def make_inputs(name: str, folder: Path, data_root: str | None) -> Path:
    """Let the workflow make responses, histograms and the kernel of a screen; return their folder."""
    study = yaml.safe_load((REPOSITORY / SCREENS[name]).read_text())
    study["models"] = {model: {"kernel": "prior"} if "network" in model else {} for model in BOTH}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    targets = [f"results/{name}/{file}" for file in ("responses.h5ad", "histograms.h5", "kernels/prior.h5ad")]
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        str(os.cpu_count()),
        "--quiet",
        "progress",
        "rules",
    ]
    command += ["--snakefile", str(REPOSITORY / "Snakefile"), "--configfile", str(folder / "study.yaml")]
    command += ["--config", f"data_root={Path(data_root).resolve()}"] if data_root else []
    subprocess.run([*command, "--directory", str(folder), "--", *targets], check=True)
    return folder / "results" / name


def scored(name: str, folder: Path, number: int) -> list[dict]:
    """Score all models, floors and ceiling on one split."""
    responses, kernel = read_h5ad(folder / "responses.h5ad"), read_h5ad(folder / "kernels/prior.h5ad").to_df()
    histograms = HistogramFile(folder / "histograms.h5")
    parts = split(responses.obs_names.to_numpy(str), 0.25, generator(0, STUDY, name, "split", number))
    pool, test = (parts.loc[parts["part"] == part, "perturbation"].to_numpy(str) for part in ("pool", "test"))
    truth = Truth.of_split(responses, test)
    picks = generator(0, STUDY, name, "picks", number).permutation(pool)
    tables = {}
    for of in (floor, ceiling):
        for model, table in of(responses, test, name, number, histograms).groupby("model"):
            tables[model, 0, 0.0] = table
    for share in SHARES:
        training = responses[picks[: max(1, round(share * len(pool)))]].copy()
        knowledge = Knowledge({}, {"prior": kernel}, histograms.of(training.obs_names))
        for model in (*BOTH, "kernel_ridge"):
            options = {} if model == "training_histogram" else {"kernel": "prior"}
            start = time.process_time()
            made = MODELS.build(model, options)[1].predict(
                training, test, knowledge, integer_seed(0, STUDY, name, number), "cpu"
            )
            seconds = time.process_time() - start
            predictions = anndata.AnnData(
                made.mean,
                obs=pd.DataFrame(index=test),
                var=pd.DataFrame(index=responses.var_names),
                obsm={} if made.histograms is None else {"histograms": made.histograms},
            )
            tables[model, training.n_obs, seconds] = score(truth, predictions, histograms)
            if "tilted" in made.summary:
                print(f"split {number}, {training.n_obs} measured: {made.summary['tilted']}", file=sys.stderr)
    return [
        {"screen": name, "split": number, "model": model, "n": n, "seconds": seconds}
        | table.groupby("metric")["value"].mean().reindex(SHOWN).to_dict()
        for (model, n, seconds), table in tables.items()
    ]


def differences(table: pd.DataFrame) -> dict[str, dict]:
    """Print and return the paired differences of both models; below 0 the network is nearer."""
    found = {}
    for (screen, n), part in table[table["n"] > 0].groupby(["screen", "n"]):
        for metric in DISTANCES:
            wide = part.pivot(index="split", columns="model", values=metric)
            values = (wide[BOTH[0]] - wide[BOTH[1]]).to_numpy()[None]
            low, high = bootstrap_interval(values, generator(0, "bootstrap"))
            relative = values.mean() / wide[BOTH[1]].mean()
            interval = f"{values.mean():+.6f} [{low[0]:+.6f}, {high[0]:+.6f}]  {relative:+.1%}"
            p = wilcoxon_p(values)[0]
            print(f"{screen:<13} {n:>4} measured  {metric:<12} {interval}  p {p:.3f}")
            found[f"{screen}_{n}_{metric}"] = round(float(relative), 4)
    return found


def main() -> None:
    """Run the study and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "runs" / "distribution_study")
    parser.add_argument("--only", choices=SCREENS)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--data-root")
    arguments = parser.parse_args()
    rows = []
    for name in [arguments.only] if arguments.only else SCREENS:
        folder = make_inputs(name, arguments.folder / name, arguments.data_root)
        for number in tqdm(range(arguments.splits), desc=name, disable=None):
            rows += scored(name, folder, number)
    table = pd.DataFrame(rows)
    print("mean over splits; n = 0: floors and ceiling, whatever the budget")
    means = table.groupby(["screen", "n", "model"])[[*SHOWN, "seconds"]].mean()
    print(means.to_string(float_format=lambda value: f"{value:.5f}"))
    print(f"\n{BOTH[0]} - {BOTH[1]}: mean over splits [95 % bootstrap interval], share of the floor")
    print(json.dumps(differences(table)))


if __name__ == "__main__":
    main()
