"""Order candidates by a score that each has on its own."""

from __future__ import annotations

import numpy as np


def by_score(score: np.ndarray, priority: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order candidates by falling score, ties by rising priority.

    Returns
    -------
    order, tied : ndarray of int, shape (n,)
        `tied`: how many of those not yet picked share the score.
    """
    order = np.lexsort((priority, -score))
    falling = -score[order]
    return order, np.searchsorted(falling, falling, side="right") - np.arange(len(order))
