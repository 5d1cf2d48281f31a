"""Choose with every strategy on one split of a screen, train a model on the choices, measure its errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from study.screens import Screen

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
MARK = "oracle"
# Budgets of the random curve alone: a factor says how far along it a strategy is, up to the whole pool.
FARTHER = ("50%", "70%", "90%", "100%")


@dataclass(frozen=True)
class Plan:
    """What is tried with a model.

    Attributes
    ----------
    strategies : tuple of str
        Entries of the study; empty: all.
    splits : int
        Splits, at most.
    draws : int
        Draws of `random` and `leverage`.
    tie_orders : int
        Runs of every other strategy; those that depend on no chance give one choice.
    """

    strategies: tuple[str, ...] = ()
    splits: int = 10
    draws: int = 20
    tie_orders: int = 3


OTHER = ("v_optimal", "v_optimal_other", "v_optimal_with_other", "facility_location_with_other")
PLANS = {
    "kernel_ridge": Plan(),
    "kernel_ridge_with_other": Plan((BASELINE, *OTHER)),
    "graphnet": Plan((BASELINE, "graphreach", "facility_location", "v_optimal"), 3, 3, 1),
}
QUICK = {"kernel_ridge": Plan((BASELINE, "graphreach", "facility_location", "v_optimal"), 2, 5, 1)}


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
    _, strategy = STRATEGIES.build(label, screen.config.strategies[label])
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


def errors(screen: Screen, problem: Problem, model, picks: np.ndarray, seed: int) -> dict[str, float]:
    """Train a model on some picks and measure its predictions of the queries."""
    training = screen.responses[np.sort(picks)].copy()
    truth = np.asarray(screen.responses[problem.queries].X, np.float64)
    predicted = model.predict(training, problem.queries, screen.knowledge, seed, "cpu").mean
    mean = np.asarray(training.X, np.float64).mean(axis=0)
    values = {}
    for name in MEASURED:
        metric = METRICS[name]
        needs = (mean,) if "training_mean" in metric.needs else ()
        raw = np.asarray(metric.function(predicted.astype(np.float64), truth, *needs))
        values[name] = float(np.nanmean(np.where(np.isnan(raw), metric.undefined, raw)))
    return values


def measured(screen: Screen, label: str, plan: Plan, number: int) -> pd.DataFrame:
    """Return the table ``scores`` of a model on one split: each strategy's mean over its draws.

    A choice that was measured before (ties that do not matter, the whole pool) is not again.
    """
    import torch

    torch.set_num_threads(1)  # the jobs share the cores
    config, problem = screen.config, problem_of(screen, number)
    _, model = MODELS.build(label, config.models[label])
    seed = integer_seed(config.seed, WORDS, screen.name, "train", number)
    known: dict[frozenset, dict[str, float]] = {}
    rows = []
    for strategy in plan.strategies or config.strategies:
        chance = strategy in (BASELINE, "leverage")
        for draw in range(plan.draws if chance else plan.tie_orders):
            order = order_of(screen, problem, strategy, number, draw)
            for budget in (*config.budgets, *(FARTHER if strategy == BASELINE else ())):
                picks = order[: budget_size(budget, len(problem.candidates))]
                key = frozenset(picks)
                if key not in known:
                    known[key] = errors(screen, problem, model, picks, seed)
                facts = {"strategy": strategy, "budget": budget, "n_selected": len(picks)}
                rows += [facts | {"metric": name, "value": value} for name, value in known[key].items()]
    keys = ["strategy", "budget", "n_selected", "metric"]
    table = pd.DataFrame(rows).groupby(keys, sort=False)["value"].mean().reset_index()
    return table.assign(dataset=screen.name, model=label, split=number, seed=0)
