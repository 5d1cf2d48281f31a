"""Measure the selection strategies: time and memory, set cover beside submodlib in the same run.

``python benchmarks/selection.py`` (minutes; ``--quick``: small sizes, under a minute) prints a row a job,
each run in a process of its own on two threads. Graphs and kernels are random: edges between nodes drawn
evenly, so that degrees are Poisson; kernels are inner products of unit vectors in float32.

- `set cover`: the two-hop receptive fields are given to both sides, to ours as a sparse matrix, to submodlib
  (SetCoverFunction, LazyGreedy) as sets. Both clocks run from there: submodlib's constructor is in its
  time, our inverted index in ours; `maximize alone` is submodlib's search without the constructor. Both
  must come to the same value, or the benchmark stops.
- the other jobs are whole strategies as the workflow runs them, from a graph, kernel or features in memory.

Seconds are medians over repeats (fewer once half a minute is spent); CPU seconds are of all threads.
`peak MB` is the resident memory of the whole process: Python, its libraries, the input and the run;
`above input` is what the run added. Last, one line of JSON; its speed-up is the smaller one of wall and
CPU seconds, its memory the larger one of the set cover and the strategy around it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from tqdm import tqdm

DEGREE = 20
FULL = {
    "cover": (20_000, 2_000),
    "large": (1_000_000, 10_000),
    "dense": (20_000, 1_000),
    "low": (200_000, 1_000),
}
QUICK = {"cover": (2_000, 200), "large": (20_000, 500), "dense": (2_000, 100), "low": (5_000, 100)}
RANK, QUERIES = 100, 2_000
ENOUGH = 30  # seconds, after which a job is not repeated

Run = Callable[[], Any]


def names(count: int) -> np.ndarray:
    return np.array([f"G{i:07d}" for i in range(count)])


def write_graph(path: Path, nodes: int) -> None:
    """Draw a graph of the mean degree and write it."""
    generator = np.random.default_rng(0)
    ends = generator.integers(0, nodes, (2, nodes * DEGREE), dtype=np.int32)
    ends = ends[:, ends[0] != ends[1]]
    matrix = sp.csr_array((np.ones(ends.shape[1], np.float32), tuple(ends)), shape=(nodes, nodes))
    np.savez(path, indices=matrix.indices.astype(np.int32), indptr=matrix.indptr.astype(np.int32))


def read_matrix(path: Path, kind: type) -> sp.csr_array:
    with np.load(path) as file:
        indices, indptr = file["indices"], file["indptr"]
    size = len(indptr) - 1
    return sp.csr_array((np.ones(len(indices), kind), indices, indptr), shape=(size, size))


def read_graph(path: Path) -> Any:
    from perturbselect.graphs.graph import Graph

    adjacency = read_matrix(path, np.float32)
    return Graph(names(adjacency.shape[0]), adjacency, np.ones(adjacency.shape[0], dtype=bool))


def write_fields(graph: Path, path: Path) -> None:
    """Write the receptive fields of two hops, which both sides are given."""
    from perturbselect.graphs.propagation import receptive_fields

    fields = receptive_fields(read_graph(graph), 2, "in")
    fields.sort_indices()
    np.savez(path, indices=fields.indices, indptr=fields.indptr)


def our_cover(folder: Path, count: int, budget: int) -> tuple[Run, int]:
    from perturbselect.selection.engine.coverage import Coverage
    from perturbselect.selection.engine.greedy import greedy
    from perturbselect.selection.strategy import Problem

    fields, problem = read_matrix(folder / "fields.npz", bool), Problem(names(count), np.array([]))

    def run() -> dict[str, Any]:
        picks = greedy(lambda: Coverage(fields), problem, budget, np.random.default_rng(0))
        return {"values": picks.gain.cumsum().tolist()}

    return run, fields.nnz


def their_cover(folder: Path, count: int, budget: int) -> tuple[Run, int]:
    import submodlib

    fields = read_matrix(folder / "fields.npz", bool)
    sets = [set(row.tolist()) for row in np.split(fields.indices, fields.indptr[1:-1])]

    def run() -> dict[str, Any]:
        function = submodlib.SetCoverFunction(count, sets, count)
        began = time.perf_counter()
        found = function.maximize(
            budget=budget,
            optimizer="LazyGreedy",
            stopIfZeroGain=False,
            stopIfNegativeGain=False,
            show_progress=False,
        )
        alone = time.perf_counter() - began
        return {"values": np.cumsum([gain for _, gain in found]).tolist(), "maximize_s": alone}

    return run, fields.nnz


def strategy(name: str, problem: Any, budget: int, **options: Any) -> Run:
    from perturbselect.selection import STRATEGIES

    def run() -> dict[str, Any]:
        STRATEGIES[name](**options).select(problem, budget, np.random.default_rng(0))
        return {}

    return run


def on_graph(name: str, file: str, hops: int) -> Callable[..., tuple[Run, int]]:
    def job(folder: Path, count: int, budget: int) -> tuple[Run, int]:
        from perturbselect.selection.strategy import Problem

        graph = read_graph(folder / file)
        problem = Problem(graph.genes, np.array([]), graph=graph)
        return strategy(name, problem, budget, graph="random", hops=hops), graph.adjacency.nnz

    return job


def unit_vectors(count: int) -> np.ndarray:
    vectors = np.random.default_rng(0).standard_normal((count, RANK), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1)[:, None]


def on_kernel(name: str, **options: str) -> Callable[..., tuple[Run, int]]:
    def job(folder: Path, count: int, budget: int) -> tuple[Run, int]:
        import pandas as pd

        from perturbselect.selection.strategy import Problem

        vectors, kernel = unit_vectors(count), np.empty((count, count), np.float32)
        for start in range(0, count, 1000):
            np.matmul(vectors[start : start + 1000], vectors.T, out=kernel[start : start + 1000])
        table = pd.DataFrame(kernel, names(count), names(count), copy=False)
        problem = Problem(names(count), np.array([]), kernel=table)
        return strategy(name, problem, budget, kernel="random", **options), 0

    return job


def on_features(name: str, **options: str) -> Callable[..., tuple[Run, int]]:
    """As many features as the kernels of `on_kernel` have; facility location for some queries only."""

    def job(folder: Path, count: int, budget: int) -> tuple[Run, int]:
        import pandas as pd

        from perturbselect.selection.strategy import Problem

        table = pd.DataFrame(unit_vectors(count), names(count), copy=False)
        problem = Problem(names(count), names(count)[:QUERIES], features=table)
        return strategy(name, problem, budget, kernel="random", **options), 0

    return job


# title: sizes, and what makes the input
JOBS = {
    "set cover, two hops": ("cover", our_cover),
    "set cover, two hops, submodlib": ("cover", their_cover),
    "graphreach, two hops": ("cover", on_graph("graphreach", "cover.npz", hops=2)),
    "graphreach, one hop": ("large", on_graph("graphreach", "large.npz", hops=1)),
    "maxspec_logdet, two hops": ("dense", on_graph("maxspec_logdet", "cover.npz", hops=2)),
    "d_optimal, kernel": ("dense", on_kernel("d_optimal")),
    "facility_location, kernel": ("dense", on_kernel("facility_location", universe="pool")),
    "v_optimal, kernel": ("dense", on_kernel("v_optimal", universe="pool")),
    f"d_optimal, {RANK} features": ("low", on_features("d_optimal")),
    f"v_optimal, {RANK} features": ("low", on_features("v_optimal", universe="pool")),
    f"facility_location, {RANK} features": ("low", on_features("facility_location")),
}


def resident(what: str) -> float:
    """Return MB of this process; unlike ``ru_maxrss``, ``VmHWM`` knows nothing of who started it."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024 / 1e6


def work(title: str, folder: Path, count: int, budget: int, repeats: int) -> None:
    """Do a job, again and again; print what it took."""
    run, edges = JOBS[title][1](folder, count, budget)
    before, spent, cpu, facts = resident("VmRSS"), [], [], {}
    while len(spent) < repeats and sum(spent) < ENOUGH:
        began = time.perf_counter(), time.process_time()
        facts = run()
        spent.append(time.perf_counter() - began[0])
        cpu.append(time.process_time() - began[1])
    peak = resident("VmHWM")
    sizes = {"n": count, "edges": edges, "k": budget, "repeats": len(spent)}
    took = {"seconds": float(np.median(spent)), "cpu": float(np.median(cpu))}
    print(json.dumps({**sizes, **took, "peak": peak, "above": peak - before, **facts}))


def measure(title: str, folder: Path, sizes: dict[str, tuple[int, int]], repeats: int) -> dict[str, Any]:
    """Do a job in a process of its own."""
    count, budget = sizes[JOBS[title][0]]
    command = [sys.executable, __file__, "--folder", str(folder), "--job", title, "--repeats", str(repeats)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
    done = subprocess.run(
        [*command, "--sizes", str(count), str(budget)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | threads,
    )
    return json.loads(done.stdout.splitlines()[-1])


def table_row(title: str, row: dict[str, Any]) -> str:
    edges = f"{row['edges']:,}" if row["edges"] else "–"
    return (
        f"| {title} | {row['n']:,} | {edges} | {row['k']:,} | {row['seconds']:.2f} | {row['cpu']:.2f} "
        f"| {row['peak']:,.0f} | {row['above']:,.0f} | {row['repeats']} |"
    )


def check_values(ours: list[float], theirs: list[float]) -> str:
    """Say how near the two sides' values are; the last one must be the same."""
    if ours[-1] != theirs[-1]:
        sys.exit(f"set cover: our value is {ours[-1]:g}, submodlib's {theirs[-1]:g}")
    apart = np.abs(np.array(ours) / np.array(theirs) - 1).max()
    return (
        f"Both set covers come to {ours[-1]:,.0f}; on the way there, ties broken differently, "
        f"their values are at most {apart:.1%} apart."
    )


def last_line(rows: dict[str, dict[str, Any]]) -> str:
    ours, theirs, strategy, million, maxspec, d_optimal, facility, v_optimal = list(rows.values())[:8]
    figures = {
        "set_cover_speedup": round(min(theirs[clock] / ours[clock] for clock in ("seconds", "cpu")), 1),
        "set_cover_peak_mb": round(max(ours["peak"], strategy["peak"])),
        "million_nodes_s": round(million["seconds"], 1),
        "million_nodes_peak_gb": round(million["peak"] / 1e3, 2),
        "v_optimal_20000_s": round(v_optimal["seconds"], 1),
        "logdet_20000_s": round(max(maxspec["seconds"], d_optimal["seconds"]), 1),
        "facility_20000_s": round(facility["seconds"], 1),
    }
    return json.dumps(figures)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute")
    parser.add_argument("--repeats", type=int, default=15, help="of each job, at most (default: 15)")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--sizes", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        return work(options.job, options.folder, *options.sizes, options.repeats)

    sizes, rows = QUICK if options.quick else FULL, {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for file in ("cover", "large"):
            write_graph(folder / f"{file}.npz", sizes[file][0])
        write_fields(folder / "cover.npz", folder / "fields.npz")
        print("| job | n | edges | k | seconds | CPU s | peak MB | above input MB | repeats |")
        print("|---|---|---|---|---|---|---|---|---|", flush=True)
        for title in tqdm(JOBS, disable=None):
            rows[title] = measure(title, folder, sizes, options.repeats)
            tqdm.write(table_row(title, rows[title]))
            sys.stdout.flush()
    ours, theirs = list(rows.values())[:2]
    print(
        f"\nsubmodlib's maximize alone: {theirs['maximize_s']:.2f} s.",
        check_values(ours["values"], theirs["values"]),
    )
    print(last_line(rows))
    return None


if __name__ == "__main__":
    main()
