"""Kernels given by features: the picks, gains and bounds are those of the kernel written down."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from perturbselect.errors import InputError
from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.constraints import Constraints
from perturbselect.selection.strategy import Problem

POOL, QUERIES, RANK = 60, 25, 7
NAMES = np.array([f"G{i:02d}" for i in range(POOL + QUERIES)])


def both(seed, kind=np.float64, **rules):
    """The same problem with a kernel, and with its features."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(len(NAMES), RANK)).astype(kind) * 0.7 + 0.3
    order = generator.permutation(len(NAMES))
    plain = Problem(np.sort(NAMES[order[:POOL]]), NAMES[order[POOL:]], constraints=Constraints(**rules))
    kernel = features @ features.T
    return (
        replace(plain, kernel=pd.DataFrame(kernel, NAMES, NAMES)),
        replace(plain, features=pd.DataFrame(features, NAMES)),
    )


def same_choice(strategy, problems, budget=40, tolerance=1e-8):
    dense, low_rank = (strategy.select(problem, budget, np.random.default_rng(3)) for problem in problems)
    pd.testing.assert_frame_equal(dense.table, low_rank.table, rtol=tolerance, atol=tolerance)
    assert dense.summary == low_rank.summary


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mean", ["unknown", "zero"])
@pytest.mark.parametrize("universe", ["queries", "pool", "all"])
def test_v_optimal(universe, mean, seed):
    same_choice(STRATEGIES["v_optimal"](kernel="k", universe=universe, mean=mean), both(seed))


@pytest.mark.parametrize("seed", range(3))
def test_d_optimal(seed):
    same_choice(STRATEGIES["d_optimal"](kernel="k", noise=0.1), both(seed))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("universe", ["queries", "pool", "all"])
def test_facility_location(universe, seed):
    """Fewer picks than those after which nobody gains: there rounding decides."""
    same_choice(STRATEGIES["facility_location"](kernel="k", universe=universe), both(seed), budget=12)


@pytest.mark.parametrize("name", ["v_optimal", "d_optimal", "facility_location"])
def test_constraints(name):
    rules = {"measured": np.array([4, 9]), "include": np.array([1]), "exclude": np.array([2, 3])}
    same_choice(STRATEGIES[name](kernel="k"), both(0, **rules), budget=8)


@pytest.mark.parametrize("name", ["v_optimal", "d_optimal", "facility_location"])
def test_single_precision_is_near(name):
    exact, single = (
        STRATEGIES[name](kernel="k").select(both(1, kind)[1], 12, np.random.default_rng(0)).table
        for kind in (np.float64, np.float32)
    )
    assert exact["gene"].tolist() == single["gene"].tolist()
    np.testing.assert_allclose(exact["gain"], single["gain"], rtol=1e-4)


@pytest.mark.parametrize("name", ["v_optimal", "d_optimal", "facility_location"])
def test_bad_features_are_refused(name):
    problem, strategy = both(0)[1], STRATEGIES[name](kernel="k")
    missing = replace(problem, features=problem.features.drop(index=problem.candidates[0]))
    with pytest.raises(InputError, match=f"1 perturbations have no features, e.g. '{problem.candidates[0]}'"):
        strategy.select(missing, 5, np.random.default_rng(0))
    infinite = problem.features.copy()
    infinite.loc["G05", 2] = np.inf
    with pytest.raises(InputError, match="features of G05 are not all finite"):
        strategy.select(replace(problem, features=infinite), 5, np.random.default_rng(0))
    if name != "d_optimal":
        with pytest.raises(InputError, match="use universe: pool"):
            strategy.select(replace(problem, queries=np.array([])), 5, np.random.default_rng(0))
