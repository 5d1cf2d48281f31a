"""The network on pairs of a perturbation and a gene: an ensemble, trained as one batched program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from perturbselect.models.graph_network.pairs import PairFeatures
from perturbselect.models.neural.device import in_chunks

ROWS = 64  # perturbations evaluated at a time, where the memory suffices
SHRINKAGE = 1e-3  # of the least-squares start, relative to each feature's own size
Result = TypeVar("Result")


@dataclass(frozen=True)
class Schedule:
    """How to optimise; the meaning of each field is that of the `graphnet` option."""

    hidden: int
    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    checks: int


class PairNetwork(nn.Module):
    """E networks side by side: a linear layer and one hidden layer on the features of a pair.

    Hidden units come before pairs: every product is long in its last axis, which is faster on a CPU.

    Parameters
    ----------
    members, width, hidden : int
        E, features, hidden units.
    generator : torch.Generator
        Draws the hidden layer; the output layers start at 0.
    """

    def __init__(self, members: int, width: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        first = torch.randn(members, width, hidden, generator=generator) / np.sqrt(width)
        self.first = nn.Parameter(first.mT.contiguous())
        self.bias = nn.Parameter(torch.randn(members, hidden, 1, generator=generator) / 2)
        self.second = nn.Parameter(torch.zeros(members, 1, hidden))
        self.direct = nn.Parameter(torch.zeros(members, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        """Map features [E, pairs, width] to corrections [E, pairs]."""
        hidden = torch.relu(torch.baddbmm(self.bias, self.first, x.mT))
        return torch.baddbmm(self.direct @ x.mT, self.second, hidden)[:, 0]


class Ensemble:
    """Networks, one for each fold, that never see the rows of their own.

    Parameters
    ----------
    features : PairFeatures
    residuals : ndarray, shape (n, G)
        What the base leaves unexplained of the training rows, in units of the responses.
    fold : ndarray of int, shape (n,)
        Member e may not use the rows of fold e.
    schedule : Schedule
    seed : int
    device : str
    """

    def __init__(
        self,
        features: PairFeatures,
        residuals: np.ndarray,
        fold: np.ndarray,
        schedule: Schedule,
        seed: int,
        device: str,
    ) -> None:
        self.schedule, self.members = schedule, len(features.gene)
        self.pair, self.gene, self.perturbation, self.residuals = (
            torch.as_tensor(values, dtype=torch.float32, device=device)
            for values in (features.pair, features.gene, features.perturbation, residuals)
        )
        self.held = [np.flatnonzero(fold == member) for member in range(self.members)]
        self.used = [np.flatnonzero(fold != member) for member in range(self.members)]
        self.at_once = ROWS
        self.generator = np.random.default_rng(seed)
        self.network = PairNetwork(
            self.members, features.width, schedule.hidden, torch.Generator().manual_seed(seed % 2**63)
        ).to(device)

    def train(self) -> list[tuple[int, float, np.ndarray, dict[str, Tensor]]]:
        """Train, and look at the held-out rows a few times on the way.

        Adam on batches of pairs, from the least-squares solution of the linear layer; the learning
        rate falls to 0 along a cosine. Every parameter gets a gradient at every step, so
        that weight decay (decoupled) shrinks nothing that is not trained.

        Returns
        -------
        list of tuple
            Step, mean training loss since the last look, corrections of the training rows by the
            member that did not see them (n, G), and the weights.
        """
        self._start_at_least_squares()
        schedule = self.schedule
        optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay
        )
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, schedule.steps)
        looks = {round(schedule.steps * k / schedule.checks) for k in range(schedule.checks + 1)}
        seen = []
        losses: list[float] = []
        for step in range(schedule.steps + 1):
            if step in looks:
                weights = {name: value.clone() for name, value in self.network.state_dict().items()}
                seen.append((step, float(np.mean(losses or [np.nan])), self.held_out(), weights))
                losses = []
            if step == schedule.steps:
                break
            x, target = self._batch()
            loss = (self.network(x) - target).square().mean(dim=1)
            losses.append(float(loss.detach().mean()))
            optimiser.zero_grad()
            loss.sum().backward()
            optimiser.step()
            falling.step()
        return seen

    @torch.no_grad()
    def held_out(self) -> np.ndarray:
        """Return the corrections of the training rows, (n, G), each by the member that did not see it."""
        corrections = torch.empty_like(self.residuals)
        for member, rows in enumerate(self.held):
            corrections[rows] = self._corrections(member, rows)
        return corrections.cpu().numpy()

    @torch.no_grad()
    def predict(self, rows: np.ndarray, weights: dict[str, Tensor]) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and variance over all members of the corrections of some rows, both (rows, G)."""
        self.network.load_state_dict(weights)
        mean = self._corrections(0, rows)
        squares = torch.zeros_like(mean)
        for member in range(1, self.members):  # Welford's update
            difference = self._corrections(member, rows) - mean
            mean = mean + difference / (member + 1)
            squares += difference.square() * member / (member + 1)
        return mean.cpu().numpy(), (squares / self.members).cpu().numpy()

    def _corrections(self, member: int, rows: np.ndarray) -> Tensor:
        network = self.network

        def of(part: Tensor) -> Tensor:
            x = self._features(member, part).flatten(0, 1).T
            hidden = torch.relu(torch.addmm(network.bias[member], network.first[member], x))
            return (network.second[member] @ hidden + network.direct[member] @ x).view(len(part), -1)

        return torch.cat(self._in_parts(rows, of))

    def _in_parts(self, rows: np.ndarray, of: Callable[[Tensor], Result]) -> list[Result]:
        """Return the results on parts of some rows; on smaller ones where memory runs out."""

        def compute(at_once: int) -> list[Result]:
            self.at_once = at_once  # smaller, it stays so
            parts = np.array_split(rows, max(1, -(-len(rows) // at_once)))
            return [of(torch.as_tensor(part, device=self.pair.device)) for part in parts]

        return in_chunks(compute, self.at_once, 1, "perturbations")

    def _features(self, member: int, rows: Tensor) -> Tensor:
        """Return the features of all pairs of some rows, shape (rows, G, width)."""
        shape = (len(rows), self.pair.shape[1], -1)
        gene = self.gene[member].expand(len(rows), -1, -1)
        return torch.cat([self.pair[rows], gene, self.perturbation[rows][:, None].expand(shape)], dim=2)

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Draw pairs for each member: features (E, batch, width) and residuals (E, batch)."""
        size, device = self.schedule.batch, self.pair.device
        rows = np.stack([self.generator.choice(used, size) for used in self.used])
        genes = self.generator.integers(0, self.pair.shape[1], rows.shape)
        i, j = (torch.as_tensor(drawn.ravel(), device=device) for drawn in (rows, genes))
        count = self.pair.shape[1]
        member = torch.arange(self.members, device=device).repeat_interleave(size)
        pair, own = i * count + j, member * count + j  # one index is read faster than two
        x = torch.cat(
            [
                self.pair.flatten(0, 1).index_select(0, pair),
                self.gene.flatten(0, 1).index_select(0, own),
                self.perturbation.index_select(0, i),
            ],
            dim=1,
        )
        target = self.residuals.flatten().index_select(0, pair)
        return x.view(self.members, size, -1), target.view(self.members, size)

    @torch.no_grad()
    def _start_at_least_squares(self) -> None:
        """Set the linear layer to the (slightly ridged) least-squares solution on each member's rows."""
        width = self.network.direct.shape[2]
        for member, used in enumerate(self.used):

            def sums(rows: Tensor, member: int = member) -> Tensor:
                x = self._features(member, rows).flatten(0, 1).double()
                return x.T @ torch.cat([x, self.residuals[rows].flatten()[:, None]], dim=1)

            gram, right = torch.stack(self._in_parts(used, sums)).sum(dim=0).split([width, 1], dim=1)
            gram += torch.diag(SHRINKAGE * gram.diagonal() + 1e-6)
            self.network.direct[member] = torch.linalg.solve(gram, right).T
