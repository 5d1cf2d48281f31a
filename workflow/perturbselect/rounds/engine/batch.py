"""The next batch, and how it grows pick by pick."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from perturbselect.errors import InputError

TOLERANCE = 1e-9  # scores this close, relative to the largest at the start, are equal: rounding


def check_size(pool: int, size: int) -> None:
    """Raise InputError if a pool cannot fill a batch."""
    if not 1 <= size <= pool:
        raise InputError(
            f"rounds: a batch of {size} perturbations cannot be taken from the {pool} that are left; "
            "lower the batch size or the number of rounds"
        )


@dataclass(frozen=True)
class Batch:
    """Chosen perturbations in the order of picking.

    Attributes
    ----------
    order : ndarray of int, shape (k,)
        Positions in the pool.
    gain : ndarray of float, shape (k,)
        The criterion's score of each pick when it was picked; 0 after the criterion ran dry.
    tied : ndarray of int, shape (k,)
        How many were equally good for the rule that chose, the pick among them.
    dry_after : int or None
        Picks after which the criterion told no candidate from another, so that the rest was
        drawn at random; None: it never did.
    """

    order: np.ndarray
    gain: np.ndarray
    tied: np.ndarray
    dry_after: int | None = None

    def table(self, pool: np.ndarray) -> pd.DataFrame:
        """Return one row a pick: rank, gene, gain, tied, decided_by (``criterion`` or ``fallback``)."""
        rank = np.arange(1, len(self.order) + 1)
        dry = len(rank) if self.dry_after is None else self.dry_after
        return pd.DataFrame(
            {
                "rank": rank,
                "gene": np.asarray(pool[self.order], dtype=object),
                "gain": self.gain,
                "tied": self.tied,
                "decided_by": np.where(rank <= dry, "criterion", "fallback").astype(object),
            }
        )


class Draft:
    """A batch in the making.

    Parameters
    ----------
    pool : int
        Number n of candidates.
    size : int
        Number of picks wanted.
    generator : numpy.random.Generator
        Draws, first of all, the permutation that breaks ties and that the fallback follows.

    Attributes
    ----------
    priority : ndarray of int, shape (n,)
        Place of each candidate in that permutation.
    free : ndarray of bool, shape (n,)
        Who is not picked yet.

    Raises
    ------
    InputError
        As `check_size`.
    """

    def __init__(self, pool: int, size: int, generator: np.random.Generator) -> None:
        check_size(pool, size)
        self.size = size
        self.priority = generator.permutation(pool)
        self.free = np.ones(pool, dtype=bool)
        self._order: list[int] = []
        self._gain: list[float] = []
        self._tied: list[int] = []

    @property
    def open(self) -> bool:
        """Whether picks are still missing."""
        return len(self._order) < self.size

    def best(self, score: np.ndarray, slack: float = 0.0) -> tuple[int, int]:
        """Return the free candidate of highest score, and how many are within `slack` of it."""
        score = np.where(self.free, score, -np.inf)
        tied = np.flatnonzero(score >= score.max() - slack)
        return int(tied[np.argmin(self.priority[tied])]), len(tied)

    def take(self, candidate: int, gain: float, tied: int = 1) -> None:
        """Pick a candidate."""
        self._order.append(int(candidate))
        self._gain.append(float(gain))
        self._tied.append(int(tied))
        self.free[candidate] = False

    def finish(self) -> Batch:
        """Return the batch; where the criterion left places open, fill them in the permutation's order."""
        dry_after = len(self._order) if self.open else None
        left = np.flatnonzero(self.free)
        for candidate in left[np.argsort(self.priority[left])][: self.size - len(self._order)]:
            self.take(candidate, 0.0, int(self.free.sum()))
        return Batch(np.array(self._order), np.array(self._gain), np.array(self._tied), dry_after)
