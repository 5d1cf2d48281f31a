"""Greedy beside submodlib (Kaushal et al. 2022), on random graphs without ties: equal values."""

import numpy as np
import pytest
import scipy.sparse as sp

from perturbselect.graphs.graph import Graph
from perturbselect.graphs.propagation import propagated_rows, receptive_fields
from perturbselect.selection.engine.concave import ConcaveCoverage
from perturbselect.selection.engine.coverage import Coverage
from perturbselect.selection.engine.facility import FacilityLocation
from perturbselect.selection.engine.gaussian import InformationGain
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.spectrum import Gram
from perturbselect.selection.strategy import Problem

submodlib = pytest.importorskip("submodlib")

COUNT, BUDGET = 120, 40
every_seed = pytest.mark.parametrize("seed", range(3))


def graph(seed):
    generator = np.random.default_rng(seed)
    adjacency = generator.random((COUNT, COUNT)) * (generator.random((COUNT, COUNT)) < 0.04)
    np.fill_diagonal(adjacency, 0)
    adjacency += np.roll(np.diag(generator.random(COUNT)), 1, axis=1)  # a ring: no gene is isolated
    names = np.array([f"G{i:03d}" for i in range(COUNT)])
    return Graph(names, sp.csr_array(adjacency.astype(np.float32)), np.ones(COUNT, dtype=bool))


def ours(make):
    names = np.array([f"G{i:03d}" for i in range(COUNT)])
    return greedy(make, Problem(names, np.array([])), BUDGET, np.random.default_rng(0))


def theirs(function, optimizer):
    return function.maximize(
        budget=BUDGET,
        optimizer=optimizer,
        stopIfZeroGain=False,
        stopIfNegativeGain=False,
        show_progress=False,
    )


def agree(make, function, relative=1e-6, shift=0.0):
    picks = ours(make)
    assert (picks.tied == 1).all()
    for optimizer in ("NaiveGreedy", "LazyGreedy"):
        order, gains = zip(*theirs(function(), optimizer), strict=True)
        assert picks.order.tolist() == list(order)
        np.testing.assert_allclose(picks.gain, np.array(gains) + shift, rtol=relative, atol=1e-6)


@every_seed
@pytest.mark.parametrize("hops", [1, 2])
def test_weighted_coverage(seed, hops):
    incidence = receptive_fields(graph(seed), hops, "in")
    weights = np.random.default_rng(seed).random(COUNT)
    sets = [set(row.tolist()) for row in np.split(incidence.indices, incidence.indptr[1:-1])]
    picks = ours(lambda: Coverage(incidence, weights))
    for optimizer in ("NaiveGreedy", "LazyGreedy"):
        gains = [
            gain
            for _, gain in theirs(submodlib.SetCoverFunction(COUNT, sets, COUNT, weights.tolist()), optimizer)
        ]
        np.testing.assert_allclose(picks.gain, gains, rtol=1e-5, atol=1e-6)


@every_seed
def test_unweighted_coverage(seed):
    """There are ties: the value is compared, whichever was picked first."""
    incidence = receptive_fields(graph(seed), 1, "in")
    sets = [set(row.tolist()) for row in np.split(incidence.indices, incidence.indptr[1:-1])]
    found = theirs(submodlib.SetCoverFunction(COUNT, sets, COUNT), "NaiveGreedy")
    picks = ours(lambda: Coverage(incidence))
    assert picks.gain[0] == found[0][1]
    assert picks.gain.sum() == pytest.approx(sum(gain for _, gain in found), rel=0.02)


@every_seed
def test_concave_coverage_is_probabilistic_set_cover(seed):
    influence = propagated_rows(graph(seed), graph(seed).genes, 1)
    weights = 0.1 + np.random.default_rng(seed).random(COUNT)
    chances = (1 - np.exp(-influence.toarray() / 0.3)).tolist()
    agree(
        lambda: ConcaveCoverage(influence, weights, 0.3),
        lambda: submodlib.ProbabilisticSetCoverFunction(COUNT, chances, COUNT, weights.tolist()),
        1e-4,
    )


@every_seed
def test_facility_location(seed):
    generator = np.random.default_rng(seed)
    similarity = np.exp(
        -((generator.normal(size=(80, 1, 3)) - generator.normal(size=(COUNT, 3))) ** 2).sum(2)
    )
    agree(
        lambda: FacilityLocation(similarity),
        lambda: submodlib.FacilityLocationFunction(
            n=COUNT, mode="dense", separate_rep=True, n_rep=80, sijs=similarity.astype(np.float32)
        ),
        1e-4,
    )


@every_seed
def test_log_determinant(seed):
    """Theirs is log det(K + λI): log λ more in each gain."""
    rows = propagated_rows(graph(seed), graph(seed).genes, 2)
    kernel = (rows @ rows.T).toarray().astype(np.float32)
    agree(
        lambda: InformationGain(Gram(rows), 0.05),
        lambda: submodlib.LogDeterminantFunction(n=COUNT, mode="dense", lambdaVal=0.05, sijs=kernel),
        1e-3,
        -np.log(0.05),
    )
