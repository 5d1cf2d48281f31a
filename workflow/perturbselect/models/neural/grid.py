"""The decoder over the grid of perturbations and genes: where the time goes.

Three differentiable steps with the gradients written out. They work in buffers that
outlive the optimiser's step: fresh tensors of this size cost more in page faults than
in arithmetic. A buffer is overwritten by the next forward, so backward must come
first (torch raises an error otherwise). U perturbations, G genes, H hidden units.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


class Workspace:
    """Buffers by name, made anew when their shape changes."""

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}

    def take(self, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Return the buffer of that name, with undefined content."""
        buffer = self._buffers.get(name)
        if (
            buffer is None
            or buffer.shape != shape
            or buffer.dtype != like.dtype
            or buffer.device != like.device
        ):
            buffer = self._buffers[name] = torch.empty(shape, dtype=like.dtype, device=like.device)
        return buffer.detach()

    def clear(self) -> None:
        """Release the memory."""
        self._buffers.clear()


class Hidden(Function):
    """h = ReLU(base_g + shift_u) [U, G, H], with its weighted sums over the grid: of h [H] and h h' [H, H].

    Each perturbation's weight is `share` [U], spread evenly over the genes. `base` is [G, H],
    or [U, G, H] where the rows differ in it.
    """

    @staticmethod
    def forward(
        ctx: Any, base: Tensor, shift: Tensor, share: Tensor, workspace: Workspace
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Compute the outputs."""
        hidden = workspace.take("hidden", (len(shift), *base.shape[-2:]), base)
        torch.add(base, shift[:, None], out=hidden).relu_()
        weight = share / base.shape[-2]
        mean = weight @ hidden.sum(dim=1)
        second = torch.einsum("u,uhk->hk", weight, torch.bmm(hidden.transpose(1, 2), hidden))
        ctx.save_for_backward(hidden, weight)
        ctx.by_row = base.dim() == 3
        return hidden.detach(), mean, second

    @staticmethod
    def backward(ctx: Any, d_hidden: Tensor, d_mean: Tensor, d_second: Tensor) -> tuple[Tensor | None, ...]:
        """Compute the gradients."""
        hidden, weight = ctx.saved_tensors
        weight = weight[:, None, None]
        d_hidden.baddbmm_(hidden, weight * (d_second + d_second.T))
        d_hidden.add_(weight * d_mean)
        _relu_backward_(d_hidden, hidden)
        return d_hidden if ctx.by_row else d_hidden.sum(dim=0), d_hidden.sum(dim=1), None, None


class Layers(Function):
    """ReLU(h W1' + b1) W2' [U, G, H], with the weighted sums of its units and of their squares, [H] each."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        first: Tensor,
        bias: Tensor,
        second: Tensor,
        share: Tensor,
        workspace: Workspace,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Compute the outputs."""
        rows = hidden.flatten(0, 1)
        inner = workspace.take("inner", (len(rows), len(first)), hidden)
        torch.addmm(bias, rows, first.T, out=inner).relu_()
        decoded = workspace.take("decoded", (*hidden.shape[:2], len(second)), hidden)
        torch.mm(inner, second.T, out=decoded.flatten(0, 1))
        weight = share / hidden.shape[1]
        mean = weight @ decoded.sum(dim=1)
        squared = torch.mul(decoded, decoded, out=workspace.take("d_hidden", decoded.shape, decoded))
        square = weight @ squared.sum(dim=1)
        ctx.save_for_backward(rows, inner, decoded, first, second, weight)
        ctx.workspace = workspace
        return decoded.detach(), mean, square

    @staticmethod
    def backward(ctx: Any, d_decoded: Tensor, d_mean: Tensor, d_square: Tensor) -> tuple[Tensor | None, ...]:
        """Compute the gradients."""
        rows, inner, decoded, first, second, weight = ctx.saved_tensors
        weight = weight[:, None, None]
        d_decoded.addcmul_(decoded, 2 * weight * d_square).add_(weight * d_mean)
        flat = d_decoded.flatten(0, 1)
        d_second = flat.T @ inner
        d_inner = ctx.workspace.take("d_inner", inner.shape, inner)
        torch.mm(flat, second, out=d_inner)
        _relu_backward_(d_inner, inner)
        d_hidden = ctx.workspace.take("d_hidden", (*decoded.shape[:2], rows.shape[1]), rows)
        torch.mm(d_inner, first, out=d_hidden.flatten(0, 1))
        return d_hidden, d_inner.T @ rows, d_inner.sum(dim=0), d_second, None, None


class Readout(Function):
    """<decoded_ug, weight_g>, [U, G]: each gene has its own weights."""

    @staticmethod
    def forward(ctx: Any, decoded: Tensor, weight: Tensor, workspace: Workspace) -> Tensor:
        """Compute the outputs."""
        ctx.save_for_backward(decoded, weight)
        ctx.workspace = workspace
        product = workspace.take("d_decoded", decoded.shape, decoded)
        return torch.mul(decoded, weight, out=product).sum(dim=2)

    @staticmethod
    def backward(ctx: Any, d_output: Tensor) -> tuple[Tensor | None, ...]:
        """Compute the gradients."""
        decoded, weight = ctx.saved_tensors
        d_decoded = ctx.workspace.take("d_decoded", decoded.shape, decoded)
        d_weight = torch.mul(d_output[:, :, None], decoded, out=d_decoded).sum(dim=0)
        torch.mul(d_output[:, :, None], weight, out=d_decoded)
        return d_decoded, d_weight, None


def _relu_backward_(gradient: Tensor, output: Tensor) -> None:
    """Zero the gradient, in place, where the ReLU's output is zero."""
    torch.ops.aten.threshold_backward.grad_input(gradient, output, 0, grad_input=gradient)
