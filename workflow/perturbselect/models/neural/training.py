"""Train a network on moments: a fixed number of steps, whatever the number of perturbations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from perturbselect.models.neural.loss import Targets, direction, fourth_power, squared
from perturbselect.models.neural.network import Network

RECORDS = 50  # rows of the history, at most
WARM_UP = 0.1  # share of the steps


@dataclass(frozen=True)
class Schedule:
    """How to optimise; the meaning of each field is that of the `gears` option."""

    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    fourth_power: bool
    direction_lambda: float


def train(
    network: Network,
    composition: Tensor,
    sizes: Tensor,
    cells: Tensor,
    targets: Targets,
    schedule: Schedule,
    generator: np.random.Generator,
) -> pd.DataFrame:
    """Train `network` in place and leave it in evaluation, with the training set's statistics.

    Adam with gradients clipped by value to 1; the learning rate rises linearly over the
    first tenth of the steps and then falls to 0 along a cosine. Weight decay is Adam's
    (added to the gradient); rows of the node table that no training perturbation reaches
    receive no gradient and are not decayed either.

    Parameters
    ----------
    network : Network
    composition, sizes : Tensor, shapes (n, N) and (n,)
        As in `Network.forward`.
    cells : Tensor, shape (n,)
        Number of cells of each perturbation: its weight in batch normalisation.
    targets : Targets, of shape (n, G)
    schedule : Schedule
    generator : numpy Generator
        Draws the batches.

    Returns
    -------
    DataFrame
        ``step`` (from 1), ``loss`` (mean since the row before), ``learning_rate``.
    """
    objective = fourth_power if schedule.fourth_power else squared
    others = [p for p in network.parameters() if p is not network.node]
    groups: list[dict[str, Any]] = [
        {"params": others, "weight_decay": schedule.weight_decay},
        {"params": [network.node]},  # decayed below, where training reaches
    ]
    optimiser = torch.optim.Adam(groups, fused=True)
    decay = schedule.weight_decay * (composition != 0).any(dim=0)[:, None].to(composition)
    every = math.ceil(schedule.steps / RECORDS)
    records, loss_sum, since = [], torch.zeros((), device=composition.device), 0
    network.train()
    for step, index in zip(
        range(1, schedule.steps + 1), _batches(len(composition), schedule.batch, generator), strict=False
    ):
        rate = schedule.learning_rate * _rate(step, schedule.steps)
        for group in optimiser.param_groups:
            group["lr"] = rate
        rows = torch.from_numpy(index).to(composition.device)
        batch = targets.rows(rows)
        network.renormalise()
        optimiser.zero_grad(set_to_none=True)
        delta = network(composition[rows], sizes[rows], cells[rows] / cells[rows].sum())
        loss = objective(delta, batch)
        if schedule.direction_lambda:
            loss = loss + schedule.direction_lambda * direction(delta, batch)
        loss.backward()
        nn.utils.clip_grad_value_(network.parameters(), 1.0)
        with torch.no_grad():
            network.node.grad += decay * network.node  # type: ignore[operator]
        optimiser.step()
        loss_sum, since = loss_sum + loss.detach(), since + 1
        if step % every == 0 or step == schedule.steps:
            records.append((step, float(loss_sum) / since, rate))
            loss_sum, since = torch.zeros_like(loss_sum), 0
    network.keep_statistics(composition, sizes, cells / cells.sum())
    return pd.DataFrame(records, columns=["step", "loss", "learning_rate"])


def _rate(step: int, steps: int) -> float:
    """Return the share of the highest learning rate at a step (from 1)."""
    warm = max(1.0, WARM_UP * steps)
    if step <= warm:
        return step / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm + 1)))


def _batches(count: int, size: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield batches of about equal size, pass after pass, each pass in a new order."""
    parts = math.ceil(count / size)
    while True:
        yield from np.array_split(generator.permutation(count), parts)
