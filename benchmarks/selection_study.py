"""Compare all selection strategies on four screens of published responses.

``python benchmarks/selection_study.py`` prints, for each screen and model, how many times more random
perturbations give the error that a strategy reaches (data-saving factor, mean squared error) and the mean
error over the budgets relative to random picks, with 95 % bootstrap intervals over splits; then how well each
kernel predicts perturbations of the pool that are left out. The last line is JSON: factor and interval by
dataset, model, strategy and budget.

Ten splits with a quarter held out; in each 20 draws of `random`, and one choice of every other strategy with
ties and chances of its own. All choose by one kernel, that of `kernel_ridge`;
``benchmarks/study/common.yaml`` lists them. `oracle` and `v_optimal_own` see the answers: marks, no
contenders. `graphnet` has 60 steps instead of 160, and fewer variants of `v_optimal`, for its time.
A model with another screen in its kernel is compared with random picks for itself and for the model that
lacks it.

The workflow makes responses, graphs and kernels in ``--folder``. Scores are kept there, strategy by
strategy; a later run takes them unless what they depend on in the study has changed (after a change of code
take another folder).
Tables: ``scores``, ``learning_curves``, ``areas``, ``data_saving``. ``--quick``: 2 splits, 4 strategies.
"""

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the jobs share the cores

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "benchmarks"), str(REPOSITORY / "workflow")]

from study.contenders import BASELINE, PLANS, QUICK, measured  # noqa: E402
from study.factors import areas, factors, printed, relative_areas  # noqa: E402
from study.prior_kernels import kernel_errors  # noqa: E402
from study.screens import OWN_KERNEL, SCREENS, Screen, make_screen  # noqa: E402

from perturbselect.files import read_tsv, write_tsv  # noqa: E402
from perturbselect.scores.curves import learning_curves  # noqa: E402


def kept(folder: Path, screen: Screen, model: str, strategy: str, number: int, draws: int) -> pd.DataFrame:
    """Read the scores of a strategy on a split, or measure and keep them."""
    config = screen.config
    study = config.model_dump_json(exclude={"title", "data_root", "strategies", "models", "kernels"})
    entries = screen.strategies[strategy], config.models[model]
    named = np.hstack([entry.get("kernel", []) for entry in entries]).tolist()
    kernels = [(config.kernels | {"own": OWN_KERNEL})[name] for name in named]
    what = f"{study} {kernels} {entries} {draws if strategy == BASELINE else 1}"
    digest = hashlib.sha256(what.encode()).hexdigest()[:8]
    path = folder / "kept" / model / f"{strategy}.split{number}.{digest}.tsv"
    if not path.exists():
        write_tsv(measured(screen, model, strategy, number, draws), path)
    return read_tsv(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="2 splits, 4 strategies, kernel_ridge")
    parser.add_argument("--only", nargs="+", metavar="SCREEN", choices=SCREENS, default=SCREENS)
    parser.add_argument("--models", nargs="+", metavar="MODEL", choices=list(PLANS), default=list(PLANS))
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "runs" / "selection_study")
    parser.add_argument("--data", default=str(REPOSITORY / "../shared/data"), help="folder of the screens")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (default: all cores)")
    options = parser.parse_args()
    plans = QUICK if options.quick else {name: PLANS[name] for name in options.models}

    jobs, screens = [], []
    for name in options.only:
        screens.append(make_screen(name, options.data, options.folder / name))
        folder = options.folder / name
        for model, plan in plans.items():
            for number in range(plan.splits):
                for strategy in plan.entries(screens[-1]):
                    jobs.append(delayed(kept)(folder, screens[-1], model, strategy, number, plan.draws))
    done = Parallel(n_jobs=options.jobs, return_as="generator")(jobs)
    scores = pd.concat(list(tqdm(done, total=len(jobs), mininterval=30)), ignore_index=True)
    scores = scores.astype(dict.fromkeys(["split", "seed", "n_selected"], "Int64"))

    budgets = screens[0].config.budgets
    saving = factors(scores)
    tables = {"scores": scores, "learning_curves": learning_curves(scores), "areas": areas(scores, budgets)}
    for name, table in (tables | {"data_saving": saving}).items():
        write_tsv(table, options.folder / "tables" / f"{name}.tsv")
    print(printed(saving, relative_areas(scores, budgets), budgets))
    splits = max(plan.splits for plan in plans.values())
    errors = pd.DataFrame({screen.name: kernel_errors(screen, splits) for screen in screens})
    print(
        "\nLeave-one-out error of each kernel over the pool, relative to the mean response (mean over splits)"
    )
    print(errors.round(3).to_string())
    print(json.dumps(nested(saving[saving["metric"] == "mse"])))


def nested(saving: pd.DataFrame) -> dict:
    """Return factor, low and high by dataset, model (and whose random curve), strategy, budget."""
    tree: dict = {}
    for row in saving.itertuples():
        model = row.model if row.model == row.against else f"{row.model} against {row.against}"
        branch = tree.setdefault(row.dataset, {}).setdefault(model, {}).setdefault(row.strategy, {})
        branch[row.budget] = [round(value, 2) for value in (row.factor, row.low, row.high)]
    return tree


if __name__ == "__main__":
    main()
