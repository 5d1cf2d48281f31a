"""ProbCover: pick perturbations whose neighbourhoods in the embedding cover the most others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.balls import clusters, pure_radius, within
from perturbselect.selection.engine.coverage import Coverage, multicover
from perturbselect.selection.engine.geometry import squared_distances
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.reach import Exact, optimum_facts
from perturbselect.selection.engine.similarity import Kernel, Similarity, Universe
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class ProbCover:
    """Greedy maximisation of how many lie within δ of a pick, in the kernel's metric.

    Coverage, hence monotone submodular: greedy has at least 1 - 1/e of the best value. δ is
    given, or the quantile of all distances in the pool, or found by the purity rule: the
    largest δ at which a share of the balls around the pool's members holds members of
    one cluster only. The original clusters by k-means, ours by Ward's tree. When all that
    can be covered is, a second time counts, then a third. O(n q) and, for the purity rule,
    O(n² log n); the balls in memory.

    References
    ----------
    Yehuda, Dekel, Hacohen and Weinshall 2022, "Active learning through a covering lens",
    arXiv 2205.11320.
    """

    kernel: Kernel
    universe: Annotated[
        Universe,
        Field(description="Who is covered: the `queries` (their names only), the `pool`, or `all`."),
    ] = "pool"
    radius: Annotated[
        Literal["purity", "quantile"] | Annotated[float, Field(gt=0)],
        Field(description="δ: a distance, or how it is found."),
    ] = "purity"
    purity: Annotated[
        float, Field(gt=0, le=1, description="For `radius: purity`: share of the balls that must be pure.")
    ] = 0.95
    clusters: Annotated[int, Field(ge=2, description="For `radius: purity`: number of clusters.")] = 20
    quantile: Annotated[
        float,
        Field(gt=0, lt=1, description="For `radius: quantile`: share of all pairs of the pool within δ."),
    ] = 0.02
    exact: Exact = False

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        similarity = Similarity.of(problem, self.universe)
        radius = self._radius(Similarity.of(problem))
        diagonal, counted = similarity.diagonal(), similarity.universe_diagonal()
        balls = sp.csr_array(within(similarity.between(), counted, diagonal, radius).T)
        cover = Coverage(balls)
        picks = greedy(
            cover.anew,
            problem,
            budget,
            generator,
            lambda order: multicover(cover.anew(), order),
        )
        covered = int(picks.gain.sum())
        return Selection.of(
            problem,
            picks,
            universe=self.universe,
            universe_size=balls.shape[1],
            radius=radius,
            covered=covered,
            coverage=covered / balls.shape[1],
            **(optimum_facts(problem, picks, budget, balls) if self.exact else {}),
        )

    def _radius(self, pool: Similarity) -> float:
        if not isinstance(self.radius, str):
            return float(self.radius)
        if len(pool.pool) == 1:
            return 0.0  # there are no distances to find it by; within() covers those at distance 0
        diagonal = pool.diagonal()
        distance = np.sqrt(squared_distances(pool.between().copy(), diagonal, diagonal))
        np.fill_diagonal(distance, 0)
        if self.radius == "purity":
            return pure_radius(distance, clusters(distance, self.clusters), self.purity)
        return float(np.quantile(distance[np.triu_indices(len(distance), 1)], self.quantile))
