"""How well each kernel predicts perturbations of the pool that are left out one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from study.contenders import problem_of
from study.screens import Screen

from perturbselect.models.ridge.choice import leave_one_out_penalty


def kernel_errors(screen: Screen, splits: int) -> pd.Series:
    """Leave-one-out error of kernel ridge over the pool, by kernel, relative to that of the mean response.

    No test perturbation of a split takes part; the mean is over splits. 1 is a kernel that says nothing.
    """
    rows = []
    for number in range(splits):
        pool = problem_of(screen, number).candidates
        responses = np.asarray(screen.responses[pool].X, np.float64)
        n = len(pool)
        # Leaving a row out of the mean of n: the residual grows by n / (n - 1).
        mean_error = np.mean(((responses - responses.mean(axis=0)) * n / (n - 1)) ** 2)
        rows.append(
            {
                name: leave_one_out_penalty(screen.knowledge.kernel(name, pool), responses)[1] / mean_error
                for name in screen.knowledge.kernels
                if name != "own"  # it holds the responses themselves
            }
        )
    return pd.DataFrame(rows).mean()
