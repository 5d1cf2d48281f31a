"""Paired differences to the baseline: hand-made scores with known answers."""

import numpy as np
import pytest
from hand_made_scores import rounded_study, study

from perturbselect.scores.comparisons import comparisons


def test_comparisons_pair_by_run():
    """The strategy is 0.1 better in every run, though runs differ by far more than that."""
    runs = [(split, seed) for split in range(3) for seed in range(2)]
    compared = comparisons(study({"random": [0.8], "graphreach": [0.7]}, runs=runs, jitter=1.0))
    row = compared.iloc[0]
    assert row["difference"] == pytest.approx(-0.1)
    assert row["low"] == pytest.approx(-0.1)
    assert row["high"] == pytest.approx(-0.1)
    assert row["effect_size"] == -1
    assert row["n_pairs"] == 6
    assert row["better"] == "lower"
    assert row["p"] == pytest.approx(2 / 2**6)
    assert row["p_holm"] == row["p"]


def test_comparisons_use_the_runs_in_common_and_say_how_many():
    scores = study({"random": [0.8], "degree": [0.7], "graphreach": [0.6]}, runs=[(0, 0), (1, 0), (2, 0)])
    scores = scores[~((scores["strategy"] == "degree") & (scores["split"] == 2))]
    pairs = comparisons(scores).set_index("strategy")["n_pairs"]
    assert pairs.to_dict() == {"degree": 2, "graphreach": 3}
    assert comparisons(scores)["p"].isna().all()


def test_holm_runs_over_strategies_of_one_budget():
    runs = [(split, 0) for split in range(6)]
    compared = comparisons(study({"random": [1, 1], "a": [2, 2], "b": [3, 3], "c": [4, 4]}, runs=runs))
    np.testing.assert_allclose(compared["p_holm"], 3 * compared["p"])


def test_comparison_of_a_metric_with_a_target():
    """A spread of 1.2 is nearer to 1 than one of 0.5, and as far as one of 0.8."""
    compared = comparisons(study({"random": [0.5], "a": [1.2], "b": [1.5]}, metric="spread_ratio"))
    difference = compared.set_index("strategy")["difference"]
    assert difference["a"] == pytest.approx(-0.3)
    assert difference["b"] == pytest.approx(0)


def test_rounding_is_no_difference():
    compared = comparisons(rounded_study())
    assert (compared[["difference", "low", "high", "effect_size"]] == 0).all(axis=None)
    assert (compared["p_holm"] == 1).all()
