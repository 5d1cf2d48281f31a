"""Criteria of the strategies against their definitions, by brute force."""

from itertools import combinations

import numpy as np
import pytest

from perturbselect.selection.engine.facility import FacilityLocation
from perturbselect.selection.engine.gaussian import InformationGain, QueryVariance, WeightUncertainty
from perturbselect.selection.engine.geometry import FarthestPoint, MeanDiscrepancy
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.known_responses import TestError
from perturbselect.selection.engine.similarity import Similarity
from perturbselect.selection.engine.typicality import TypicalPoints
from perturbselect.selection.strategy import Problem

NOISE = 0.3
NAMES = np.array([f"G{i:02d}" for i in range(30)])


def kernel_problem(pool=14, seed=0, shift=0.0):
    """A random kernel over 30 genes with a unit diagonal; some similarities are negative."""
    import pandas as pd

    generator = np.random.default_rng(seed)
    features = generator.normal(size=(30, 6)) + shift
    features /= np.linalg.norm(features, axis=1)[:, None]
    kernel = pd.DataFrame(features @ features.T, NAMES, NAMES)
    order = generator.permutation(30)
    return Problem(np.sort(NAMES[order[:pool]]), np.sort(NAMES[order[pool:]]), kernel=kernel)


def parts(problem):
    kernel = problem.kernel
    return (
        kernel.loc[problem.candidates, problem.candidates].to_numpy(),
        kernel.loc[problem.queries, problem.candidates].to_numpy(),
        kernel.loc[problem.queries, problem.queries].to_numpy(),
    )


def facility(matrices, chosen):
    _, cross, _ = matrices
    return np.max(cross[:, chosen], axis=1, initial=0).sum()


def information(matrices, chosen):
    own, _, _ = matrices
    return np.linalg.slogdet(np.eye(len(chosen)) + own[np.ix_(chosen, chosen)] / NOISE)[1]


def weights(matrices, chosen):
    """Through the features themselves."""
    own, _, _ = matrices
    values, vectors = np.linalg.eigh(own)
    features = (vectors * np.sqrt(values.clip(min=0)))[chosen]
    size = features.shape[1]
    return size - np.trace(np.linalg.inv(np.eye(size) + features.T @ features / NOISE))


def variance_left(matrices, chosen, mean_variance):
    own, cross, queries = (part + mean_variance for part in matrices)
    system = own[np.ix_(chosen, chosen)] + NOISE * np.eye(len(chosen))
    cross = cross[:, chosen]
    return np.trace(queries) - np.trace(cross @ np.linalg.solve(system, cross.T))


def known_mean(matrices, chosen):
    return variance_left(matrices, [], 0) - variance_left(matrices, chosen, 0)


def unknown_mean(matrices, chosen):
    """Less the variance left, with a mean of nearly infinite variance."""
    return -variance_left(matrices, chosen, 1e6) if len(chosen) else 0.0


def herding(matrices, chosen):
    """The mean embedding's norm less the squared discrepancy, from the embedding itself."""
    own, cross, queries = matrices
    if not len(chosen):
        return 0.0
    discrepancy = queries.mean() - 2 * cross[:, chosen].mean() + own[np.ix_(chosen, chosen)].mean()
    return queries.mean() - discrepancy


def test_error(matrices, chosen):
    """Less the squared error of kriging with an unknown mean."""
    own, cross, _ = matrices
    if not len(chosen):
        return -np.inf
    system = np.linalg.inv(own[np.ix_(chosen, chosen)] + NOISE * np.eye(len(chosen)))
    measured = RESPONSES[: len(own)][chosen]
    mean = system.sum(0) @ measured / system.sum()
    predicted = mean + cross[:, chosen] @ system @ (measured - mean)
    return -((predicted - RESPONSES[len(own) :]) ** 2).sum()


test_error.__test__ = False
RESPONSES = np.random.default_rng(8).normal(size=(30, 5))
CRITERIA = {
    "facility": (lambda p: FacilityLocation(Similarity.of(p, "queries").between()), facility),
    "information": (lambda p: InformationGain(Similarity.of(p), NOISE), information),
    "weights": (lambda p: WeightUncertainty(Similarity.of(p), NOISE), weights),
    "known_mean": (
        lambda p: QueryVariance(Similarity.of(p, "queries"), NOISE, unknown_mean=False),
        known_mean,
    ),
    "unknown_mean": (
        lambda p: QueryVariance(Similarity.of(p, "queries"), NOISE, unknown_mean=True),
        unknown_mean,
    ),
    "herding": (lambda p: MeanDiscrepancy(Similarity.of(p, "queries")), herding),
    "test_error": (lambda p: TestError(Similarity.of(p, "queries"), RESPONSES, NOISE), test_error),
}
# limits of a mean of large variance instead of an unknown one
ABSOLUTE = {"unknown_mean": 2e-4, "test_error": 1e-4}
every_criterion = pytest.mark.parametrize("name", CRITERIA)


@every_criterion
@pytest.mark.parametrize("seed", range(3))
def test_gains_are_differences_of_the_definition(name, seed):
    make, value = CRITERIA[name]
    problem = kernel_problem(seed=seed)
    matrices = parts(problem)
    criterion = make(problem)
    chosen = []
    for candidate in np.random.default_rng(seed).permutation(14)[:9]:
        expected = [
            value(matrices, [*chosen, v]) - value(matrices, chosen) for v in range(14) if v not in chosen
        ]
        left = [v for v in range(14) if v not in chosen]
        if np.isfinite(expected).all():  # the oracle predicts nothing before the first pick
            np.testing.assert_allclose(criterion.gains()[left], expected, atol=ABSOLUTE.get(name, 1e-9))
        criterion.take(int(candidate))
        chosen.append(int(candidate))


@every_criterion
@pytest.mark.parametrize("seed", range(4))
def test_greedy_is_naive_greedy_pick_for_pick(name, seed):
    make, value = CRITERIA[name]
    problem = kernel_problem(seed=seed, shift=0.4)
    matrices = parts(problem)
    picks = greedy(lambda: make(problem), problem, 10, np.random.default_rng(0))
    chosen = []
    for pick in picks.order:
        values = {v: value(matrices, [*chosen, v]) for v in range(14) if v not in chosen}
        assert values[pick] == pytest.approx(max(values.values()), abs=ABSOLUTE.get(name, 1e-6))
        chosen.append(int(pick))
    if name != "test_error":
        assert np.nansum(picks.gain) == pytest.approx(value(matrices, chosen), abs=2e-4)


@pytest.mark.parametrize("name", [name for name in CRITERIA if name != "test_error"])
def test_who_claims_to_be_submodular_is(name):
    """Brute force on all subsets of 6 candidates: gains never rise and are never negative."""
    make, value = CRITERIA[name]
    problem = kernel_problem(pool=6, seed=1)
    matrices = parts(problem)
    table = {
        subset: value(matrices, list(subset)) for size in range(7) for subset in combinations(range(6), size)
    }
    worst = np.inf
    for small in table:
        for large in table:
            if not set(small) <= set(large):
                continue
            for v in set(range(6)) - set(large):
                gain_small = table[tuple(sorted((*small, v)))] - table[small]
                gain_large = table[tuple(sorted((*large, v)))] - table[large]
                worst = min(worst, gain_small - gain_large, gain_large)
    assert make(problem).submodular == (worst > -1e-9)


@pytest.mark.parametrize("name", ["facility", "information"])
@pytest.mark.parametrize("seed", range(3))
def test_bounds_hold_for_the_exact_optimum(name, seed):
    make, value = CRITERIA[name]
    problem = kernel_problem(pool=11, seed=seed)
    matrices = parts(problem)
    picks = greedy(lambda: make(problem), problem, 6, np.random.default_rng(0))
    for size in range(1, 7):
        best = max(value(matrices, list(subset)) for subset in combinations(range(11), size))
        assert picks.gain[:size].sum() >= (1 - 1 / np.e) * best
        assert picks.upper_bound[size - 1] >= best - 1e-9
        assert picks.upper_bound[size - 1] <= 2 * best


def test_single_precision_chooses_the_same(monkeypatch):
    problem = kernel_problem(seed=5)
    for name in ("facility", "known_mean", "unknown_mean"):
        make, _ = CRITERIA[name]
        exact = greedy(lambda make=make: make(problem), problem, 8, np.random.default_rng(0))
        monkeypatch.setattr("perturbselect.selection.engine.similarity.EXACT", 0)
        monkeypatch.setattr("perturbselect.selection.engine.similarity.BLOCK", 40)
        monkeypatch.setattr("perturbselect.selection.engine.facility.BLOCK", 40)
        single = greedy(lambda make=make: make(problem), problem, 8, np.random.default_rng(0))
        assert single.order.tolist() == exact.order.tolist()
        np.testing.assert_allclose(single.gain, exact.gain, rtol=1e-5)
        monkeypatch.undo()


def test_farthest_point_first():
    problem = kernel_problem(seed=2)
    own = parts(problem)[0]
    distance = np.sqrt((2 - 2 * own).clip(min=0))
    similarity = Similarity.of(problem)
    picks = greedy(lambda: FarthestPoint(similarity), problem, 9, np.random.default_rng(3))
    assert picks.tied[0] == 14
    for size in range(1, 9):
        nearest = distance[:, picks.order[:size]].min(axis=1)
        assert nearest[picks.order[size]] == pytest.approx(nearest.max()) == picks.gain[size]
    # no four centres come closer than half of what the greedy ones reach
    best = min(distance[:, list(centres)].min(axis=1).max() for centres in combinations(range(14), 4))
    reached = distance[:, picks.order[:4]].min(axis=1).max()
    assert reached <= 2 * best
    assert FarthestPoint.radius(similarity, picks.order[:4]) == pytest.approx(reached)


def test_typical_points_come_from_one_cluster_each():
    """Four far blobs: the first four picks are the most typical of each."""
    generator = np.random.default_rng(1)
    middles = np.array([[0, 0], [50, 0], [0, 50], [50, 50.0]])
    sizes = [40, 30, 20, 10]
    blob = np.repeat(np.arange(4), sizes)
    points = middles[blob] + generator.normal(size=(100, 2))
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    names = np.array([f"G{i:03d}" for i in range(100)])
    problem = Problem(names, names[:0])
    picks = greedy(lambda: TypicalPoints(distance, np.ones(100, bool)), problem, 6, np.random.default_rng(0))
    assert sorted(blob[picks.order[:4]]) == [0, 1, 2, 3]
    for pick in picks.order[1:4]:
        members = np.flatnonzero(blob == blob[pick])
        near = np.sort(distance[np.ix_(members, members)], axis=1)[:, 1 : min(20, len(members) - 1) + 1]
        assert pick == members[near.mean(axis=1).argmin()]
    # then the halves of blobs, the loosest first, each with a pick of its own
    assert len(set(picks.order)) == 6


def test_typical_points_of_one_candidate():
    picks = greedy(
        lambda: TypicalPoints(np.zeros((1, 1)), np.ones(1, bool)),
        Problem(np.array(["A"]), np.array([])),
        1,
        np.random.default_rng(0),
    )
    assert picks.order.tolist() == [0]
