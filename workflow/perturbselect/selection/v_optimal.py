"""V-optimal design: pick perturbations that leave least uncertainty about those to predict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.criterion import Criterion
from perturbselect.selection.engine.gaussian import QueryVariance
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.low_rank import Features, LowRankQueryVariance
from perturbselect.selection.engine.similarity import Kernel, Noise, Similarity, Universe
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class VOptimal:
    """Greedy reduction of ``Σ_q Var[f(q) | S]`` under a Gaussian process with the kernel K.

    The responses are modelled as ``f ~ m + GP(0, K)``, each measured with noise; the mean m
    is unknown (flat prior: universal kriging) or zero. The variance needs no measurement, so
    the design is made before any. The sum is *not* submodular; greedy has no constant
    guarantee for it, only approximate ones (Chamon and Ribeiro 2017, NIPS). With
    an unknown mean the first gain is empty: the variance before it is infinite.

    O(n q) a pick, one product of the kernel with a vector; see engine/gaussian.py. With r
    features in place of the kernel O(n r) a pick; see engine/low_rank.py.

    References
    ----------
    Yu, Bi and Tresp 2006, "Active learning via transductive experimental design", ICML;
    Chaloner and Verdinelli 1995, Statistical Science 10:273.
    """

    kernel: Kernel
    universe: Annotated[
        Universe,
        Field(
            description="Whose variance counts: of the perturbations to predict (`queries`, their names "
            "only), the `pool`, or `all`."
        ),
    ] = "queries"
    noise: Noise = 0.5
    mean: Annotated[
        Literal["unknown", "zero"],
        Field(description="The responses' common mean: `unknown`, estimated with the rest, or `zero`."),
    ] = "unknown"

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        unknown = self.mean == "unknown"
        make: Callable[[], Criterion]
        if problem.features is None:
            similarity = Similarity.of(problem, self.universe)
            make = partial(QueryVariance, similarity, similarity.noise(self.noise), unknown_mean=unknown)
            counted = len(similarity.universe)
        else:
            features = Features.of(problem, self.universe)
            make = partial(LowRankQueryVariance, features, features.noise(self.noise), unknown_mean=unknown)
            counted = len(features.universe)
        picks = greedy(make, problem, budget, generator)
        if unknown:
            gain, zero_gain = picks.gain.copy(), picks.zero_gain.copy()
            gain[0], zero_gain[0] = np.nan, False
            picks = replace(picks, gain=gain, zero_gain=zero_gain)
        return Selection.of(problem, picks, universe=self.universe, universe_size=counted)
