"""Train the networks of an ensemble, each without the rows of its fold, and choose how far to trust them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from perturbselect.models.distribution.member import Member, Screen, TiltNetwork

ROWS = 32  # perturbations predicted at a time
FACTORS = (0.25, 0.5, 0.75, 1.0)  # of the tilts


@dataclass(frozen=True)
class Schedule:
    """How to optimise; the meaning of each field is that of the `histogram_network` option."""

    hidden: int
    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    checks: int = 3


def tilted(shares: Tensor, directions: Tensor, tilts: Tensor) -> Tensor:
    """Return q_k ∝ b_k exp(Σ_j a_j φ_jk) for shares [..., K], directions [..., K, 3], tilts [..., 3]."""
    return torch.softmax(shares.clamp_min(1e-12).log() + (directions @ tilts[..., None])[..., 0], dim=-1)


def distance(predicted: Tensor, observed: Tensor, step: Tensor) -> Tensor:
    """Return the energy distance 2 ∫ (F - Q)² of histograms [..., K]; `step` [..., K - 1] between bins.

    A proper scoring rule: of an observed sample it is, but for a constant, that of its distribution.
    """
    difference = (predicted - observed).cumsum(dim=-1)[..., :-1]
    return 2 * (difference.square() * step).sum(dim=-1)


class TrainedMember:
    """A member with its network on a device, and the network's weights at a few steps."""

    def __init__(self, member: Member, schedule: Schedule, seed: int, device: str) -> None:
        self.member, self.schedule, self.device = member, schedule, device
        screen, base = member.screen, member.base
        self.shares, self.directions, self.step = (
            self._tensor(values) for values in (base.shares, base.directions, np.diff(screen.values, axis=1))
        )
        generator = torch.Generator().manual_seed(seed % 2**63)
        width = member.own_features.shape[2]
        self.network = TiltNetwork(width, schedule.hidden, generator).to(device)
        self.losses: list[float] = []
        self.weights = [self._copy()]
        self._train(np.random.default_rng(seed))

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values, dtype=torch.float32, device=self.device)

    def _copy(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.network.state_dict().items()}

    def _train(self, generator: np.random.Generator) -> None:
        """Adam on batches of pairs; the learning rate falls to 0 along a cosine."""
        schedule, member = self.schedule, self.member
        features, tilts = self._tensor(member.own_features), self._tensor(member.own_tilts)
        observed = self._tensor(member.screen.shares[member.used])
        optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay
        )
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(schedule.steps, 1))
        looks = {round(schedule.steps * k / schedule.checks) for k in range(1, schedule.checks + 1)}
        for step in range(1, schedule.steps + 1):
            i, j = (
                torch.as_tensor(generator.integers(0, size, schedule.batch), device=self.device)
                for size in observed.shape[:2]
            )
            predicted = tilted(self.shares[j], self.directions[j], self.network(features[i, j], tilts[i, j]))
            loss = distance(predicted, observed[i, j], self.step[j]).mean()
            self.losses.append(float(loss.detach()))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            falling.step()
            if step in looks:
                self.weights.append(self._copy())

    @torch.no_grad()
    def tilts(self, rows: np.ndarray, look: int) -> Tensor:
        """Return the tilts of rows that the member did not use, [rows, G, 3], by the weights of a look."""
        features, tilts = self.member.of_rows(rows)
        self.network.load_state_dict(self.weights[look])
        return self.network(self._tensor(features), self._tensor(tilts))

    @torch.no_grad()
    def predict(self, rows: np.ndarray, look: int, factor: float) -> np.ndarray:
        """Return the predicted shares of cells, float32, shape (rows, G, K)."""
        parts = np.array_split(rows, max(1, -(-len(rows) // ROWS)))
        tilts = (factor * self.tilts(part, look) for part in parts)
        return np.concatenate([tilted(self.shares, self.directions, part).cpu().numpy() for part in tilts])

    @torch.no_grad()
    def gains(self, rows: np.ndarray) -> np.ndarray:
        """Return by how much held-out rows are nearer than the training histogram: (looks, factors, rows)."""
        observed = self._tensor(self.member.screen.shares[rows])
        floor = distance(self.shares, observed, self.step).mean(dim=-1)
        gains = np.empty((len(self.weights), len(FACTORS), len(rows)))
        for look in range(len(self.weights)):
            tilts = self.tilts(rows, look)
            for place, factor in enumerate(FACTORS):
                predicted = tilted(self.shares, self.directions, factor * tilts)
                error = distance(predicted, observed, self.step).mean(dim=-1)
                gains[look, place] = (floor - error).cpu().numpy()
        return gains


def train_members(
    screen: Screen, fold: np.ndarray, schedule: Schedule, seed: int, device: str
) -> tuple[list[TrainedMember], np.ndarray]:
    """Train a member for each fold, on the rows of the others.

    Returns
    -------
    members : list of TrainedMember
    gains : ndarray of float, shape (looks, factors, n)
        Of each training row, by the member that did not use it (`TrainedMember.gains`).
    """
    members, gains = [], None
    for number in range(fold.max() + 1):
        held = np.flatnonzero(fold == number)
        member = TrainedMember(
            Member(screen, np.flatnonzero(fold != number)), schedule, seed + number, device
        )
        found = member.gains(held)
        gains = np.empty((*found.shape[:2], len(fold))) if gains is None else gains
        gains[..., held] = found
        members.append(member)
    assert gains is not None
    return members, gains


def choose(gains: np.ndarray) -> tuple[int, float] | None:
    """Return the look and the factor with the largest mean gain over the rows; None if none gains.

    ``gains`` is as `train_members` returns it.
    """
    mean = gains.mean(axis=2)
    look, place = np.unravel_index(np.argmax(mean), mean.shape)
    return (int(look), FACTORS[place]) if mean[look, place] > 0 else None
