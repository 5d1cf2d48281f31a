"""What a network learns from, or is judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from perturbselect.models.neural.loss import Targets


@dataclass(frozen=True)
class Examples:
    """Perturbations and what they were measured to do; n of them.

    Attributes
    ----------
    composition, sizes : Tensor, shapes (n, N) and (n,)
        As in `Network.forward`.
    cells : ndarray of float, shape (n,)
        Number of cells of each perturbation: its weight in batch normalisation.
    targets : Targets, of shape (n, G)
    """

    composition: Tensor
    sizes: Tensor
    cells: np.ndarray
    targets: Targets

    def __len__(self) -> int:
        return len(self.sizes)

    def tensor(self, values: np.ndarray) -> Tensor:
        """Return an array as a tensor on the same device; real numbers in the same precision."""
        tensor = torch.from_numpy(values).to(self.composition.device)
        return tensor.to(self.composition.dtype) if tensor.is_floating_point() else tensor

    def rows(self, index: np.ndarray) -> Examples:
        """Return some of them; an index may occur twice."""
        rows = self.tensor(index)
        return Examples(self.composition[rows], self.sizes[rows], self.cells[index], self.targets.rows(rows))
