"""What came of a study in five sentences."""

import pandas as pd
import pytest
from hand_made_scores import REFERENCES, study

from perturbselect.config import Laboratory
from perturbselect.report.five_sentences import five_sentences
from perturbselect.scores.comparisons import comparisons
from perturbselect.scores.curves import learning_curves
from perturbselect.scores.data_saving import data_saving
from perturbselect.scores.laboratory import laboratory_table
from perturbselect.scores.summary import summary

SIMPLE = ["kernel_ridge", "control_mean", "training_mean"]


def told(scores, network="gears", metric="mse", baseline="random"):
    """The sentences of a study's scores."""
    curves = learning_curves(scores)
    best = summary(curves, comparisons(scores, baseline), metrics=[metric], network=network)
    days = laboratory_table(curves, Laboratory())
    about = {"baseline": baseline, "simple": SIMPLE, "network": network, "metric": metric}
    return five_sentences(best, data_saving(scores, baseline), days, **about)


def runs(count):
    return [(split, 0) for split in range(count)]


def test_five_sentences():
    scores = pd.concat(
        [
            study({"random": [0.8, 0.6], "degree": [0.6, 0.3]}, runs=runs(6), jitter=0.001),
            study({"random": [0.9, 0.7], "degree": [0.9, 0.8]}, runs=runs(6), jitter=0.001).assign(
                dataset="e"
            ),
            study({"random": [0.5, 0.4]}, runs=runs(6), model="kernel_ridge"),
            REFERENCES,
        ]
    )
    won, much, surely, simple, cost = told(scores)
    assert won.startswith("Best by MSE (squared response) (lower is better): degree with gears in d (0.302")
    assert "random with gears in e (0.703" in won
    assert (
        "in d it differs from random by -0.3; with 10 picked it does as well as random with 2 times as many"
        in much
    )
    assert "in e the winner is random, the baseline itself" in much
    assert "in d the difference is clear of 0" in surely
    assert "Holm-adjusted p 0.0312, 6 runs" in surely
    assert "in e there is no difference to test" in surely
    assert "best of 2 strategies" in surely
    assert "in d kernel_ridge reaches 0.4, not better than the network gears (0.302)" in simple
    assert "in e none was run" in simple
    assert "20 perturbations of d take " in cost
    assert "USD" in cost
    assert "in 10 rounds" in cost


@pytest.mark.parametrize(("count", "words"), [(1, "1 run tells nothing"), (5, "5 runs are too few to tell")])
def test_too_few_runs_are_said_to_be_too_few(count, words):
    sentences = told(study({"random": [0.8], "degree": [0.6]}, runs=runs(count)))
    assert f"in d {words}" in sentences[2]
    assert ("one run" in sentences[0]) == (count == 1)


def test_a_simple_model_that_wins_is_named():
    scores = pd.concat([study({"random": [0.8]}), study({"random": [0.5]}, model="kernel_ridge")])
    sentences = told(scores)
    assert "random with kernel_ridge in d" in sentences[0]
    assert "kernel_ridge reaches 0.5, better than the network gears (0.8)" in sentences[3]
    assert "network" not in told(scores, network=None)[3]
    assert "in d there is no baseline" in told(study({"degree": [0.8]}), baseline=None)[1]


def test_why_a_winner_has_no_difference_to_the_baseline():
    scores = study({"random": [0.6], "degree": [0.8]})
    assert "in d the winner is random, the baseline itself" in told(scores)[1]
    finished = scores[(scores["strategy"] == "random") != (scores["split"] == 0)]  # runs: finished
    assert "random with gears in d" in told(finished)[0]
    apart = finished.replace({"value": {0.6: 0.9}})
    assert "degree with gears in d" in told(apart)[0]
    assert "in d the winner has no run in common with random, the baseline" in told(apart)[1]


def test_an_empty_study_says_so():
    (sentence,) = told(REFERENCES)
    assert "nothing to compare" in sentence
    (sentence,) = told(study({"random": [0.8]}), metric="calibration")
    assert "nothing to compare" in sentence
