"""A member of the ensemble: what it was trained on, what it sees of a pair, its network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from perturbselect.models.distribution.tilts import DIRECTIONS, Base
from perturbselect.models.graph_network.pairs import own_genes
from perturbselect.models.ridge.fit import RidgeFit


@dataclass(frozen=True)
class Screen:
    """What all members share; rows are perturbations, training rows first.

    Attributes
    ----------
    shares : ndarray of float32, shape (n, G, K)
        Cells of the training rows.
    values : ndarray of float64, shape (G, K)
        Expression that stands for a bin.
    kernel : ndarray of float64, shape (P, P)
    penalty : float
        Of kernel ridge regression.
    own : ndarray of float64, shape (P, G)
        Whether a perturbation hits the gene itself.
    """

    shares: np.ndarray
    values: np.ndarray
    kernel: np.ndarray
    penalty: float
    own: np.ndarray

    @classmethod
    def of(
        cls,
        shares: np.ndarray,
        values: np.ndarray,
        kernel: np.ndarray,
        penalty: float,
        perturbations: np.ndarray,
        genes: np.ndarray,
    ) -> Screen:
        """Put together what is known; `perturbations` are the kernel's rows."""
        return cls(shares, values, kernel, penalty, own_genes(perturbations, genes))


class TiltNetwork(nn.Module):
    """From the features of a pair to its tilts: those of kernel ridge, scaled and moved.

    ``a = c (1 + γ(x)) + δ(x)`` with the tilts c of kernel ridge and one hidden layer for γ and δ,
    which start at 0.
    """

    def __init__(self, width: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(width, hidden, generator=generator) / np.sqrt(width))
        self.bias = nn.Parameter(torch.randn(hidden, generator=generator) / 2)
        self.second = nn.Parameter(torch.zeros(hidden, 2 * DIRECTIONS))
        self.shift = nn.Parameter(torch.zeros(2 * DIRECTIONS))

    def forward(self, features: Tensor, tilts: Tensor) -> Tensor:
        """Map features [..., width] and tilts [..., 3] to tilts [..., 3]."""
        out = torch.relu(features @ self.first + self.bias) @ self.second + self.shift
        return tilts * (1 + out[..., :DIRECTIONS]) + out[..., DIRECTIONS:]


class Member:
    """Trained on some of the training rows; the others tell how good it is.

    Of a pair of perturbation and gene it sees: the tilts that kernel ridge predicts, whether the gene is
    the perturbed one (and how often it is seen at all), how often the gene is seen and how much it
    varies, how well kernel ridge predicts it, and of the perturbation its similarity to the
    nearest training row and the size of its predicted tilts. Its own training rows are seen as a new
    row would be: predicted by kernel ridge without themselves.

    Parameters
    ----------
    screen : Screen
    used : ndarray of int
        Its training rows.
    """

    def __init__(self, screen: Screen, used: np.ndarray) -> None:
        self.screen, self.used = screen, used
        self.base = Base.of(screen.shares[used].mean(axis=0), screen.values)
        truth = self.base.statistics(screen.shares[used]).reshape(len(used), -1)
        self.fit = RidgeFit.of(screen.kernel[np.ix_(used, used)], truth, screen.penalty)
        left_out = self.fit.left_out()
        rest = np.sum((truth - left_out) ** 2, axis=0).reshape(-1, DIRECTIONS).sum(axis=1)
        total = np.sum(truth**2, axis=0).reshape(-1, DIRECTIONS).sum(axis=1)
        self.explained = (1 - rest / np.maximum(total, np.finfo(float).tiny)).clip(-0.5, 1)
        similarity = screen.kernel[np.ix_(used, used)].copy()
        np.fill_diagonal(similarity, -np.inf)
        features, self.own_tilts = self._raw(left_out, similarity, used)
        flat = features.reshape(-1, features.shape[2])
        self.centre, self.scale = flat.mean(axis=0), flat.std(axis=0)
        self.scale[self.scale < 1e-9] = 1
        self.own_features = self._scaled(features)

    def of_rows(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return features (rows, G, width) and tilts of kernel ridge (rows, G, 3) of rows it did not use."""
        cross = self.screen.kernel[np.ix_(rows, self.used)]
        features, tilts = self._raw(self.fit.predict(cross), cross, rows)
        return self._scaled(features), tilts

    def _raw(
        self, predicted: np.ndarray, similarity: np.ndarray, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        tilts = self.base.tilts(predicted.reshape(len(rows), -1, DIRECTIONS))
        seen = 1 - self.base.shares[:, 0]
        mean = np.sum(self.base.shares * self.screen.values, axis=1)
        spread = np.sqrt(np.sum(self.base.shares * self.screen.values**2, axis=1) - mean**2)
        own = self.screen.own[rows]
        pair = [*np.moveaxis(tilts, 2, 0), own, own * seen]
        gene = [
            np.broadcast_to(values, own.shape) for values in (seen, np.log(spread + 1e-2), self.explained)
        ]
        size = np.log(np.sqrt(np.mean(tilts**2, axis=(1, 2))) + 1e-3)
        whole = [np.broadcast_to(values[:, None], own.shape) for values in (similarity.max(axis=1), size)]
        return np.stack([*pair, *gene, *whole], axis=2), tilts.astype(np.float32)

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        return ((features - self.centre) / self.scale).clip(-5, 5).astype(np.float32)
