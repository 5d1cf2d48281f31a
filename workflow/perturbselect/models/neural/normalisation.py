"""Batch normalisation over rows of unequal weight, and the layers built on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn

EPSILON = 1e-5


class BatchNorm(nn.Module):
    """Batch normalisation over rows of unequal weight.

    In training, the statistics are the batch's; those of all batches since `forget`
    are pooled and kept. In evaluation they are the ones kept
    (`Network.keep_statistics` makes these the whole training set's). The variance
    is the biased one.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))
        self.pooled = 0  # batches

    def forget(self) -> None:
        """Let the next batch's statistics replace those kept."""
        self.pooled = 0

    def affine(self, mean: Tensor | None = None, variance: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return scale and shift, from the given statistics or from those kept."""
        if mean is None or variance is None:
            mean, variance = self.mean, self.variance
        else:
            self._pool(mean, variance)
        scale = self.weight * torch.rsqrt(variance + EPSILON)
        return scale, self.bias - mean * scale

    @torch.no_grad()
    def _pool(self, mean: Tensor, variance: Tensor) -> None:
        self.pooled += 1
        new = 1 / self.pooled
        between = (mean - self.mean).square() * (new * (1 - new))
        self.variance.lerp_(variance, new).add_(between)
        self.mean.lerp_(mean, new)

    def forward(self, x: Tensor, share: Tensor) -> Tensor:
        """Normalise the columns of x [rows, width]; `share` [rows] sums to 1."""
        if self.training:
            mean = share @ x
            scale, shift = self.affine(mean, share @ (x - mean).square())
        else:
            scale, shift = self.affine()
        return torch.addcmul(shift, x, scale)


class MLP(nn.Module):
    """Linear, normalisation, ReLU, linear, normalisation."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.first, self.first_norm = nn.Linear(inputs, hidden), BatchNorm(hidden)
        self.second, self.second_norm = nn.Linear(hidden, outputs), BatchNorm(outputs)

    def forward(self, x: Tensor, share: Tensor) -> Tensor:
        """Map x [rows, inputs] to [rows, outputs]."""
        return self.second_norm(self.second(torch.relu(self.first_norm(self.first(x), share))), share)


class UncertaintyHead(nn.Module):
    """Step 13: log variance of each response from h; H → 2H → H → 1, a normalisation after each layer.

    The last normalisation stays, so that over the training set the log variances have mean
    and variance of one learnt number each: they rank responses, and `variance_scale`
    in `training` makes variances of them.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        widths = [hidden, 2 * hidden, hidden, 1]
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in pairwise(widths)])
        self.norms = nn.ModuleList([BatchNorm(width) for width in widths[1:]])

    def forward(self, hidden: Tensor, share: Tensor) -> Tensor:
        """Map h [U, G, H] to log variances [U, G]; `share` [U] sums to 1."""
        rows = _spread(share, hidden.shape[1])
        x = hidden.flatten(0, 1)
        for i, norm in enumerate(self.norms):
            x = norm(self._layer(i, x), rows)
        return x.view(hidden.shape[:2])

    @torch.no_grad()
    def keep_statistics(self, parts: Callable[[], Iterable[tuple[Tensor, Tensor]]]) -> None:
        """Make the statistics those over all parts, (h [u, G, H], share [u]) each, and go into evaluation.

        The shares of all parts sum to 1. Each layer is one pass over them.
        """
        self.eval()
        for i, norm in enumerate(self.norms):
            mean = second = torch.zeros(())
            for hidden, share in parts():
                x, rows = hidden.flatten(0, 1), _spread(share, hidden.shape[1])
                for j in range(i):
                    x = self.norms[j](self._layer(j, x), rows)
                x = self._layer(i, x)
                mean, second = mean + rows @ x, second + rows @ x.square()
            assert isinstance(norm, BatchNorm)
            norm.forget()
            norm.affine(mean, (second - mean.square()).clamp(min=0))

    def _layer(self, i: int, x: Tensor) -> Tensor:
        return self.layers[i](x if i == 0 else torch.relu(x))


def _spread(share: Tensor, genes: int) -> Tensor:
    """Shares of the rows of a flattened [U, G] grid, each perturbation's spread evenly over the genes."""
    return (share / genes).repeat_interleave(genes)
