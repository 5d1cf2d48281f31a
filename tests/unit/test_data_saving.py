"""Data-saving factors: hand-made scores with known answers."""

import numpy as np
import pandas as pd
import pytest
from hand_made_scores import rounded_study, study

from perturbselect.scores.data_saving import data_saving


@pytest.mark.parametrize(
    ("values", "factors", "bounds"),
    [
        # random: .8 at 10, .6 at 20, .4 at 40
        ([0.7, 0.5, 0.3], [15 / 10, 30 / 20, 40 / 40], ["", "", ">"]),
        ([0.9, 0.8, 0.4], [10 / 10, 10 / 20, 40 / 40], ["<", "", ""]),
        # A worse score at a later budget does not confuse: values are read as they are.
        ([0.35, 0.65, 0.45], [40 / 10, 17.5 / 20, 35 / 40], [">", "", ""]),
    ],
)
@pytest.mark.parametrize("metric", ["mse", "pearson_delta"])
def test_data_saving_by_hand(values, factors, bounds, metric):
    sign = 1 if metric == "mse" else -1
    curves = {"random": [0.8, 0.6, 0.4], "graphreach": values}
    scores = study({k: [sign * x for x in v] for k, v in curves.items()}, metric=metric)
    saving = data_saving(scores)
    np.testing.assert_allclose(saving["factor"], factors)
    assert saving["bound"].fillna("").tolist() == bounds
    np.testing.assert_allclose(saving["low"], factors)  # all runs alike


def test_data_saving_makes_the_random_curve_monotone():
    """.8, .5, .6, .4 becomes .8, .55, .55, .4: .55 is first reached at 20, .475 halfway from 40 to 80."""
    saving = data_saving(study({"random": [0.8, 0.5, 0.6, 0.4], "a": [0.55, 0.475, 0.4, 0.4]}))
    np.testing.assert_allclose(saving["factor"], [20 / 10, 60 / 20, 80 / 40, 80 / 80])


def test_data_saving_interval_contains_the_factor():
    generator = np.random.default_rng(0)
    runs = [(split, 0) for split in range(8)]
    scores = study({"random": [0.8, 0.6, 0.4], "a": [0.7, 0.5, 0.45]}, runs=runs)
    scores["value"] += generator.normal(0, 0.03, size=len(scores))
    saving = data_saving(scores)
    assert (saving["low"] <= saving["factor"]).all()
    assert (saving["factor"] <= saving["high"]).all()
    assert (saving["low"] < saving["high"]).any()
    pd.testing.assert_frame_equal(saving, data_saving(scores))


def test_an_end_of_the_interval_beyond_the_curve_is_a_bound():
    """Two runs: in one the strategy is beyond random's end, in the other it is before its start."""
    random = {"random": [0.8, 0.6, 0.4]}
    good = study(random | {"a": [0.3, 0.3, 0.3]}, runs=[(0, 0)])
    bad = study(random | {"a": [0.9, 0.9, 0.9]}, runs=[(1, 0)])
    saving = data_saving(pd.concat([good, bad], ignore_index=True)).iloc[0]
    assert saving["factor"] == 2  # .6 is reached at 20
    assert pd.isna(saving["bound"])
    assert (saving["low"], saving["low_bound"]) == (1, "<")
    assert (saving["high"], saving["high_bound"]) == (4, ">")
    within = data_saving(study(random | {"a": [0.7, 0.5, 0.4]}, jitter=0.01))
    assert within[["low_bound", "high_bound"]].isna().all(axis=None)
    assert data_saving(good)["high_bound"].isna().all()  # a single run has no interval


def test_rounding_is_no_saving():
    """A hundred-millionth better than random at its end is no bound."""
    saving = data_saving(rounded_study())
    np.testing.assert_allclose(saving["factor"], 1, rtol=1e-6)
    assert saving[["bound", "low_bound", "high_bound"]].isna().all(axis=None)
