"""Losses over all cells of a perturbation, from the moments of their responses.

A response is r = y - x, a perturbed cell minus a control cell paired at random. The
network predicts one Delta per perturbation and gene, so the mean of (Delta - r)^n
over all pairings is a polynomial in Delta with the raw moments m_k = E[r^k]: exact,
without a cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Targets:
    """What the training perturbations were measured to do; tensors of shape (U, G).

    Attributes
    ----------
    m1 : Tensor
        Mean response.
    higher : tuple of three Tensors, or None
        Raw moments m2, m3 and m4; None where only mean responses are known.
    weight : Tensor
        1 / (number of expressed genes) for genes expressed in the perturbation, else 0.
    scale : Tensor, shape (G,)
        Unit of the soft sign in `direction`.
    """

    m1: Tensor
    higher: tuple[Tensor, ...] | None
    weight: Tensor
    scale: Tensor

    def rows(self, index: Tensor) -> Targets:
        """Return the targets of some perturbations."""
        higher = None if self.higher is None else tuple(moment[index] for moment in self.higher)
        return Targets(self.m1[index], higher, self.weight[index], self.scale)


def targets_of(m1: Tensor, higher: tuple[Tensor, ...] | None, expressed: Tensor | None) -> Targets:
    """Return the targets of all training perturbations.

    Parameters
    ----------
    m1 : Tensor, shape (U, G)
    higher : tuple of three Tensors of that shape, or None
        Raw moments m2, m3 and m4.
    expressed : Tensor of that shape, or None
        1 for the genes whose mean in the perturbation is not zero; None: all are.
    """
    weight = torch.ones_like(m1) if expressed is None else expressed
    weight = weight / weight.sum(dim=1, keepdim=True).clamp(min=1)
    return Targets(m1, higher, weight, m1.square().mean(dim=0).sqrt().clamp(min=1e-6))


def fourth_power(delta: Tensor, targets: Targets) -> Tensor:
    """Mean over cells and expressed genes of (delta - r)^4, GEARS' loss: one value a perturbation, [U].

    E(d - r)^4 = d^4 - 4 d^3 m1 + 6 d^2 m2 - 4 d m3 + m4, in Horner's form.
    """
    if targets.higher is None:
        raise ValueError("the fourth-power loss needs the moments m2, m3 and m4")
    m1, (m2, m3, m4) = targets.m1, targets.higher
    mean = (((delta - 4 * m1) * delta + 6 * m2) * delta - 4 * m3) * delta + m4
    return (mean * targets.weight).sum(dim=1)


def squared(delta: Tensor, targets: Targets) -> Tensor:
    """Mean over cells and expressed genes of (delta - r)^2: one value a perturbation, [U].

    Without m2, the squared error of the mean response: smaller by the variance over
    pairings, which does not depend on delta.
    """
    mean = (delta - targets.m1).square()
    if targets.higher is not None:
        mean = mean + (targets.higher[0] - targets.m1.square())
    return (mean * targets.weight).sum(dim=1)


def direction(delta: Tensor, targets: Targets) -> Tensor:
    """Penalty on predicting the wrong direction of change (our definition): one value a perturbation, [U].

    GEARS' term compares signs, (sign(y - c) - sign(y_hat - c))^2, whose derivative is 0
    everywhere: it cannot be learnt from. Here the sign is tanh(. / scale_g), with scale_g
    the root mean square of gene g's response over the training perturbations, and
    both sides are the mean over cells: small responses, whose sign is noise, count little.
    """
    soft = torch.tanh(delta / targets.scale) - torch.tanh(targets.m1 / targets.scale)
    return (soft.square() * targets.weight).sum(dim=1)
