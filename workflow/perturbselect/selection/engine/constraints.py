"""What may be chosen: the constraints of a selection, and their state while picks are made."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp


def _nobody() -> np.ndarray:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Constraints:
    """Rules that every strategy keeps; candidates are named by their positions.

    Attributes
    ----------
    measured : ndarray of int
        Measured already: count as selected from the start, cost nothing and are not part
        of the budget.
    include : ndarray of int
        Chosen before all others.
    exclude : ndarray of int
        Never chosen.
    cost : ndarray of float, shape (n,), or None
        Price of each candidate, above 0. None: there is no money in the problem.
    money : float
        What all picks together may cost.
    groups : scipy.sparse.csr_array of bool, shape (n, g), or None
        Which groups (complexes, pathways) each candidate belongs to.
    max_per_group : int
        Picks of one group, at most; measured ones count.
    """

    measured: np.ndarray = field(default_factory=_nobody)
    include: np.ndarray = field(default_factory=_nobody)
    exclude: np.ndarray = field(default_factory=_nobody)
    cost: np.ndarray | None = None
    money: float = np.inf
    groups: sp.csr_array | None = None
    max_per_group: int = 0


class Allowed:
    """Which candidates may be picked next, kept up to date as picks are made.

    Attributes
    ----------
    mask : ndarray of bool, shape (n,)
        True where a candidate may be picked next.
    stopped : str
        Why the mask is smaller than "all that is left": ``money``, ``groups`` or empty.

    Notes
    -----
    O(1) a pick without money and groups; O(n) with money; with groups O(members) when one
    is full.
    """

    def __init__(self, constraints: Constraints, count: int) -> None:
        self.constraints = constraints
        self.mask = np.ones(count, dtype=bool)
        self.mask[constraints.exclude] = False
        self.left = constraints.money
        self.stopped = ""
        if constraints.groups is not None:
            self.members = sp.csc_array(constraints.groups)
            self.picked = np.zeros(constraints.groups.shape[1], dtype=np.int64)
        self._afford()

    def take(self, candidate: int, *, free: bool = False) -> None:
        """Note that a candidate is in; `free`: it was measured already."""
        self.mask[candidate] = False
        if self.constraints.groups is not None:
            groups = self.constraints.groups
            own = groups.indices[groups.indptr[candidate] : groups.indptr[candidate + 1]]
            self.picked[own] += 1
            for group in own[self.picked[own] >= self.constraints.max_per_group]:
                self._close(self.members.indices[self.members.indptr[group] : self.members.indptr[group + 1]])
        if self.constraints.cost is not None and not free:
            self.left -= self.constraints.cost[candidate]
            self._afford()

    def _close(self, members: np.ndarray) -> None:
        if self.mask[members].any():
            self.mask[members] = False
            self.stopped = "groups"

    def _afford(self) -> None:
        if self.constraints.cost is None:
            return
        # a sum of prices that comes to the money in decimals may miss it in binary
        dear = self.mask & (self.constraints.cost > self.left * (1 + 1e-12) + 1e-12)
        if dear.any():
            self.mask[dear] = False
            self.stopped = "money"
