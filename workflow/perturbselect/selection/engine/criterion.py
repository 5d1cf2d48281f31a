"""What greedy maximises."""

from __future__ import annotations

import numpy as np

from perturbselect.selection.strategy import CRITERION

TOLERANCE = 1e-9  # gains this close, relative to the largest at the start, are equal: rounding


class Criterion:
    """A set function in a run, with the exact gain of every candidate at every step.

    Attributes
    ----------
    submodular : bool
        Whether it is monotone submodular: then gains never rise, and bound the optimum.
    tolerance : float
        Gains that differ by less, relative to the largest at the start, are equal.
    """

    submodular = False
    tolerance = TOLERANCE

    def gains(self) -> np.ndarray:
        """Return the gain of each candidate, shape (n,); those of taken ones are not read."""
        raise NotImplementedError

    def take(self, candidate: int) -> None:
        """Put a candidate into the set."""
        raise NotImplementedError

    def term(self, candidate: int) -> str:
        """Say which term gives most of a candidate's gain; called before `take`."""
        return CRITERION


class LazyCriterion(Criterion):
    """A submodular set function whose gains are costly, so that few of them are computed.

    `gains` is called once, at the start.
    """

    submodular = True

    def gains_of(self, candidates: np.ndarray) -> np.ndarray:
        """Return the gain of some candidates, shape of `candidates`."""
        raise NotImplementedError


class FixedScores(Criterion):
    """Scores that the choice does not change.

    Parameters
    ----------
    scores : ndarray of float, shape (n,)
    """

    def __init__(self, scores: np.ndarray) -> None:
        self.scores = scores

    def gains(self) -> np.ndarray:
        """Return the scores."""
        return self.scores

    def take(self, candidate: int) -> None:
        """Change nothing."""
