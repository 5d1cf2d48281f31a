"""Integer programming against brute force, with and without constraints."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp

from perturbselect.graphs.graph import Graph
from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine import reach
from perturbselect.selection.engine.constraints import Constraints
from perturbselect.selection.engine.optimum import Optimum, best_cover
from perturbselect.selection.strategy import Problem


def brute_force(incidence, budget, rules, weights, times):
    count = len(incidence)
    measured = rules.measured.tolist()

    def fits(chosen):
        new = [v for v in chosen if v not in measured]
        if rules.cost is not None and rules.cost[new].sum() > rules.money:
            return False
        if rules.groups is not None:
            inside = rules.groups.toarray()[chosen].sum(axis=0)
            before = rules.groups.toarray()[measured].sum(axis=0)
            return (inside <= np.maximum(rules.max_per_group, before)).all()
        return True

    free = [v for v in range(count) if v not in measured and v not in rules.exclude]
    return max(
        weights @ np.minimum(incidence[[*measured, *chosen]].sum(axis=0), times)
        for size in range(budget + 1)
        for chosen in itertools.combinations(free, size)
        if set(rules.include) <= set(chosen) and fits([*measured, *chosen])
    )


def some_rules(seed):
    generator = np.random.default_rng(seed)
    order = generator.permutation(9)
    return [
        Constraints(),
        Constraints(measured=order[:2], include=order[2:3], exclude=order[3:5]),
        Constraints(cost=generator.uniform(1, 3, 9), money=5.0),
        Constraints(measured=order[:1], groups=sp.csr_array(generator.random((9, 3)) < 0.5), max_per_group=1),
    ]


@pytest.mark.parametrize("rules", range(4))
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_best_cover_is_the_best(seed, times, rules):
    generator = np.random.default_rng(100 + seed)
    incidence, weights = generator.random((9, 12)) < 0.25, generator.random(12).round(2)
    constraints = some_rules(seed)[rules]
    best = best_cover(sp.csr_array(incidence), 4, constraints, weights, times)
    assert best.proved
    assert best.value == pytest.approx(brute_force(incidence, 4, constraints, weights, times))
    assert set(constraints.measured) | set(constraints.include) <= set(best.chosen)
    assert not set(constraints.exclude) & set(best.chosen)
    assert len(best.chosen) <= 4 + len(constraints.measured)


def test_a_search_that_is_stopped_says_so():
    generator = np.random.default_rng(0)
    incidence = sp.csr_array(generator.random((300, 400)) < 0.05)
    best = best_cover(incidence, 20, seconds=1.0)
    assert not best.proved
    assert not best.value > best.upper_bound  # the value is NaN if there was no time for one
    assert best.upper_bound <= 400


def test_without_a_set_there_is_no_share_of_it(monkeypatch):
    """Integer programming may run out of time before it has any."""
    nothing = Optimum(float("nan"), 3.0, False, np.empty(0, dtype=np.int64))
    monkeypatch.setattr(reach, "best_cover", lambda *_: nothing)
    names = np.array(["A", "B", "C"])
    graph = Graph(names, sp.csr_array(np.eye(3, k=1, dtype=np.float32)), np.ones(3, dtype=bool))
    strategy = STRATEGIES["graphreach"]("g", exact=True)
    summary = strategy.select(Problem(names, names[:0], graph), 2, np.random.default_rng(0)).summary
    assert summary["optimum"] is summary["share_of_optimum"] is None
    assert summary["optimum_at_most"] == 3
    assert not summary["optimum_proved"]
