"""Train our `gears` on one screen and record its way; a process of its own, so that its memory counts.

``python run_ours.py FOLDER RESULT.npz --seed 0``: the clock starts at the raw counts in memory and
includes normalisation, moments and both graphs. Whole trainings of 10, 20, 40, ... steps up to the
default number give the way: each is what a user gets who asks for so many steps. Beside it, the mean
of three networks (``members: 3``) with the default number of steps each.
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
from perturbselect.models.model import Knowledge

FIRST_STEPS = 10
MEMBERS = 3


def doubled(last: int) -> list[int]:
    """Return the numbers of steps: 10, 20, 40, ... and the last."""
    steps = [FIRST_STEPS]
    while 2 * steps[-1] < last:
        steps.append(2 * steps[-1])
    return [*steps, last]


def timed(function):
    """Call a function; return its result, and the wall and CPU seconds it took."""
    began = time.perf_counter(), time.process_time()
    result = function()
    return result, np.subtract((time.perf_counter(), time.process_time()), began)


def floating_point_operations(function) -> int:
    """Count the floating-point operations of the matrix products of a function."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--coexpression", type=float, required=True)
    options = parser.parse_args()

    cells = read_h5ad(options.folder / "cells.h5ad")
    gene2go = options.folder / "gene2go.tsv.gz"
    part = read_tsv(options.folder / "parts.tsv").set_index("perturbation")["part"]
    held_out = np.concatenate([part.index[part == p].to_numpy(str) for p in ("validation", "test")])

    (expression, _), normalising = timed(lambda: preprocess(cells, PREPROCESS, options.folder.name))
    responses, summarising = timed(
        lambda: summarise(expression, "t-test", np.random.default_rng(options.seed))
    )
    graphs, connecting = timed(lambda: build_graphs(expression, gene2go, options.coexpression))
    prepared = normalising + summarising + connecting
    training = responses[part.index[part == "train"]].copy()

    def trained(steps: int, members: int = 1):
        model = MODELS["gears"](steps=steps, members=members)
        return model.predict(training, held_out, Knowledge(graphs), options.seed, "cpu")

    trained(1)  # imports what the first training imports: the peer's clock does not count that either
    records = []
    for steps in doubled(MODELS["gears"]().steps):
        prediction, seconds = timed(lambda steps=steps: trained(steps))
        records.append((steps, *(prepared + seconds), prediction.mean))
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    together, seconds_together = timed(lambda: trained(steps, MEMBERS))
    step, wall, cpu, predicted = zip(*records, strict=True)
    facts = {
        "prepare_s": prepared.tolist(),
        "parts_s": {
            "normalise": normalising.tolist(),
            "moments": summarising.tolist(),
            "graphs": connecting.tolist(),
        },
        "step_s": (seconds / step[-1]).tolist(),
        "steps_per_pass": training.n_obs / MODELS["gears"]().batch,
        "peak_gb": peak_kb * 1024 / 1e9,
        "flop_per_step": (
            floating_point_operations(lambda: trained(4)) - floating_point_operations(lambda: trained(2))
        )
        / 2,
        "threads": torch.get_num_threads(),
        "parameters": prediction.summary["parameters"],
        "together": f"{MEMBERS} members",
        "together_s": (prepared + seconds_together).tolist(),
    }
    with options.result.open("wb") as file:
        np.savez_compressed(
            file,
            step=step,
            wall=wall,
            cpu=cpu,
            predicted=np.stack(predicted),
            together=together.mean,
            perturbation=held_out,
            facts=json.dumps(facts),
        )


if __name__ == "__main__":
    main()
