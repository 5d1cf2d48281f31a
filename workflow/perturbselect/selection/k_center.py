"""Farthest point first: a control that seeks outliers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.geometry import FarthestPoint
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.similarity import Kernel, Similarity
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class KCenter:
    """Take the candidate farthest from all picks, again and again, in the kernel's metric.

    The distance of v and w is ``sqrt(K[v, v] + K[w, w] - 2 K[v, w])``. The first pick is drawn
    at random; the largest distance of any candidate to its nearest pick is at most twice the
    smallest possible (Gonzalez 1985). The gain is the distance at which a pick is made (empty
    for the first); there is no running sum. O(n) a pick.

    References
    ----------
    Gonzalez 1985, Theoretical Computer Science 38:293.
    """

    kernel: Kernel

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        similarity = Similarity.of(problem)
        picks = greedy(lambda: FarthestPoint(similarity), problem, budget, generator)
        gain = picks.gain.copy()
        gain[0] = np.nan
        radius = FarthestPoint.radius(similarity, picks.order)
        return Selection.of(problem, replace(picks, gain=gain, is_sum=False), covering_radius=radius)
