"""What the runs of both sides come to: errors by our metrics on the same truth, times, memory."""

import json
from dataclasses import dataclass
from pathlib import Path

import anndata
import numpy as np

from perturbselect.files import read_h5ad, read_tsv
from perturbselect.scores.metrics import mse, mse_de20, pearson_delta, strongest_genes

CLOCKS = ("wall", "cpu")


@dataclass(frozen=True)
class Run:
    """One side's way: a row for each record, in order of time.

    Attributes
    ----------
    steps : ndarray of int, shape (n,)
        Optimiser steps at each record.
    seconds : ndarray of float, shape (n, 2)
        Wall and CPU seconds.
    validation : ndarray of float, shape (n,)
        MSE of the validation perturbations' 20 strongest DE genes.
    test : ndarray of float, shape (n, 3)
        MSE, MSE of the DE20, Pearson delta of the test perturbations.
    facts : dict
        What the driver says of itself: memory, operations, parameters, ...
    """

    steps: np.ndarray
    seconds: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    facts: dict

    def at(self, records: np.ndarray) -> "Run":
        """Return some of the records."""
        return Run(
            self.steps[records],
            self.seconds[records],
            self.validation[records],
            self.test[records],
            self.facts,
        )

    @property
    def best(self) -> int:
        """The record of least validation error."""
        return int(np.argmin(self.validation))

    def first(self, error: float) -> int | None:
        """Return the first record whose validation error is at most `error`, if there is one."""
        reached = np.flatnonzero(self.validation <= error)
        return int(reached[0]) if len(reached) else None

    def seconds_until(self, error: float) -> np.ndarray:
        """Wall and CPU seconds until then; infinite if the error is never reached."""
        record = self.first(error)
        return np.full(2, np.inf) if record is None else self.seconds[record]


@dataclass(frozen=True)
class Comparison:
    """Both sides on one screen, and the training mean (validation error, then the three of the test).

    The peer chooses among its epochs: `peer` has these only, `peer_often` every look. Our errors are
    those of the default training, the last record; `together` (the three of the test) are those of
    three networks, each trained so.
    """

    shape: str
    seed: int
    perturbations: dict[str, int]
    peer_often: Run
    ours: Run
    together: np.ndarray
    mean_validation: float
    mean_test: np.ndarray

    @property
    def peer(self) -> Run:
        """The peer at the ends of its epochs."""
        steps = self.peer_often.steps
        return self.peer_often.at((steps > 0) & (steps % self.peer_often.facts["steps_per_epoch"] == 0))

    @property
    def target(self) -> float:
        """The peer's best validation error."""
        return self.peer.validation.min()

    @property
    def speedup(self) -> np.ndarray:
        """Peer / ours, seconds until the peer's best validation error, by each clock."""
        return self.peer.seconds_until(self.target) / self.ours.seconds_until(self.target)

    @property
    def tests(self) -> tuple[np.ndarray, np.ndarray]:
        """Test errors: the peer's at its best epoch, ours after the default training."""
        return self.peer.test[self.peer.best], self.ours.test[-1]


def errors(predicted: np.ndarray, truth: anndata.AnnData) -> np.ndarray:
    """Return MSE, MSE-DE20 and Pearson delta, each the mean over perturbations."""
    true = np.asarray(truth.X, dtype=np.float64)
    correlation = np.nan_to_num(pearson_delta(predicted, true))  # undefined counts as 0
    de20 = strongest_genes(truth.layers["de_rank"])
    return np.array([mse(predicted, true).mean(), mse_de20(predicted, true, de20).mean(), correlation.mean()])


def compare(shape: str, seed: int, screen: Path, peer: Path, ours: Path) -> Comparison:
    """Judge both results by the truth of the screen."""
    truth = read_h5ad(screen / "truth.h5ad")
    part = read_tsv(screen / "parts.tsv").set_index("perturbation")["part"]
    names = {p: part.index[part == p].to_numpy(str) for p in ("train", "validation", "test")}

    def run(path: Path) -> Run:
        with np.load(path) as record:
            order = {name: i for i, name in enumerate(record["perturbation"])}
            judged = {
                p: np.array(
                    [
                        errors(predicted[[order[name] for name in names[p]]], truth[names[p]])
                        for predicted in record["predicted"].astype(np.float64)
                    ]
                )
                for p in ("validation", "test")
            }
            seconds = np.stack([record[clock] for clock in CLOCKS], axis=1)
            facts = json.loads(str(record["facts"]))
            return Run(record["step"], seconds, judged["validation"][:, 1], judged["test"], facts)

    with np.load(ours) as record:
        order = {name: i for i, name in enumerate(record["perturbation"])}
        predicted = record["together"].astype(np.float64)[[order[name] for name in names["test"]]]
    together = errors(predicted, truth[names["test"]])
    mean = truth[names["train"]].X.mean(axis=0, dtype=np.float64)
    by_mean = {p: errors(np.tile(mean, (len(names[p]), 1)), truth[names[p]]) for p in ("validation", "test")}
    counts = {p: len(names[p]) for p in names}
    return Comparison(
        shape, seed, counts, run(peer), run(ours), together, by_mean["validation"][1], by_mean["test"]
    )


def final_line(comparisons: list[Comparison]) -> str:
    """Return the line of JSON: speed-ups by shape; of the other numbers the shape's that is worst for us.

    A shape's number is the mean over its seeds of the paired ratios or differences; each speed-up is
    the smaller of that by wall and that by CPU seconds.
    """
    shapes = list(dict.fromkeys(c.shape for c in comparisons))

    def by_shape(value) -> dict[str, float]:
        return {
            shape: float(np.mean([value(c) for c in comparisons if c.shape == shape])) for shape in shapes
        }

    def ratio(column: int) -> float:
        return max(by_shape(lambda c: c.tests[1][column] / c.tests[0][column]).values())

    speedup = by_shape(lambda c: c.speedup.min())
    memory = by_shape(lambda c: c.peer.facts["peak_gb"] / c.ours.facts["peak_gb"])
    difference = by_shape(lambda c: c.tests[1][2] - c.tests[0][2])
    return json.dumps(
        {
            "speedup_to_best_validation": {shape: round(value, 1) for shape, value in speedup.items()},
            "memory_ratio": round(min(memory.values()), 2),
            "mse_ratio": round(ratio(0), 3),
            "mse_de20_ratio": round(ratio(1), 3),
            "pearson_delta_difference": round(min(difference.values()), 3),
        }
    )
