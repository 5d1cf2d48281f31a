"""Properties of coverage and of the greedy engine, against brute force."""

import itertools

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from perturbselect.selection.engine.coverage import greedy_coverage, greedy_multicover


def incidences(most_candidates, most_elements):
    shape = st.tuples(st.integers(1, most_candidates), st.integers(1, most_elements))
    return shape.flatmap(lambda s: hnp.arrays(bool, s, elements=st.booleans()))


def multicover(incidence, chosen, level):
    return int(np.minimum(incidence[list(chosen)].sum(axis=0), level).sum())


def naive_greedy(incidence, budget, priority, chosen=(), level=1):
    """Evaluate f anew for every candidate at every step; yields pick, gain, ties."""
    chosen = list(chosen)
    for _ in range(budget):
        value = multicover(incidence, chosen, level)
        gains = {
            v: multicover(incidence, [*chosen, v], level) - value
            for v in range(len(incidence))
            if v not in chosen
        }
        best = max(gains.values())
        tied = [v for v, gain in gains.items() if gain == best]
        chosen.append(min(tied, key=lambda v: priority[v]))
        yield chosen[-1], best, len(tied)


@given(incidences(7, 8), st.integers(1, 3))
@settings(deadline=None, max_examples=25)
def test_coverage_is_monotone_and_submodular(incidence, level):
    count = len(incidence)
    subsets = [s for size in range(count + 1) for s in itertools.combinations(range(count), size)]
    value = {frozenset(s): multicover(incidence, s, level) for s in subsets}
    for small in value:
        for large in value:
            if small <= large:
                for v in set(range(count)) - large:
                    gain_small = value[small | {v}] - value[small]
                    gain_large = value[large | {v}] - value[large]
                    assert gain_small >= gain_large >= 0


@given(incidences(20, 25), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=150)
def test_engine_is_naive_greedy_pick_for_pick(incidence, random):
    priority = np.array(random.sample(range(len(incidence)), len(incidence)))
    picks = greedy_coverage(sp.csr_array(incidence), len(incidence), priority)
    expected = [step for step in naive_greedy(incidence, len(incidence), priority) if step[1] > 0]
    assert list(zip(picks.order, picks.gain, picks.tied, strict=True)) == expected


@given(incidences(12, 15), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=150)
def test_multicover_goes_on_as_naive_greedy_with_rising_level(incidence, random):
    count = len(incidence)
    priority = np.array(random.sample(range(count), count))
    matrix = sp.csr_array(incidence)
    start = greedy_coverage(matrix, count, priority).order
    found = greedy_multicover(matrix, count - len(start), priority, start)
    chosen, level, expected = list(start), 1, []
    while len(chosen) < count:
        step = next(naive_greedy(incidence, 1, priority, chosen, level))
        if step[1] == 0 and level <= count:
            level += 1
            continue
        expected.append(step)
        chosen.append(step[0])
    assert list(zip(found.order, found.gain, found.tied, strict=True)) == expected


@given(incidences(9, 10), st.integers(1, 5))
@settings(deadline=None, max_examples=100)
def test_guarantee_and_certificate(incidence, budget):
    budget = min(budget, len(incidence))
    picks = greedy_coverage(sp.csr_array(incidence), budget, np.arange(len(incidence)))
    optimum = max(multicover(incidence, s, 1) for s in itertools.combinations(range(len(incidence)), budget))
    assert picks.gain.sum() >= (1 - 1 / np.e) * optimum - 1e-9
    assert picks.gain.sum() <= optimum <= picks.upper_bound
    # the certificate as it is defined, from scratch
    bounds = []
    for i in range(len(picks.order) + 1):
        chosen = list(picks.order[:i])
        value = multicover(incidence, chosen, 1)
        gains = [multicover(incidence, [*chosen, v], 1) - value for v in range(len(incidence))]
        bounds.append(value + sum(sorted(gains)[-budget:]))
    assert picks.upper_bound == min(bounds)


@given(incidences(20, 25))
@settings(deadline=None, max_examples=50)
def test_gains_never_rise(incidence):
    picks = greedy_coverage(sp.csr_array(incidence), len(incidence), np.arange(len(incidence)))
    assert (np.diff(picks.gain) <= 0).all()
    assert picks.gain.sum() == incidence.any(axis=0).sum()
