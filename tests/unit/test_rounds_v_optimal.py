"""`v_optimal_rounds`: the kernel that fits the responses so far; picks that leave least variance under it."""

import numpy as np
import pandas as pd
import pytest

from perturbselect.models.ridge.choice import leave_one_out_mixture
from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates

NAMES = np.array([f"G{i:02d}" for i in range(30)])
MEASURED, FREE, QUERIES = np.split(np.arange(30), [10, 24])
GENERATOR = np.random.default_rng(11)
FACTORS = {name: GENERATOR.normal(size=(30, 6)) for name in ("first", "second")}
PRIORS = {name: pd.DataFrame(factor @ factor.T, NAMES, NAMES) for name, factor in FACTORS.items()}
RESPONSES = (FACTORS["second"] @ GENERATOR.normal(size=(6, 9)) + GENERATOR.normal(size=(30, 9)))[MEASURED]


def picks(responses, kernels, count=4):
    _, acquisition = ACQUISITIONS.build("v_optimal_rounds", {"kernel": kernels, "universe": "queries"})
    seen = Candidates(NAMES[MEASURED], NAMES[FREE], {}, PRIORS, NAMES[QUERIES], responses)
    return acquisition.acquire(seen, count, np.random.default_rng(0)).order


def left_over(kernel, measured, noise):
    """Summed variance of the queries, kriged with an unknown mean."""
    inverse = np.linalg.inv(kernel[np.ix_(measured, measured)] + noise * np.eye(len(measured)))
    cross, ones = kernel[np.ix_(QUERIES, measured)], inverse.sum(axis=0)
    explained = np.einsum("ij,ij->i", cross @ inverse, cross)
    return np.sum(kernel[QUERIES, QUERIES] - explained + (1 - cross @ ones) ** 2 / ones.sum())


@pytest.mark.parametrize("responses", [RESPONSES, RESPONSES[::-1]], ids=["fit a kernel", "fit none"])
@pytest.mark.parametrize("kernels", [("first",), ("first", "second")])
def test_picks_leave_least_variance_under_the_kernel_that_fits(kernels, responses):
    blocks = np.array([PRIORS[name].to_numpy() for name in kernels])
    weights, noise, _ = leave_one_out_mixture(blocks[:, :10, :10], responses, None)
    kernel, taken = np.tensordot(weights, blocks, axes=1), list(MEASURED)
    for pick in picks(responses, kernels):
        left = [left_over(kernel, [*taken, i], noise) if i not in taken else np.inf for i in FREE]
        assert pick == np.argmin(left)
        taken.append(FREE[pick])


def test_goes_on_where_all_responses_are_alike():
    assert len(set(picks(np.ones_like(RESPONSES), ("first",), 5))) == 5
