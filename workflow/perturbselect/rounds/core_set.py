"""Core-set: the candidate farthest from all that is measured or chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates, Features
from perturbselect.rounds.engine.batch import Batch
from perturbselect.rounds.engine.distances import FeatureDistances, farthest_first


@ACQUISITIONS.register
@dataclass(frozen=True)
class CoreSet:
    """Farthest point first in the raw features, labelled points as the first centres.

    A 2-approximation of k-center (Gonzalez 1985; Sener and Savarese 2018). It seeks outliers. See
    `farthest_first` for the rule and for what happens when it runs dry; O((t + k)·n·p).
    """

    features: Features = "effect"

    def acquire(self, candidates: Candidates, size: int, generator: np.random.Generator) -> Batch:
        """Choose `size` of the pool."""
        labelled, pool = candidates.matrices(self.features)
        return farthest_first(FeatureDistances(labelled, pool), len(labelled), size, generator)
