"""What a study's budgets take in the laboratory: days and money, by the number of rounds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from perturbselect.budgets import measured_after
from perturbselect.config import Laboratory


def experiments(perturbations: int, rounds: int, capacity: int) -> int:
    """Count experiments: one a round at least, and as many as the perturbations need, ⌈B / capacity⌉.

    A round may hold several experiments; batches are cut so that they fill them.
    """
    return max(rounds, -(-perturbations // capacity))


def days(perturbations: int, rounds: int, laboratory: Laboratory) -> float:
    """Days until the last model is trained, one thing after another.

    ``T = E·(t_library + t_cells + t_sequencing) + R·(t_selection + t_training)`` for E
    `experiments` in R rounds (design note "Measuring predictions").
    """
    count = experiments(perturbations, rounds, laboratory.capacity)
    bench = laboratory.library_days + laboratory.cells_days + laboratory.sequencing_days
    return count * bench + rounds * (laboratory.selection_days + laboratory.training_days)


def costs(perturbations: int, rounds: int, laboratory: Laboratory) -> dict[str, float]:
    """Dollars for cells, reads and experiments.

    ``B·cells·(price per cell + reads·price per read) + E·price per experiment``. Cells and reads cost
    the same in any number of rounds; only the last term grows with it.
    """
    cells = perturbations * laboratory.cells_per_perturbation
    return {
        "cost_cells": cells * laboratory.price_per_cell,
        "cost_reads": cells * laboratory.reads_per_cell / 1e6 * laboratory.price_per_million_reads,
        "cost_experiments": experiments(perturbations, rounds, laboratory.capacity)
        * laboratory.price_per_experiment,
    }


def laboratory_table(curves: pd.DataFrame, laboratory: Laboratory) -> pd.DataFrame:
    """Compute days and money of every budget of every dataset, in 1 to ``max_rounds`` rounds.

    Parameters
    ----------
    curves : DataFrame
        Table ``learning_curves``; its columns dataset, budget and n_selected (a mean over runs,
        rounded up) are used.
    laboratory : Laboratory
        The config's section.

    Returns
    -------
    DataFrame
        Table ``laboratory``: dataset, budget, perturbations, rounds, experiments, days, cost and its
        three parts; then every assumption, so that no number stands without them. Rounds in which
        nothing would be measured are left out.
    """
    budgets = curves.dropna(subset=["budget"])
    budgets = budgets.groupby(["dataset", "budget"], sort=False)["n_selected"].max().map(np.ceil).astype(int)
    rows = []
    for (dataset, budget), perturbations in budgets.items():
        for rounds in range(1, min(laboratory.max_rounds, perturbations) + 1):
            parts = costs(perturbations, rounds, laboratory)
            rows.append(
                {
                    "dataset": dataset,
                    "budget": budget,
                    "perturbations": perturbations,
                    "rounds": rounds,
                    "experiments": experiments(perturbations, rounds, laboratory.capacity),
                    "days": days(perturbations, rounds, laboratory),
                    "cost": sum(parts.values()),
                }
                | parts
                | assumptions(laboratory)
            )
    columns = ["dataset", "budget", "perturbations", "rounds", "experiments", "days", "cost"]
    columns += [*costs(1, 1, laboratory), *assumptions(laboratory)]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["dataset", "perturbations", "rounds"], kind="stable", ignore_index=True)


def rounds_until(perturbations: int, pool: int, initial: int | str, batch: int | str, count: int) -> int:
    """Count rounds until so many perturbations of a pool are measured; those measured at the start are one.

    ``initial``, ``batch`` and ``count`` are those of the config's section ``rounds``.
    """
    after = 0
    while after < count and measured_after(after, initial, batch, pool) < perturbations:
        after += 1
    return after + 1


def assumptions(laboratory: Laboratory) -> dict[str, float]:
    """Return what the numbers rest on, by the keys of the config."""
    return laboratory.model_dump(exclude={"max_rounds"})


def in_words(values: Mapping[str, float]) -> str:
    """Say the assumptions in three lines, for figures."""
    lines = (
        "Assumed: {cells_per_perturbation:,.0f} cells a perturbation, {reads_per_cell:,.0f} reads a cell; "
        "USD {price_per_cell:.4g} a cell, {price_per_million_reads:.4g} a million reads,",
        "{price_per_experiment:,.0f} an experiment of up to {capacity:,.0f} perturbations, which takes "
        "{library_days:g} days for the library, {cells_days:g} for cells, {sequencing_days:g} to sequence;",
        "in each round {selection_days:g} days to select and {training_days:g} to train. One experiment "
        "after another, each as full as can be. All of it is set in the config (laboratory).",
    )
    return "\n".join(lines).format(**values)
