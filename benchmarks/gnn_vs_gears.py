"""Measure our `gears` against the original, cell-gears 0.1.2: same cells, split and graphs, in one run.

``make peers`` once, then ``python benchmarks/gnn_vs_gears.py`` (hours, nearly all of them the peer's);
``--quick`` is a small one in minutes. Both sides train on the training perturbations of a screen, are
judged on its validation perturbations along the way (MSE of the 20 strongest differentially expressed genes,
the peer's own criterion), and at their best there are compared on its test perturbations.

The peer's clock runs in its training steps only. Ours starts at the raw counts and includes
normalisation, moments, graphs, and every training tried. Wall and CPU seconds (process and threads) are
both taken, since others may use the machine; the JSON at the end has the smaller of the two speed-ups.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "benchmarks" / "peer"), str(REPOSITORY / "workflow")]

from comparison import Comparison, compare, final_line  # noqa: E402
from runs import our_run, peer_run  # noqa: E402
from screens import SHAPES, write_screen  # noqa: E402
from table import table  # noqa: E402

LOOK_EVERY = 25  # training steps of the peer


def matrix_multiply_peak(threads: int = 2, size: int = 2048) -> dict[str, float]:
    """Return the machine's best rate of float32 matrix products, GFLOP per second and per CPU second."""
    import torch

    torch.set_num_threads(threads)
    a, b = torch.randn(size, size), torch.randn(size, size)
    best = np.zeros(2)
    for _ in range(20):
        began = time.perf_counter(), time.process_time()
        a @ b
        seconds = np.subtract((time.perf_counter(), time.process_time()), began)
        best = np.maximum(best, 2e-9 * size**3 / seconds)
    return {"wall": best[0], "cpu": best[1]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="40 perturbations, one seed")
    parser.add_argument("--shapes", default="A,B,norman", help="which of A, B, norman (default: all)")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of a shape, at most (default: 3, for A)")
    parser.add_argument(
        "--data", type=Path, default=REPOSITORY / "../shared/data", help="folder of norman2019"
    )
    parser.add_argument("--keep", type=Path, help="keep the peer's runs there, and use those kept before")
    parser.add_argument(
        "--peer-python",
        default=os.environ.get("PERTURBSELECT_PEERS", str(REPOSITORY / ".venv-peers/bin/python")),
        help="Python of the peer's environment (default: that of `make peers`)",
    )
    options = parser.parse_args()
    names = ["quick"] if options.quick else options.shapes.split(",")
    if unknown := sorted(set(names) - set(SHAPES)):
        parser.error(f"no shape {', '.join(unknown)}; there are {', '.join(SHAPES)}")
    if not Path(options.peer_python).exists():
        parser.error(f"{options.peer_python}: no such file; run `make peers`")

    peak = matrix_multiply_peak()
    print(f"matrix-multiply peak: {peak['wall']:.0f} GFLOP/s, {peak['cpu']:.0f} GFLOP per CPU second\n")
    comparisons: list[Comparison] = []
    with tempfile.TemporaryDirectory() as temporary:
        for name in names:
            shape = SHAPES[name]
            for seed in range(min(shape.seeds, options.seeds)):
                screen = Path(temporary) / f"{name}.seed{seed}"
                screen.mkdir()
                write_screen(shape, seed, options.data, screen)
                settings = {"epochs": shape.epochs, "seed": seed, "every": LOOK_EVERY}
                peer, kept = peer_run(options.peer_python, screen, settings, options.keep)
                ours = our_run(screen, seed, shape.coexpression)
                comparisons.append(compare(name, seed, screen, peer, ours))
                print(table(comparisons[-1], peak, kept), flush=True)
    print(final_line(comparisons))


if __name__ == "__main__":
    main()
