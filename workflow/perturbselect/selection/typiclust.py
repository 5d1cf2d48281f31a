"""TypiClust: pick the most typical perturbation of each cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.geometry import squared_distances
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.similarity import Kernel, Similarity
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class TypiClust:
    """Cluster the pool in the kernel's metric; take the densest point of each cluster.

    TypiClust (Hacohen, Dekel and Weinshall 2022, arXiv 2202.02794) clusters anew for each
    budget by k-means. Ours divides Ward's tree one cluster at a time, so that one order serves
    every budget. No criterion of a set, no guarantee. O(n² log n), the distances of all pairs
    in memory.
    """

    kernel: Kernel

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        from perturbselect.selection.engine.typicality import TypicalPoints

        similarity = Similarity.of(problem)
        diagonal = similarity.diagonal()
        distance = np.sqrt(squared_distances(similarity.between().copy(), diagonal, diagonal))
        eligible = np.ones(len(distance), dtype=bool)
        eligible[problem.constraints.exclude] = False
        picks = greedy(lambda: TypicalPoints(distance, eligible), problem, budget, generator)
        nothing = np.full(len(picks.order), np.nan)
        return Selection.of(problem, replace(picks, gain=nothing, zero_gain=np.zeros(len(nothing), bool)))
