"""Choose with every strategy on one split of a screen, train a model on the choices, measure its errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from study.fast_ridge import predictions
from study.screens import OWN, Screen

from perturbselect.budgets import budget_size
from perturbselect.data.splits import split
from perturbselect.models import MODELS
from perturbselect.scores.metrics import METRICS
from perturbselect.seeds import generator, integer_seed
from perturbselect.selection import STRATEGIES
from perturbselect.selection.strategy import Problem, chosen

WORDS = "selection study"  # of every random choice here
MEASURED = ("mse", "pearson_delta_perturbed_ref")
BASELINE = "random"
MARKS = ("oracle", *OWN)  # see the answers
# Budgets of the random curve alone: a factor says how far along it a strategy is, up to the whole pool.
FARTHER = ("50%", "70%", "90%", "100%")
FEWER = 5  # draws there


@dataclass(frozen=True)
class Plan:
    """What is tried with a model.

    Attributes
    ----------
    strategies : tuple of str
        Entries of the study; empty: all.
    left_out : tuple of str
        Entries that are not tried.
    splits : int
        Splits, at most.
    draws : int
        Draws of `random`; every other strategy chooses once a split, with its own ties.
    """

    strategies: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    splits: int = 10
    draws: int = 20

    def entries(self, screen: Screen) -> list[str]:
        """Return the entries that are tried on a screen."""
        return [entry for entry in self.strategies or screen.strategies if entry not in self.left_out]


# Variants of `v_optimal` for which the slow model has no time: mean, noise, kernel.
VARIANTS = ("zero_mean", "noise_low", "noise_high", "two", "go", "walk", "hop", "other", "sized")
OTHER = ("v_optimal", "v_optimal_other", "v_optimal_with_other", "facility_location_with_other")
PLANS = {
    "kernel_ridge": Plan(),
    "kernel_ridge_with_other": Plan((BASELINE, *OTHER)),
    "kernel_ridge_with_other_sized": Plan((BASELINE, "v_optimal", "v_optimal_with_other_sized")),
    "graphnet": Plan(left_out=tuple(f"v_optimal_{variant}" for variant in VARIANTS)),
}
FEW = (BASELINE, "graphreach", "facility_location", "v_optimal")
QUICK = {"kernel_ridge": Plan(FEW, splits=2, draws=5)}


def problem_of(screen: Screen, number: int) -> Problem:
    """Return pool and queries of a split; the same for every strategy and model."""
    parts = split(
        screen.responses.obs_names.to_numpy(str),
        screen.config.splits.test_share,
        generator(screen.config.seed, WORDS, screen.name, "split", number),
    )
    pool, test = (parts.loc[parts["part"] == part, "perturbation"].to_numpy(str) for part in ("pool", "test"))
    return Problem(pool, test)


def order_of(screen: Screen, problem: Problem, label: str, number: int, draw: int) -> np.ndarray:
    """Return the whole pool, or as much as the largest budget, in the order an entry chooses it."""
    _, strategy = STRATEGIES.build(label, screen.strategies[label])
    knowledge = screen.knowledge
    size = len(problem.candidates)
    if label != BASELINE:
        size = max(budget_size(budget, size) for budget in screen.config.budgets)
    seen = replace(
        problem,
        graph=knowledge.graphs.get(getattr(strategy, "graph", None)),
        kernel=knowledge.kernels.get(getattr(strategy, "kernel", None)),
        responses=screen.responses.to_df() if getattr(strategy, "sees_responses", False) else None,
    )
    words = (screen.config.seed, WORDS, screen.name, label, number, draw)
    return chosen(strategy.select(seen, size, generator(*words)).table, size)


def predicted(screen: Screen, problem: Problem, label: str, picks: np.ndarray, number: int) -> np.ndarray:
    """Train a model of the study on some picks, and predict the queries."""
    name, model = MODELS.build(label, screen.config.models[label])
    training = screen.responses[picks].copy()
    if name == "kernel_ridge" and isinstance(model.kernel, str):
        kernel = screen.knowledge.kernel(model.kernel, np.concatenate([picks, problem.queries]))
        n = len(picks)
        return predictions(kernel[:n, :n], np.asarray(training.X, np.float64), kernel[n:, :n])
    seed = integer_seed(screen.config.seed, WORDS, screen.name, "train", number)
    return model.predict(training, problem.queries, screen.knowledge, seed, "cpu").mean.astype(np.float64)


def errors(screen: Screen, problem: Problem, label: str, picks: np.ndarray, number: int) -> dict[str, float]:
    """Measure the predictions of the queries."""
    found = predicted(screen, problem, label, picks, number)
    truth = np.asarray(screen.responses[problem.queries].X, np.float64)
    mean = np.asarray(screen.responses[problem.candidates].X, np.float64).mean(axis=0)
    values = {}
    for name in MEASURED:
        metric = METRICS[name]
        needs = (mean,) if "pool_mean" in metric.needs else ()
        raw = np.asarray(metric.function(found, truth, *needs))
        values[name] = float(np.nanmean(np.where(np.isnan(raw), metric.undefined, raw)))
    return values


def measured(screen: Screen, model: str, strategy: str, number: int, draws: int) -> pd.DataFrame:
    """Return the table ``scores`` of a model and a strategy on one split: the mean over its draws."""
    import torch

    torch.set_num_threads(1)  # the jobs share the cores
    problem = problem_of(screen, number)
    known: dict[frozenset, dict[str, float]] = {}  # all draws of the whole pool are one
    rows = []
    for draw in range(draws if strategy == BASELINE else 1):
        order = order_of(screen, problem, strategy, number, draw)
        farther = FARTHER if strategy == BASELINE and draw < FEWER else ()
        for budget in (*screen.config.budgets, *farther):
            picks = np.sort(order[: budget_size(budget, len(problem.candidates))])
            key = frozenset(picks)
            if key not in known:
                known[key] = errors(screen, problem, model, picks, number)
            facts = {"budget": budget, "n_selected": len(picks)}
            rows += [facts | {"metric": name, "value": value} for name, value in known[key].items()]
    keys = ["budget", "n_selected", "metric"]
    table = pd.DataFrame(rows).groupby(keys, sort=False)["value"].mean().reset_index()
    return table.assign(dataset=screen.name, model=model, strategy=strategy, split=number, seed=0)
