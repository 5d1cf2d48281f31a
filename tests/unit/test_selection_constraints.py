"""Constraints that every registered strategy has to keep."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
from every_strategy import POOL, PROBLEM, every_strategy, select

from perturbselect.errors import InputError
from perturbselect.selection.engine.constraints import Constraints
from perturbselect.selection.strategy import chosen


@every_strategy
def test_what_must_and_must_not_be_chosen(strategy):
    rules = Constraints(
        measured=np.array([7, 12]), include=np.array([3, 30]), exclude=np.array([0, 5, 9, 33, 34])
    )
    selection = select(strategy, 10, what=dataclasses.replace(PROBLEM, constraints=rules))
    table = selection.table
    assert table["rank"].tolist() == [0, 0, *range(1, 11)]
    assert set(table["gene"][:2]) == set(PROBLEM.candidates[[7, 12]])
    assert set(table["gene"][2:4]) == set(PROBLEM.candidates[[3, 30]])
    assert table["decided_by"].tolist()[:4] == ["measured"] * 2 + ["include"] * 2
    assert not {"measured", "include"} & set(table["decided_by"][4:])
    assert table["gene"].is_unique
    assert not set(table["gene"]) & set(PROBLEM.candidates[rules.exclude])
    assert selection.summary["stopped_by"] is None
    assert set(chosen(table, 3)) == set(table["gene"][:5])


@every_strategy
def test_no_group_is_chosen_too_often(strategy):
    group = np.arange(POOL) % 4
    groups = sp.csr_array(group[:, None] == np.arange(3))  # every fourth is in no group
    rules = Constraints(groups=groups, max_per_group=2, measured=np.array([4]))
    selection = select(strategy, POOL - 1, what=dataclasses.replace(PROBLEM, constraints=rules))
    position = {name: place for place, name in enumerate(PROBLEM.candidates)}
    picked = np.bincount([group[position[name]] for name in selection.table["gene"]])
    assert picked.tolist() == [2, 2, 2, (group == 3).sum()]
    assert selection.summary["stopped_by"] == "groups"


@every_strategy
def test_the_money_is_not_overspent(strategy):
    cost = np.random.default_rng(5).uniform(1, 4, POOL)
    rules = Constraints(cost=cost, money=20.0, measured=np.array([2]), include=np.array([6]))
    selection = select(strategy, POOL - 1, what=dataclasses.replace(PROBLEM, constraints=rules))
    position = {name: place for place, name in enumerate(PROBLEM.candidates)}
    taken = [position[name] for name in selection.table["gene"]]
    spent = cost[taken].sum() - cost[2]
    assert spent <= 20
    assert np.delete(cost, taken).min() > 20 - spent
    assert selection.summary["stopped_by"] == "money"
    assert selection.summary["money_spent"] == pytest.approx(spent)


@every_strategy
def test_constraints_that_leave_too_few(strategy):
    with pytest.raises(InputError, match=f"of which 3 are measured or excluded.*from 1 to {POOL - 3}"):
        select(
            strategy,
            POOL - 2,
            what=dataclasses.replace(
                PROBLEM, constraints=Constraints(measured=np.array([1, 2]), exclude=np.array([8]))
            ),
        )
    with pytest.raises(InputError, match=r"include: 3 perturbations do not fit into a budget of 2"):
        select(
            strategy,
            2,
            what=dataclasses.replace(PROBLEM, constraints=Constraints(include=np.array([1, 2, 3]))),
        )
