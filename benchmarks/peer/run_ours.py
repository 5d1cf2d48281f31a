"""Train our `gears` on one screen and record its way; a process of its own, so that its memory counts.

``python run_ours.py FOLDER RESULT.npz --seed 0``: the clock starts at the raw counts in memory and
includes normalisation, moments and both graphs. The number of steps is doubled until the default:
each a whole training, and the clock adds them up, since nobody knows beforehand which will do.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
import torch
from screens import PREPROCESS, build_graphs

from perturbselect.data.preprocess import preprocess
from perturbselect.data.summarise import summarise
from perturbselect.files import read_h5ad, read_tsv
from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge, Prediction

FIRST_STEPS = 10


def ladder(last: int) -> list[int]:
    """Return the numbers of steps to try: 10, 20, 40, ... and the last."""
    steps = [FIRST_STEPS]
    while 2 * steps[-1] < last:
        steps.append(2 * steps[-1])
    return [*steps, last]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--coexpression", type=float, required=True)
    options = parser.parse_args()

    cells = read_h5ad(options.folder / "cells.h5ad")
    part = read_tsv(options.folder / "parts.tsv").set_index("perturbation")["part"]
    marks = [(time.perf_counter(), time.process_time())]

    def mark() -> np.ndarray:
        marks.append((time.perf_counter(), time.process_time()))
        return np.subtract(marks[-1], marks[0])

    expression = preprocess(cells, PREPROCESS, options.folder.name)[0]
    mark()
    responses = summarise(expression, "t-test", np.random.default_rng(options.seed))
    mark()
    graphs = build_graphs(expression, options.folder / "gene2go.tsv.gz", options.coexpression)
    mark()
    training = responses[part.index[part == "train"]].copy()
    held_out = np.concatenate([part.index[part == p].to_numpy(str) for p in ("validation", "test")])

    def trained(steps: int) -> Prediction:
        model = MODELS["gears"](steps=steps)
        return model.predict(training, held_out, Knowledge(graphs), options.seed, "cpu")

    records = []
    for steps in ladder(MODELS["gears"]().steps):
        prediction = trained(steps)
        records.append((steps, *mark(), prediction.mean))
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step, wall, cpu, predicted = zip(*records, strict=True)
    last = np.subtract(marks[-1], marks[-2])
    facts = {
        "seconds_of_part": dict(
            zip(("normalise", "moments", "graphs"), np.diff([m[0] for m in marks[:4]]), strict=True)
        ),
        "step_s": (last / step[-1]).tolist(),
        "perturbations": training.n_obs,
        "batch": MODELS["gears"]().batch,
        "peak_gb": peak_kb * 1024 / 1e9,
        "flop_per_step": (floating_point_operations(trained, 4) - floating_point_operations(trained, 2)) / 2,
        "threads": torch.get_num_threads(),
        "parameters": prediction.summary["parameters"],
    }
    with options.result.open("wb") as file:
        np.savez_compressed(
            file,
            step=step,
            wall=wall,
            cpu=cpu,
            predicted=np.stack(predicted),
            perturbation=held_out,
            facts=json.dumps(facts),
        )


def floating_point_operations(trained, steps: int) -> int:
    """Count the floating-point operations of the matrix products of a training of so many steps."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        trained(steps)
    return counter.get_total_flops()


if __name__ == "__main__":
    main()
