"""Adam in torch's fused form.

`torch.optim.Adam` is the same step, but its first use imports torch's compiler: three seconds of each
short training (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


class Adam:
    """Adam (Kingma and Ba 2015) with torch's default moments, β = (0.9, 0.999) and ε = 1e-8.

    Parameters
    ----------
    parameters : iterable of Parameter
        Those without a gradient in a step are left as they are in that step.
    weight_decay : float
        Added to the gradient, times the parameter (not decoupled).
    """

    def __init__(self, parameters: Iterable[nn.Parameter], weight_decay: float = 0.0) -> None:
        self.parameters, self.weight_decay = list(parameters), weight_decay
        self.steps = [torch.zeros((), device=p.device) for p in self.parameters]
        self.means = [torch.zeros_like(p) for p in self.parameters]
        self.squares = [torch.zeros_like(p) for p in self.parameters]

    def step(self, learning_rate: float) -> None:
        """Move the parameters along their gradients; O(parameters), in place."""
        moved = [place for place, p in enumerate(self.parameters) if p.grad is not None]
        if not moved:
            return
        steps = [self.steps[i] for i in moved]
        for count in steps:
            count += 1
        with torch.no_grad():
            torch._fused_adam_(
                [self.parameters[i] for i in moved],
                [self.parameters[i].grad for i in moved],  # type: ignore[misc]
                [self.means[i] for i in moved],
                [self.squares[i] for i in moved],
                [],
                steps,
                lr=learning_rate,
                beta1=0.9,
                beta2=0.999,
                weight_decay=self.weight_decay,
                eps=1e-8,
                amsgrad=False,
                maximize=False,
            )

    def state(self) -> dict[str, Any]:
        """Return everything that `restore` needs."""
        return {"steps": self.steps, "means": self.means, "squares": self.squares}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where the optimiser stood when `state` was made."""
        for name, values in state.items():
            for ours, theirs in zip(getattr(self, name), values, strict=True):
                ours.copy_(theirs)
