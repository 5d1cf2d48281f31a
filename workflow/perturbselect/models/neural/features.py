"""What a trained network says of perturbations beside their responses, for acquisitions."""

from __future__ import annotations

import torch
from torch import Tensor

from perturbselect.models.neural.evaluation import in_grid_chunks
from perturbselect.models.neural.network import Network

DRAWS = 4  # random combinations of the outputs whose gradients are taken
BUCKETS = 512  # numbers that each gradient is summed into


def last_layer(network: Network, composition: Tensor, sizes: Tensor) -> Tensor:
    """Return what enters the output layer, in evaluation: ``[o ‖ √G v]``, shape (U, G + H).

    Gene g's response is a linear function of its own o_g and of the v that all genes share, so the
    Gram matrix is that of all G·(H + 1) activations, as in IterPert's recorded runs.
    """
    return in_grid_chunks(network, lambda rows: network.last_layer(composition, sizes, rows))


def gradients(network: Network, composition: Tensor, sizes: Tensor, seed: int) -> Tensor:
    """Return sketched gradients of the responses by all weights, in evaluation, shape (U, D·B).

    With z standard normal over genes, ``E[∇(z·y)·∇(z·y')] = Σ_g ∇y_g·∇y'_g``: the neural tangent kernel
    summed over genes. D draws of z estimate it. Each gradient is summed into B buckets with random signs
    (count sketch, Charikar et al. 2002), which keeps inner products in expectation.

    Parameters
    ----------
    network : Network
    composition, sizes : Tensor
        As for `Network.forward`, of U perturbations.
    seed : int
        Of z, buckets and signs.

    Notes
    -----
    D·U forward and backward passes of one perturbation.
    """
    network.eval()
    network.renormalise()
    generator = torch.Generator().manual_seed(seed)
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    total = sum(weight.numel() for weight in weights)
    genes, device = len(network.gene_base), composition.device
    sketched = torch.zeros(len(sizes), DRAWS, BUCKETS, device=device)
    for draw in range(DRAWS):
        mixed = torch.randn(genes, generator=generator).to(device)
        bucket = torch.randint(BUCKETS, (total,), generator=generator).to(device)
        sign = (2 * torch.randint(2, (total,), generator=generator) - 1).to(device, mixed.dtype)
        for row in range(len(sizes)):
            one = slice(row, row + 1)
            output = network(composition[one], sizes[one], torch.ones_like(sizes[one]))[0] @ mixed
            parts = torch.autograd.grad(output, weights, allow_unused=True)
            flat = torch.cat(
                [
                    (torch.zeros_like(weight) if part is None else part).flatten()
                    for part, weight in zip(parts, weights, strict=True)
                ]
            )
            sketched[row, draw].index_add_(0, bucket, sign * flat)
    return sketched.flatten(1) / DRAWS**0.5
