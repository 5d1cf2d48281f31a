"""The greedy drivers against a naive run that evaluates the set function anew for every candidate."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from perturbselect.selection.engine import shortlist
from perturbselect.selection.engine.concave import ConcaveCoverage
from perturbselect.selection.engine.constraints import Constraints
from perturbselect.selection.engine.coverage import Coverage, multicover
from perturbselect.selection.engine.criterion import Criterion, FixedScores, LazyCriterion
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.strategy import Problem

SEEDS = st.integers(0, 2**20)


def incidences(most_candidates, most_elements):
    shape = st.tuples(st.integers(1, most_candidates), st.integers(1, most_elements))
    return shape.flatmap(lambda s: hnp.arrays(bool, s, elements=st.booleans()))


def weighted(most_candidates, most_elements):
    """Incidence and weights of few values, so that there are ties."""
    return incidences(most_candidates, most_elements).flatmap(
        lambda matrix: st.tuples(
            st.just(matrix),
            hnp.arrays(float, matrix.shape[1], elements=st.sampled_from([0, 0.1, 0.3, 1, 2.5])),
        )
    )


def covered(incidence, weights, times):
    """Weighted multicoverage as a function of a set."""
    return lambda chosen: float(weights @ np.minimum(incidence[list(chosen)].sum(axis=0), times))


def problem(count, **rules):
    return Problem(
        np.array([f"G{i:03d}" for i in range(count)]), np.array([]), constraints=Constraints(**rules)
    )


def run(make, count, budget, seed=0, fallback=None, **rules):
    return greedy(make, problem(count, **rules), budget, np.random.default_rng(seed), fallback)


def naive(value, count, budget, seed, slack, chosen=(), allowed=lambda chosen, v: True, cost=None):
    """Pick, gain and ties of greedy, by the definition."""
    priority, steps, chosen = np.random.default_rng(seed).permutation(count), [], list(chosen)
    for _ in range(budget):
        left = [v for v in range(count) if v not in chosen and allowed(chosen, v)]
        if not left:
            break
        gain = {v: value([*chosen, v]) - value(chosen) for v in left}
        rate = gain if cost is None else {v: gain[v] / cost[v] for v in left}
        apart = slack if cost is None else slack / max(cost)
        tied = [v for v in left if rate[v] >= max(rate.values()) - apart]
        pick = min(tied, key=lambda v: priority[v])
        steps.append((pick, gain[pick], len(tied)))
        chosen.append(pick)
    return steps


def same(picks, steps, slack=0.0):
    """Gains within the slack count as none, and are not computed again."""
    assert [(p, t) for p, _, t in steps] == list(zip(picks.order, picks.tied, strict=True))
    np.testing.assert_allclose(picks.gain, [gain for _, gain, _ in steps], atol=max(1e-8, slack))


class Minimal(Criterion):
    """A set function by its definition."""

    submodular = True

    def __init__(self, value, count):
        self.value, self.count, self.chosen = value, count, []

    def gains(self):
        return self.gains_of(np.arange(self.count))

    def gains_of(self, candidates):
        return np.array([self.value([*self.chosen, v]) - self.value(self.chosen) for v in candidates])

    def take(self, candidate):
        self.chosen.append(candidate)


class MinimalLazy(Minimal, LazyCriterion):
    """The same, for the lazy driver; counts how many gains it is asked for."""

    asked = 0

    def gains_of(self, candidates):
        self.asked += len(candidates)
        return super().gains_of(candidates)


@given(weighted(7, 8), st.integers(1, 3))
@settings(deadline=None, max_examples=25)
def test_coverage_is_monotone_and_submodular(given_, times):
    incidence, weights = given_
    count, value = len(incidence), covered(incidence, weights, times)
    of = {
        frozenset(s): value(s)
        for size in range(count + 1)
        for s in itertools.combinations(range(count), size)
    }
    for small in of:
        for large in of:
            if small <= large:
                for v in set(range(count)) - large:
                    gain_small, gain_large = of[small | {v}] - of[small], of[large | {v}] - of[large]
                    assert gain_small >= gain_large - 1e-9
                    assert gain_large >= -1e-9


@given(weighted(20, 25), st.integers(1, 3), SEEDS)
@settings(deadline=None, max_examples=150)
def test_coverage_is_naive_greedy_pick_for_pick(given_, times, seed):
    incidence, weights = given_
    count, value = len(incidence), covered(incidence, weights, times)
    picks = run(lambda: Coverage(sp.csr_array(incidence), weights, times), count, count, seed)
    slack = 1e-9 * max(value([v]) for v in range(count))
    same(picks, naive(value, count, count, seed, slack))
    assert (np.diff(picks.gain) <= 1e-9).all()
    assert picks.gain.sum() == pytest.approx(value(range(count)))
    assert (picks.zero_gain == (picks.gain <= slack)).all()


@given(incidences(12, 15), SEEDS)
@settings(deadline=None, max_examples=150)
def test_multicover_goes_on_as_naive_greedy_with_rising_level(incidence, seed):
    count, matrix = len(incidence), sp.csr_array(incidence)
    picks = run(
        lambda: Coverage(matrix), count, count, seed, lambda order: multicover(Coverage(matrix), order)
    )
    chosen, level, expected, levels = [], 1, [], []
    ones = np.ones(incidence.shape[1])
    while len(chosen) < count:
        step = naive(covered(incidence, ones, level), count, 1, seed, 0, chosen)[0]
        if step[1] == 0 and level <= incidence[chosen].sum(axis=0).max(initial=0):
            level += 1
            continue
        expected.append((step[0], step[1] if level == 1 else 0, step[2]))
        levels.append(level if step[1] else 0)
        chosen.append(step[0])
    same(picks, expected)
    assert [d == "fallback" for d in picks.decided_by] == [level != 1 for level in levels]


@given(weighted(12, 10), SEEDS, st.sampled_from([0.05, 0.5, 5]))
@settings(deadline=None, max_examples=100)
def test_concave_coverage_is_naive_greedy_pick_for_pick(given_, seed, tau):
    incidence, weights = given_
    influence, count = incidence * (1 + np.arange(incidence.shape[1]) % 3), len(incidence)

    def value(chosen):
        return float(weights @ (1 - np.exp(-influence[list(chosen)].sum(axis=0) / tau)))

    picks = run(lambda: ConcaveCoverage(sp.csr_array(influence), weights, tau), count, count, seed)
    slack = 1e-9 * max(value([v]) for v in range(count))
    same(picks, naive(value, count, count, seed, slack), slack)


@given(weighted(15, 12), SEEDS, st.data())
@settings(deadline=None, max_examples=150)
def test_constraints_are_those_of_the_naive_run(given_, seed, data):
    """Lazy, exact and naive: the same picks, under measured, excluded, groups and prices."""
    incidence, weights = given_
    count, value = len(incidence), covered(incidence, weights, 1)
    some = st.lists(st.integers(0, count - 1), unique=True, max_size=count // 2)
    measured, exclude = data.draw(some), data.draw(some)
    exclude = [v for v in exclude if v not in measured]
    budget = count - len(measured) - len(exclude)
    if not budget:
        return
    groups = data.draw(hnp.arrays(bool, (count, 3)))
    priced = data.draw(st.booleans())
    cost = data.draw(hnp.arrays(float, count, elements=st.sampled_from([1.0, 2.0, 5.0]))) if priced else None
    money = data.draw(st.integers(1, 20)) if priced else np.inf
    rules = {
        "measured": np.array(measured, dtype=int),
        "exclude": np.array(exclude, dtype=int),
        "groups": sp.csr_array(groups),
        "max_per_group": 3,
        "cost": cost,
        "money": money,
    }

    def allowed(chosen, v):
        fits = (groups[v] * 1 + groups[chosen].sum(axis=0) <= 3)[groups[v]].all()
        spent = sum(cost[u] for u in chosen if u not in measured) if priced else 0
        return v not in exclude and fits and (not priced or spent + cost[v] <= money)

    exact = run(lambda: Coverage(sp.csr_array(incidence), weights), count, budget, seed, **rules)
    minimal = run(lambda: Minimal(value, count), count, budget, seed, **rules)
    lazy = run(lambda: MinimalLazy(value, count), count, budget, seed, **rules)
    for picks in (exact, minimal, lazy):
        assert picks.order[: len(measured)].tolist() == measured
    slack = 1e-9 * max(value([v]) for v in range(count))
    steps = naive(value, count, budget, seed, slack, measured, allowed, cost)
    if priced:
        plan = naive(value, count, budget, seed, slack, measured, allowed)
        if sum(gain for _, gain, _ in plan) > sum(gain for _, gain, _ in steps) + slack:
            steps = plan
    for picks in (exact, minimal, lazy):
        assert picks.order[len(measured) :].tolist() == [pick for pick, _, _ in steps]
        np.testing.assert_allclose(picks.gain[len(measured) :], [gain for _, gain, _ in steps], atol=1e-8)
        assert picks.tied[len(measured) :].tolist() == [tied for _, _, tied in steps]


@given(incidences(9, 10), st.data())
@settings(deadline=None, max_examples=100)
def test_guarantee_and_certificate(incidence, data):
    count, value = len(incidence), covered(incidence, np.ones(incidence.shape[1]), 1)
    budget = data.draw(st.integers(1, count))
    matrix = sp.csr_array(incidence)
    for make in (lambda: Coverage(matrix), lambda: MinimalLazy(value, count)):
        picks = run(make, count, budget)
        for size in range(1, budget + 1):
            optimum = max(value(s) for s in itertools.combinations(range(count), size))
            assert picks.gain[:size].sum() >= (1 - 1 / np.e) * optimum - 1e-9
            assert optimum <= picks.upper_bound[size - 1] + 1e-9
    # the certificate as it is defined, from scratch: for so few picks, at every step
    exact = run(lambda: Coverage(matrix), count, min(budget, 6))
    for size in range(1, min(budget, 6) + 1):
        bounds = []
        for i in range(size + 1):
            chosen = list(exact.order[:i])
            gains = [value([*chosen, v]) - value(chosen) for v in range(count)]
            bounds.append(value(chosen) + sum(sorted(gains)[-size:]))
        assert exact.upper_bound[size - 1] == pytest.approx(min(bounds))


@given(weighted(8, 10), SEEDS, st.data())
@settings(deadline=None, max_examples=150)
def test_guarantee_with_prices(given_, seed, data):
    """1 - 1/e where the money suffices for any choice, half of it where the picks do."""
    incidence, weights = given_
    count, value = len(incidence), covered(incidence, weights, 1)
    cost = data.draw(hnp.arrays(float, count, elements=st.sampled_from([0.1, 1.0, 2.0, 5.0])))
    money = data.draw(st.sampled_from([2.0, 5.0, 8.0, 1000.0]))
    budget = data.draw(st.integers(1, count)) if money == 1000 else count
    share = (1 - 1 / np.e) * (1 if money == 1000 else 0.5)
    picks = run(
        lambda: Coverage(sp.csr_array(incidence), weights), count, budget, seed, cost=cost, money=money
    )
    sets = (set_ for size in range(budget + 1) for set_ in itertools.combinations(range(count), size))
    optimum = max(value(set_) for set_ in sets if cost[list(set_)].sum() <= money)
    assert cost[picks.order].sum() <= money + 1e-9
    assert value(picks.order) >= share * optimum - 1e-9


def test_cheap_ones_of_little_worth_do_not_use_up_the_picks():
    """Ten cover one element each for next to nothing, ten others ten elements each: ten picks."""
    incidence = np.kron(np.diag([1, 0]), np.eye(10, 100)) + np.kron(
        np.diag([0, 1]), np.kron(np.eye(10), np.ones(10))
    )
    cost = np.repeat([0.01, 1.0], 10)
    picks = run(lambda: Coverage(sp.csr_array(incidence.astype(bool))), 20, 10, cost=cost, money=100)
    assert picks.gain.sum() == 100


@given(incidences(9, 10), st.data())
@settings(deadline=None, max_examples=50)
def test_no_choice_under_constraints_exceeds_the_bound(incidence, data):
    count, value = len(incidence), covered(incidence, np.ones(incidence.shape[1]), 1)
    groups = data.draw(hnp.arrays(bool, (count, 2)))
    picks = run(
        lambda: Coverage(sp.csr_array(incidence)),
        count,
        count,
        groups=sp.csr_array(groups),
        max_per_group=2,
    )
    for size in range(1, len(picks.order) + 1):
        possible = [
            value(s)
            for s in itertools.combinations(range(count), size)
            if (groups[list(s)].sum(axis=0) <= 2).all()
        ]
        assert max(possible) <= picks.upper_bound[size - 1] + 1e-9


@given(st.integers(1, 400), SEEDS)
@settings(deadline=None, max_examples=30)
def test_a_shortlist_changes_no_pick(elements, seed):
    """Enough candidates that not all are on it, with many ties and then none that gains."""
    generator = np.random.default_rng(seed)
    incidence = sp.csr_array(sp.random_array((600, elements), density=0.02, rng=generator).astype(bool))
    least, whole = shortlist.LEAST, run(lambda: Coverage(incidence), 600, 300, seed)
    try:
        shortlist.LEAST = 5
        short = run(lambda: Coverage(incidence), 600, 300, seed)
    finally:
        shortlist.LEAST = least
    for column in ("order", "gain", "tied", "upper_bound"):
        np.testing.assert_array_equal(getattr(whole, column), getattr(short, column))


def test_lazy_computes_few_gains():
    generator = np.random.default_rng(1)
    similarity = np.exp(-((generator.random((300, 1)) - generator.random((1, 200))) ** 2) / 0.001)
    criterion = MinimalLazy(lambda s: similarity[list(s)].max(axis=0, initial=0).sum(), 300)
    lazy = run(lambda: criterion, 300, 30)
    exact = run(lambda: Minimal(criterion.value, 300), 300, 30)
    np.testing.assert_array_equal(lazy.order, exact.order)
    np.testing.assert_array_equal(lazy.tied, exact.tied)
    assert criterion.asked < 300 * 30 / 4


def test_lazy_breaks_ties_by_priority_not_by_age_of_the_bound():
    """Candidates 0 and 1 are equal throughout; only 2 is recomputed before them."""
    incidence = np.array([[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1], [1, 1, 1, 0, 0]], dtype=bool)
    value = covered(incidence, np.ones(5), 1)
    for seed in range(20):
        same(run(lambda: MinimalLazy(value, 4), 4, 4, seed), naive(value, 4, 4, seed, 1e-9))


def test_fallbacks_follow_one_another():
    def fallback(order):
        yield FixedScores(np.array([0.0, 0, 0, 0, 5, 4]))
        yield FixedScores(np.array([0.0, 1, 2, 3, 0, 0]))

    cover = sp.csr_array(np.array([[1], [1], [1], [1], [0], [0]], dtype=bool))
    picks = run(lambda: Coverage(cover), 6, 6, 0, fallback)
    assert picks.gain.tolist() == [1, 0, 0, 0, 0, 0]
    assert picks.decided_by == ["criterion"] + ["fallback"] * 5
    later = [v for v in [4, 5, 3, 2, 1, 0] if v != picks.order[0]]
    # whoever was picked by the criterion is not there any more for the second fallback
    assert picks.order[1:].tolist() == later


def test_lazy_with_prices_trusts_no_bound_from_before_what_is_measured():
    """Once it is in, all gains are computed to find the best alone; the heap still has older ones."""
    incidence = np.zeros((5, 3), dtype=bool)
    incidence[0, 2] = incidence[1, 0] = incidence[4, 2] = True
    criterion = MinimalLazy(covered(incidence, np.ones(3), 1), 5)
    picks = run(lambda: criterion, 5, 4, measured=np.array([0]), cost=np.ones(5), money=1)
    assert picks.order.tolist() == [0, 1]
