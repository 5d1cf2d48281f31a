"""What one optimiser step sees: which perturbations, and how much each counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

PEER_CELLS = 32  # cells of a batch in cell-gears


@dataclass(frozen=True)
class Batch:
    """Rows of the network for one step; arrays of shape (R,).

    Attributes
    ----------
    rows : ndarray of int
        Perturbation of each row.
    share : ndarray of float
        Share of the cells, for batch normalisation; sums to 1.
    weight : ndarray of float
        Weight in the loss; sums to 1.
    hopped : ndarray of bool, or None
        As in `Network.forward`.
    """

    rows: np.ndarray
    share: np.ndarray
    weight: np.ndarray
    hopped: np.ndarray | None = None


def one_pass(cells: np.ndarray, size: int, generator: np.random.Generator) -> Iterator[Batch]:
    """Yield every perturbation once, in a random order, in batches of about equal size.

    Parameters
    ----------
    cells : ndarray of float, shape (n,)
        Number of cells of each perturbation.
    size : int
        Perturbations of a batch, at most.
    generator : numpy Generator
    """
    for rows in np.array_split(generator.permutation(len(cells)), math.ceil(len(cells) / size)):
        yield Batch(rows, cells[rows] / cells[rows].sum(), np.full(len(rows), 1 / len(rows)))


def one_pass_over_cells(cells: np.ndarray, generator: np.random.Generator) -> Iterator[Batch]:
    """Yield batches as cell-gears draws them: 32 cells each, every cell once (the last few left out).

    Parameters
    ----------
    cells : ndarray of int, shape (n,)
        Number of cells of each condition, the control included.
    generator : numpy Generator
    """
    labels = generator.permutation(np.repeat(np.arange(len(cells)), cells))
    size = min(PEER_CELLS, len(labels))
    for start in range(0, len(labels) - size + 1, size):
        yield batch_of_cells(labels[start : start + size])


def batch_of_cells(conditions: np.ndarray) -> Batch:
    """Return the rows for a batch of cells, of which the first alone takes the co-expression hop.

    The first cell has a row of its own. The others share one row per condition: the
    network gives them the same response. In the loss every condition counts
    the same, and every cell of a condition.

    Parameters
    ----------
    conditions : ndarray of int, shape (cells,)
        Condition of each cell of the batch.
    """
    present, count = np.unique(conditions, return_counts=True)
    others = count - (present == conditions[0])
    rows = np.concatenate([conditions[:1], present[others > 0]])
    in_row = np.concatenate([[1], others[others > 0]])
    per_condition = count[np.searchsorted(present, rows)]
    return Batch(
        rows,
        share=in_row / len(conditions),
        weight=in_row / per_condition / len(present),
        hopped=np.arange(len(rows)) == 0,
    )
