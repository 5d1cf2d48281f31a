"""Plan a large study and measure it: a dry run, nothing is trained.

``python benchmarks/plan_scale.py``: 20 strategies × 10 splits × 10 seeds × 8 budgets × 5 datasets × 3 models,
the datasets simulated and given as responses. It prints the jobs of each rule and, last, one line of JSON:
``jobs``, ``plan_s`` and ``peak_gb`` (resident memory of the process). It fails beyond 3 minutes or 4 GB.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import psutil
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests" / "workflow"), str(REPOSITORY / "workflow")]

from command_line import planned_jobs  # noqa: E402

LIMIT_S, LIMIT_GB = 180, 4
GENES = [f"G{number}" for number in range(60)]


def write_sources(folder: Path, datasets: int) -> None:
    """Write small simulated responses and one interaction table: planning looks at names only."""
    rng = np.random.default_rng(0)
    for number in range(datasets):
        responses = rng.normal(size=(len(GENES) + 1, len(GENES))).astype(np.float32)
        names = ["control", *GENES]
        anndata.AnnData(responses, pd.DataFrame(index=names), pd.DataFrame(index=GENES)).write_h5ad(
            folder / f"screen{number}.h5ad"
        )
    pairs = rng.choice(GENES, size=(400, 2))
    edges = pd.DataFrame(pairs[pairs[:, 0] != pairs[:, 1]], columns=["source", "target"])
    edges.assign(weight=1.0).drop_duplicates(["source", "target"]).to_csv(
        folder / "edges.tsv", sep="\t", index=False
    )


def large_study(strategies: int, splits: int, seeds: int, budgets: int, datasets: int, models: int) -> dict:
    """Return the config of a study of this size."""
    kinds = [
        {"model": "gears", "graph": "net", "coexpression": None},
        {"model": "kernel_ridge", "kernel": "near"},
        {"model": "training_mean"},
    ]
    return {
        "datasets": {
            f"screen{number}": {"type": "responses", "source": {"path": f"screen{number}.h5ad"}}
            for number in range(datasets)
        },
        "graphs": {"net": {"type": "edges", "source": {"path": "edges.tsv"}}},
        "kernels": {"near": "random_walk(net)"},
        "splits": {"count": splits},
        "seeds": seeds,
        "budgets": list(range(2, 2 + 2 * budgets, 2)),
        "strategies": {"random": {}}
        | {f"reach{number}": {"strategy": "graphreach", "graph": "net"} for number in range(1, strategies)},
        "models": {f"model{number}": kinds[number % len(kinds)] for number in range(models)},
    }


def plan(folder: Path) -> tuple[dict[str, int], float, float]:
    """Plan the study of a folder; return jobs by rule, seconds, and peak GB."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(folder / "study.yaml")]
    command += ["--cores", "2", "--dry-run", "--quiet", "rules"]
    with open(folder / "plan.txt", "w") as output:
        start, peak = time.perf_counter(), 0
        process = psutil.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        while process.poll() is None:
            try:
                peak = max(peak, process.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.05)
        code, seconds = process.wait(), time.perf_counter() - start
    printed = (folder / "plan.txt").read_text()
    if code:
        sys.exit(printed[-3000:])
    return planned_jobs(printed), seconds, peak / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sizes = {"strategies": 20, "splits": 10, "seeds": 10, "budgets": 8, "datasets": 5, "models": 3}
    for name, size in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    size = vars(parser.parse_args())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sources(folder, size["datasets"])
        (folder / "study.yaml").write_text(yaml.safe_dump(large_study(**size), sort_keys=False))
        jobs, seconds, gigabytes = plan(folder)
    for rule, count in jobs.items():
        print(f"{rule:28}{count:8}")
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"processor time {spent.ru_utime + spent.ru_stime:.1f} s")
    print(
        json.dumps({"jobs": sum(jobs.values()), "plan_s": round(seconds, 1), "peak_gb": round(gigabytes, 2)})
    )
    sys.exit(seconds > LIMIT_S or gigabytes > LIMIT_GB)


if __name__ == "__main__":
    main()
