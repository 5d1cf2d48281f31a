"""A trained network at work: its statistics and its predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from perturbselect.models.neural.batches import PEER_CELLS
from perturbselect.models.neural.device import in_chunks
from perturbselect.models.neural.examples import Examples
from perturbselect.models.neural.network import Network

ROWS = 2**18  # of the grid of perturbations and genes, at once
PEER_CONTROLS = 300  # cells that cell-gears predicts and averages
Result = TypeVar("Result")


def keep_statistics(network: Network, examples: Examples, peer_compatible: bool = False) -> None:
    """Make the examples' batch-normalisation statistics those of `network`'s evaluation.

    Peer compatible, one in `PEER_CELLS` cells takes the co-expression hop, as in training. (cell-gears
    keeps running averages over the last batches; this is what they estimate.)
    """
    share = examples.tensor(examples.cells / examples.cells.sum())
    composition, sizes, hopped = examples.composition, examples.sizes, None
    if peer_compatible:
        hopped = torch.arange(2 * len(sizes), device=sizes.device) < len(sizes)
        composition, sizes = composition.repeat(2, 1), sizes.repeat(2)
        share = torch.cat([share / PEER_CELLS, share * (1 - 1 / PEER_CELLS)])
    in_grid_chunks(network, lambda rows: network.keep_statistics(composition, sizes, share, hopped, rows))


def predict(
    network: Network, composition: Tensor, sizes: Tensor, peer_compatible: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Predict mean responses [U, G], and log variances [U, G] if the network has the head for them.

    Peer compatible, the mean over `PEER_CONTROLS` cells, of which the first takes the co-expression hop.
    """

    def compute(hopped: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return in_grid_chunks(network, lambda rows: network.predict(composition, sizes, hopped, rows))

    if not peer_compatible:
        return compute(None)
    first, others = (compute(torch.full_like(sizes, hop, dtype=torch.bool)) for hop in (True, False))
    mean, log_variance = (
        None if a is None or b is None else b + (a - b) / PEER_CONTROLS
        for a, b in zip(first, others, strict=True)
    )
    assert mean is not None
    return mean, log_variance


def variance_scale(network: Network, examples: Examples, peer_compatible: bool = False) -> Tensor:
    """Return what exp(log variance) has to be multiplied with to be a variance (our definition).

    cell-gears' loss, (y' - y)^4 (1 + exp(-log variance)), fixes the log variances up to a constant
    only. Here it is the one with which squared errors of the examples' mean responses
    and predicted variances have the same mean.
    """
    delta, log_variance = predict(network, examples.composition, examples.sizes, peer_compatible)
    if log_variance is None:
        raise ValueError("the network has no uncertainty head")
    return (delta - examples.targets.m1).square().mean() / log_variance.exp().mean()


def in_grid_chunks(network: Network, compute: Callable[[int], Result]) -> Result:
    """Call `compute` with the number of grid rows at once."""
    return in_chunks(compute, ROWS, len(network.gene_base), "rows of the grid", network.workspace.clear)
