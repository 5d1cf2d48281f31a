"""Train a network on moments: a fixed number of steps, whatever the number of perturbations."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from perturbselect.errors import InputError
from perturbselect.models.neural.adam import Adam
from perturbselect.models.neural.batches import Batch, one_pass, one_pass_over_cells
from perturbselect.models.neural.checkpoint import Checkpoint
from perturbselect.models.neural.device import out_of_memory, release_memory
from perturbselect.models.neural.evaluation import keep_statistics, predict
from perturbselect.models.neural.examples import Examples
from perturbselect.models.neural.loss import direction, fourth_power, squared
from perturbselect.models.neural.network import Network

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
    peer_compatible: bool = False


def train(
    network: Network,
    training: Examples,
    schedule: Schedule,
    generator: np.random.Generator,
    validation: Examples | None = None,
    checkpoint: Checkpoint | None = None,
    watch: Callable[[dict[str, float]], None] | None = None,
) -> pd.DataFrame:
    """Train `network` in place and leave it in evaluation, with the training set's statistics.

    Adam with gradients clipped by value to 1; the learning rate rises linearly over the
    first tenth of the steps and then falls to 0 along a cosine. Weight decay is Adam's
    (added to the gradient); rows of the node table that no training perturbation reaches
    receive no gradient and are not decayed either. An epoch is one pass over the
    perturbations. With validation perturbations, the weights kept are those after the
    epoch with the least validation error, else the last ones.

    Parameters
    ----------
    network : Network
    training : Examples
    schedule : Schedule
        Peer compatible: batches of cells as cell-gears draws them, no direction term (its gradient
        is 0 there), and weight decay everywhere; an epoch is then one pass over the cells.
    generator : numpy Generator
        Draws the batches.
    validation : Examples, or None
    checkpoint : Checkpoint, or None
        Where to resume from, if something is there, and to save to, now and then, at the
        end of an epoch. A resumed training ends in the same bytes as an undisturbed one.
    watch : callable, or None
        Is given each row of the history when it is complete.

    Returns
    -------
    DataFrame
        A row an epoch: ``epoch`` and ``step`` (from 1), ``loss`` (mean over the epoch's steps),
        ``validation`` (squared error of the validation perturbations' mean responses, mean
        over genes; from the statistics of the epoch's batches), ``learning_rate`` (of the last step).

    Raises
    ------
    InputError
        If the loss is not finite, or the memory does not suffice for one perturbation.
    """
    run = Run(network, training, schedule, generator)
    if checkpoint is not None and (saved := checkpoint.load()) is not None:
        run.restore(saved)
    # disable=None: no bar where the output is no terminal.
    with tqdm(total=schedule.steps, initial=run.step, unit="step", leave=False, disable=None) as bar:
        while run.step < schedule.steps:
            run.epoch(validation, bar.update)
            if watch is not None:
                watch(run.history[-1])
            if checkpoint is not None:
                checkpoint.save_now_and_then(run.state)
    if run.best is not None:
        network.load_state_dict(run.best)
    keep_statistics(network, training, schedule.peer_compatible)
    return pd.DataFrame(run.history)


class Run:
    """A training under way: the network, its optimiser, and where it stands."""

    def __init__(
        self, network: Network, training: Examples, schedule: Schedule, generator: np.random.Generator
    ) -> None:
        self.network, self.training, self.schedule, self.generator = network, training, schedule, generator
        self.objective = fourth_power if schedule.fourth_power else squared
        everywhere = [p for p in network.parameters() if p is not network.node or schedule.peer_compatible]
        self.optimisers = [Adam(everywhere, schedule.weight_decay)]
        self.node_decay = None
        if not schedule.peer_compatible:
            self.optimisers.append(Adam([network.node]))
            reached = (training.composition != 0).any(dim=0)[:, None].to(training.composition)
            self.node_decay = schedule.weight_decay * reached
        self.step = 0
        self.chunks = 1  # parts of a batch, more than one where the memory is small
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] | None = None

    def epoch(self, validation: Examples | None = None, advance: Callable[[], Any] = lambda: None) -> None:
        """Make one pass, validate, and add a row to the history; `advance` is called after each step."""
        self.network.train()
        self.network.forget_statistics()
        losses = []
        for batch in self._batches():
            if self.step == self.schedule.steps:
                break
            self.step += 1
            rate = self.schedule.learning_rate * rate_at(self.step, self.schedule.steps)
            losses.append(self.optimise(batch, rate))
            advance()
        loss = float(torch.stack(losses).mean())
        if not math.isfinite(loss):
            raise InputError(
                f"the training diverged (loss {loss} at step {self.step}): lower `learning_rate`"
            )
        error = math.nan if validation is None else self._error(validation)
        if error < min((row["validation"] for row in self.history), default=math.inf):
            self.best = {name: value.clone() for name, value in self.network.state_dict().items()}
        row = {"epoch": len(self.history) + 1, "step": self.step, "loss": loss}
        self.history.append(row | {"validation": error, "learning_rate": rate})

    def _batches(self) -> Iterator[Batch]:
        cells = self.training.cells
        if self.schedule.peer_compatible:
            return one_pass_over_cells(cells.astype(np.int64), self.generator)
        return one_pass(cells, self.schedule.batch, self.generator)

    def _error(self, validation: Examples) -> float:
        self.network.eval()
        delta, _ = predict(
            self.network, validation.composition, validation.sizes, self.schedule.peer_compatible
        )
        return float((delta - validation.targets.m1).square().mean())

    def optimise(self, batch: Batch, rate: float) -> Tensor:
        """Take one step on a batch; return its loss (a scalar, detached)."""
        self.network.renormalise()
        loss = self._gradient(batch)
        nn.utils.clip_grad_value_(self.network.parameters(), 1.0)
        if self.node_decay is not None:
            with torch.no_grad():
                self.network.node.grad += self.node_decay * self.network.node  # type: ignore[operator]
        for optimiser in self.optimisers:
            optimiser.step(rate)
        return loss

    def _gradient(self, batch: Batch) -> Tensor:
        """Compute the gradient of a batch's loss, in parts where the memory does not suffice.

        The parts are normalised each by itself, so that they give another gradient than the whole.
        """
        while True:
            self.network.zero_grad(set_to_none=True)
            try:
                losses = []
                for part in np.array_split(np.arange(len(batch.rows)), self.chunks):
                    loss = self.loss(batch, part)
                    loss.backward()
                    losses.append(loss.detach())
                return torch.stack(losses).sum()
            except torch.OutOfMemoryError as error:
                if self.chunks >= len(batch.rows):
                    raise out_of_memory() from error
                self.chunks = min(2 * self.chunks, len(batch.rows))
                loss = None  # type: ignore[assignment]  # frees its graph
                self.network.workspace.clear()
                release_memory(f"each batch is now computed in {self.chunks} parts")

    def loss(self, batch: Batch, part: np.ndarray) -> Tensor:
        """Return the loss of some rows of a batch, each with its weight in the batch."""
        examples = self.training.rows(batch.rows[part])
        share = examples.tensor(batch.share[part] / batch.share[part].sum())
        hopped = None if batch.hopped is None else examples.tensor(batch.hopped[part])
        delta, log_variance = self.network.with_log_variance(
            examples.composition, examples.sizes, share, hopped
        )
        targets = examples.targets
        if log_variance is not None:
            targets = replace(targets, weight=targets.weight * (1 + torch.exp(-log_variance)))
        loss = self.objective(delta, targets)
        if self.schedule.direction_lambda and not self.schedule.peer_compatible:
            loss = loss + self.schedule.direction_lambda * direction(delta, examples.targets)
        return examples.tensor(batch.weight[part]) @ loss

    def state(self) -> dict[str, Any]:
        """Return everything that `restore` needs, between two epochs."""
        return {
            "network": self.network.state_dict(),
            "optimisers": [optimiser.state() for optimiser in self.optimisers],
            "generator": json.dumps(self.generator.bit_generator.state),
            "step": self.step,
            "chunks": self.chunks,
            "history": self.history,
            "best": self.best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where the training stood when `state` was made."""
        self.network.load_state_dict(state["network"])
        for optimiser, values in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.restore(values)
        self.generator.bit_generator.state = json.loads(state["generator"])
        self.step, self.chunks = state["step"], state["chunks"]
        self.history, self.best = state["history"], state["best"]


def rate_at(step: int, steps: int) -> float:
    """Return the share of the highest learning rate at a step (from 1)."""
    warm = max(1.0, WARM_UP * steps)
    if step <= warm:
        return step / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm + 1)))
