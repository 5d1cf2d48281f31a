"""Learning curves and the areas under them: hand-made scores with known answers."""

import pandas as pd
import pytest
from hand_made_scores import study

from perturbselect.scores.curves import area_under_curve, learning_curves


def test_learning_curves(whole):
    curves = learning_curves(whole)
    row = curves.query(
        "model == 'gears' and strategy == 'random' and budget == '20' and metric == 'mse'"
    ).iloc[0]
    assert row["mean"] == pytest.approx(0.65)
    assert row["n_runs"] == 2
    assert row["n_selected"] == 20
    assert (row["low"], row["high"]) == (pytest.approx(0.6), pytest.approx(0.7))
    ceiling = curves[curves["model"] == "split_half"].iloc[0]
    assert ceiling["mean"] == pytest.approx(0.01)
    assert pd.isna(ceiling["budget"])
    assert pd.isna(ceiling["n_selected"])
    same = learning_curves(whole.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(curves, same)


def test_area_is_the_mean_over_budgets_of_complete_runs():
    scores = study({"random": [0.9, 0.6, 0.3]}, jitter=0.2)
    area = area_under_curve(scores).iloc[0]
    assert area["area"] == pytest.approx(0.7)
    assert area["n_budgets"] == 3
    assert area["n_runs"] == 2
    lacking = scores[~((scores["split"] == 1) & (scores["budget"] == "10"))]
    area = area_under_curve(lacking).iloc[0]
    assert area["area"] == pytest.approx(0.6)
    assert area["n_runs"] == 1
