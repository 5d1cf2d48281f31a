"""Selective prediction: the curve by hand and by brute force, the table."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from perturbselect.report.risk_coverage import plot
from perturbselect.scores.risk_coverage import risk_coverage, risk_curve
from perturbselect.table_schema import check_table, table_schema

RUN = {"dataset": "d", "model": "m", "strategy": "random", "split": 0, "seed": 0, "budget": "9"}


def scores_of(error, variance, **run):
    """Table ``perturbation_scores`` of a run whose test perturbations have these errors and variances."""
    names = [f"P{i}" for i in range(len(error))]
    values = {"mse": np.array(error)}
    if variance is not None:
        values["predicted_variance"] = np.array(variance)
    parts = [
        pd.DataFrame({"perturbation": names, "metric": metric, "value": value, "undefined": 0})
        for metric, value in values.items()
    ]
    return pd.concat(parts, ignore_index=True).assign(**RUN | {"n_selected": 9} | run)


def test_curve_by_hand():
    error, uncertainty = np.array([4.0, 1.0, 1.0, 2.0]), np.array([0.3, 0.1, 0.4, 0.2])
    np.testing.assert_allclose(risk_curve(error, uncertainty), [1, 1.5, 7 / 3, 2])
    np.testing.assert_allclose(risk_curve(error, error), [1, 1, 4 / 3, 2])
    np.testing.assert_allclose(risk_curve(error, np.ones(4)), 2)


def test_ties_are_the_mean_over_all_their_orders():
    generator = np.random.default_rng(0)
    error, uncertainty = generator.uniform(size=6), np.array([1, 0, 1, 1, 2, 0])
    curves = []
    for order in permutations(range(6)):
        if np.all(np.diff(uncertainty[list(order)]) >= 0):
            curves.append(np.cumsum(error[list(order)]) / np.arange(1, 7))
    np.testing.assert_allclose(risk_curve(error, uncertainty), np.mean(curves, axis=0))
    shuffled = generator.permutation(6)
    np.testing.assert_allclose(
        risk_curve(error, uncertainty), risk_curve(error[shuffled], uncertainty[shuffled])
    )


def test_table():
    first = scores_of(np.arange(1.0, 11), np.arange(1.0, 11))  # certain where it is right
    second = scores_of(np.arange(1.0, 11), np.arange(11.0, 1, -1), split=1)  # the other way round
    without = scores_of(np.arange(1.0, 11), None, model="no_variance")
    table = risk_coverage(pd.concat([first, second, without], ignore_index=True))
    check_table(table, table_schema("risk_coverage"))
    assert list(table.columns) == list(table_schema("risk_coverage")["properties"])
    assert set(table["model"]) == {"m"}
    risk = table.set_index(["order", "coverage"])["risk"]
    assert risk["predicted", 0.1] == (1 + 10) / 2
    assert risk["ideal", 0.2] == 1.5
    assert risk["random", 0.3] == pytest.approx(5.5)
    assert (risk.xs(1.0, level="coverage") == 5.5).all()
    area = table.groupby("order")["area"].first()
    assert area["ideal"] == pytest.approx(np.mean([np.arange(1, k + 1).mean() for k in range(1, 11)]))
    assert area["ideal"] < area["random"]
    assert (table["n_runs"] == 2).all()


def test_equal_variances_tie_however_the_errors_round():
    error = np.random.default_rng(0).uniform(0.1, 3, size=60)
    table = risk_coverage(scores_of(error, np.full(60, 0.3)))
    predicted = table[table["order"] == "predicted"]
    np.testing.assert_allclose(predicted["risk"], error.mean())


def test_a_variance_of_zero_is_the_most_certain():
    table = risk_coverage(scores_of([3.0, 1.0, 2.0, 0.0], [0.0, 2.0, 1.0, 3.0]))
    risk = table[table["order"] == "predicted"].set_index("coverage")["risk"]
    assert risk[0.1] == 3
    assert risk[1.0] == 1.5


def test_all_that_is_drawn_lies_in_the_panels():
    """The second budget's curve rises above the first one's: its panel shares the axis."""
    small = scores_of([1.0, 1.0, 1.1, 1.0], [1.0, 2.0, 3.0, 4.0])
    large = scores_of([9.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0], budget="20", n_selected=20)
    curves = risk_coverage(pd.concat([small, large], ignore_index=True))
    figure = plot(curves, strategies=["random"], name="d")
    for axis in figure.axes:
        bottom, top = axis.get_ylim()
        drawn = np.concatenate([line.get_ydata() for line in axis.lines])
        assert bottom == 0
        assert drawn.max() <= top


def test_with_few_perturbations_one_is_kept():
    table = risk_coverage(scores_of([2.0, 1.0], [1.0, 3.0]))
    assert table.set_index(["order", "coverage"])["risk"]["predicted", 0.1] == 2
    assert table["low"].isna().all()  # a single run


def test_without_a_variance_the_table_is_empty():
    table = risk_coverage(scores_of([2.0, 1.0], None))
    assert table.empty
    check_table(table, table_schema("risk_coverage"))
