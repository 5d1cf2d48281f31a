"""Measure the responses' moments of a large screen, streamed from a file: time and memory.

``python benchmarks/moments.py`` generates sparse .h5ad files of 75,000, 150,000 and 300,000 cells x 5,000
genes with 1,000 perturbations (random numbers, a tenth of them not zero; written in blocks, never whole in
memory) in a temporary folder, and runs on each what the workflow's job `summarise` runs: all moments, both
halves, the t-test. A row a file: its size, seconds, cells per second, and the peak resident memory of the
process that does it. Last, one line of JSON. About 2 GB of disk; other sizes by options.
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
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

from perturbselect.data.summarise import summarise
from perturbselect.files import read_h5ad

BLOCK = 4096  # cells


def cells(count: int, genes: int, density: float, generator: np.random.Generator) -> sp.csr_matrix:
    """Draw log-normalised expression: small counts, scaled by each cell's depth."""
    present = generator.random((count, genes), dtype=np.float32) < density
    per_cell = present.sum(axis=1)
    counts = generator.geometric(0.6, per_cell.sum())
    scale = np.repeat(generator.choice([0.8, 1.0, 1.5], count), per_cell)
    indptr = np.concatenate([[0], np.cumsum(per_cell)])
    indices = np.nonzero(present)[1].astype(np.int32)
    return sp.csr_matrix((np.log1p(counts * scale).astype(np.float32), indices, indptr), (count, genes))


def generate(path: Path, options: argparse.Namespace) -> None:
    """Write a file as the workflow's `expression.h5ad`, block by block; a tenth of the cells are controls."""
    generator = np.random.default_rng(0)
    count = options.generate
    labels = generator.integers(0, options.perturbations, count)
    is_control = generator.random(count) < 0.1
    names = np.array([*(f"P{i:05d}" for i in range(options.perturbations)), "control"])
    obs = pd.DataFrame(
        {
            "perturbation": pd.Categorical.from_codes(
                np.where(is_control, options.perturbations, labels), names
            ),
            "is_control": is_control,
        },
        index=pd.Index([f"c{i}" for i in range(count)], name="cell"),
    )
    var = pd.DataFrame(
        {"perturbed": False, "highly_variable": True}, index=list(map(str, range(options.genes)))
    )
    first = min(BLOCK, count)
    with h5py.File(path, "w") as file:
        file.attrs["encoding-type"], file.attrs["encoding-version"] = "anndata", "0.1.0"
        for name, element in (("obs", obs), ("var", var), ("uns", {"simulated": True})):
            anndata.io.write_elem(file, name, element)
        block = cells(first, options.genes, options.density, generator)
        # As the workflow compresses its files.
        gzip = {"compression": "gzip", "compression_opts": 1}
        anndata.io.write_elem(file, "X", block, dataset_kwargs=gzip)
        matrix = anndata.io.sparse_dataset(file["X"])
        for start in range(first, count, BLOCK):
            matrix.append(cells(min(BLOCK, count - start), options.genes, options.density, generator))


def stream(path: Path) -> None:
    """Summarise a file; print seconds and the peak resident GB of this process."""
    start = time.perf_counter(), time.process_time()
    responses = summarise(read_h5ad(path, backed="r"), "t-test", np.random.default_rng(0))
    wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(json.dumps({"seconds": wall, "cpu_seconds": cpu, "peak_gb": peak, "rows": responses.n_obs}))


def measure(count: int, path: Path, sizes: list[str]) -> dict[str, float]:
    """Generate a file and summarise it, each in a process of its own."""
    this = [sys.executable, __file__, "--file", str(path), *sizes]
    subprocess.run([*this, "--generate", str(count)], check=True)
    output = subprocess.run([*this, "--stream"], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = json.loads(output.splitlines()[-1])
    return {"cells": count, "file_gb": path.stat().st_size / 1e9, **found}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, nargs="+", default=[75_000, 150_000, 300_000])
    parser.add_argument("--genes", type=int, default=5000)
    parser.add_argument("--perturbations", type=int, default=1000)
    parser.add_argument("--density", type=float, default=0.1, help="share of values that are not zero")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--generate", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--stream", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.generate:
        return generate(options.file, options)
    if options.stream:
        return stream(options.file)

    sizes = [f"--{name}={getattr(options, name)}" for name in ("genes", "perturbations", "density")]
    print(f"{options.genes} genes, {options.perturbations} perturbations, {options.density:.0%} not zero")
    print(f"{'cells':>10}{'file GB':>10}{'seconds':>10}{'CPU s':>10}{'cells/s':>10}{'peak GB':>10}")
    rows = []
    for count in options.cells:
        with tempfile.TemporaryDirectory() as folder:
            row = measure(count, Path(folder) / "expression.h5ad", sizes)
        rows.append(row)
        rate = count / row["seconds"]
        print(
            f"{count:10,}{row['file_gb']:10.2f}{row['seconds']:10.1f}{row['cpu_seconds']:10.1f}"
            f"{rate:10,.0f}{row['peak_gb']:10.2f}",
            flush=True,
        )
    print("Measured as printed, on these generated files; nothing is extrapolated.")
    last = rows[-1]
    figures = {
        "cells": last["cells"],
        "seconds": round(last["seconds"], 1),
        "cells_per_s": round(last["cells"] / last["seconds"]),
        "peak_gb": round(last["peak_gb"], 2),
        "peak_gb_by_cells": {str(row["cells"]): round(row["peak_gb"], 2) for row in rows},
    }
    print(json.dumps(figures))
    return None


if __name__ == "__main__":
    main()
