"""The best strategies, and what the report says of them."""

import pandas as pd
import pytest
from hand_made_scores import REFERENCES, rounded_study, study

from perturbselect.report.overview import best_strategies, statements, warnings
from perturbselect.report.plain_text import text_summary
from perturbselect.scores.comparisons import comparisons
from perturbselect.scores.curves import learning_curves
from perturbselect.scores.data_saving import data_saving
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.summary import simple_models, summary
from perturbselect.table_schema import check_table, table_schema


def test_summary_names_the_best_and_the_simple_model_that_beats_the_network(whole):
    best = summary(learning_curves(whole), comparisons(whole))
    check_table(best, table_schema("summary"))
    mse = best[best["metric"] == "mse"].set_index("model")
    assert mse.loc["gears", "strategy"] == "graphreach"
    assert mse.loc["gears", "budget"] == "40"
    assert mse.loc["gears", "difference"] == pytest.approx(-0.1)
    assert mse.loc["gears", "beaten_by"] == "kernel_ridge"
    assert "control_mean" in mse.index
    assert pd.isna(mse.loc["kernel_ridge", "beaten_by"])
    assert mse.loc["training_mean", "mean"] == pytest.approx(0.5)
    (warning,) = warnings(best, "gears")
    assert "kernel_ridge (0.15) against gears (0.35)" in warning
    (sentence,) = statements(best)
    assert "gears, 40 perturbations picked: degree is best" in sentence  # all alike: the first by name
    assert "best of 3 strategies" in sentence
    assert "(2 runs: too few to tell)" in sentence
    assert "clear of 0" not in sentence


@pytest.mark.parametrize(
    ("runs", "others", "words"),
    [
        (1, 1, "1 run: too few to tell"),
        (5, 1, "5 runs: too few to tell"),
        (6, 1, "; clear of 0, Holm-adjusted p 0.0312)"),
        (6, 2, "; not clear of 0, Holm-adjusted p 0.0625)"),  # interval apart from 0, but two tests
    ],
)
def test_a_difference_is_clear_only_with_enough_runs(runs, others, words):
    curves = {"random": [0.1], "a": [0.3], "b": [0.2]}
    curves = dict(list(curves.items())[: 1 + others])
    pairs = [(split, 0) for split in range(runs)]
    scores = study(curves, runs=pairs, metric="pearson_delta_perturbed_ref", jitter=0.01)
    best = summary(learning_curves(scores), comparisons(scores))
    check_table(best, table_schema("summary"))
    assert best["n_pairs"].tolist() == [runs]
    assert best["n_strategies"].tolist() == [1 + others]
    (sentence,) = statements(best.astype({"n_strategies": float, "n_pairs": float}))  # as read from TSV
    assert words in sentence
    assert f"best of {1 + others} strategies" in sentence
    assert best_strategies(best)["clear of 0"].tolist() == [
        "too few runs" if runs < 6 else {1: "yes", 2: "no"}[others]
    ]


def test_labels_of_the_users_choice(whole):
    """`rand: {strategy: random}`, `net: {model: gears}`, `ridge: {model: kernel_ridge}`."""
    labels = {"random": "rand", "gears": "net", "kernel_ridge": "ridge"}
    renamed = whole.replace({"strategy": labels, "model": labels})
    compared = comparisons(renamed, "rand")
    assert set(compared["baseline"]) == {"rand"}
    assert len(compared) == len(comparisons(whole))
    assert len(data_saving(renamed, "rand")) == len(data_saving(whole))
    curves = learning_curves(renamed)
    best = summary(curves, compared, network="net", simple=simple_models(["ridge"]))
    assert best.dropna(subset="beaten_by").set_index("model")["beaten_by"].to_dict() == {"net": "ridge"}
    (warning,) = warnings(best, "net")
    assert "ridge (0.15) against net (0.35)" in warning
    assert "ridge (0.15) against net (0.35)" in text_summary("S", curves, best, ["mse"], network="net")
    for table in (comparisons(renamed, None), data_saving(renamed, None)):
        assert table.empty
    assert summary(curves, compared, network=None)["beaten_by"].isna().all()


def test_a_simple_model_of_any_kind_beats_a_network_of_any_kind(whole):
    renamed = whole.replace({"model": {"gears": "graphnet", "kernel_ridge": "knn_graph"}})
    labels = simple_models(["knn_graph"])
    assert labels == ["knn_graph", "control_mean", "training_mean"]
    for simple in (labels, None):
        best = summary(learning_curves(renamed), comparisons(renamed), network="graphnet", simple=simple)
        assert best.dropna(subset="beaten_by").set_index("model")["beaten_by"].to_dict() == {
            "graphnet": "knn_graph"
        }


def test_rounding_makes_no_winner():
    """`same` is better by 1e-8: a tie, and the first name stands."""
    scores = rounded_study()
    assert summary(learning_curves(scores), comparisons(scores))["strategy"].tolist() == ["random"]


def test_text_of_a_metric_that_no_model_has():
    scores = study({"random": [0.8]}, runs=[(0, 0)])
    curves = learning_curves(scores)
    best = summary(curves, comparisons(scores))
    text = text_summary("S", curves, best, ["calibration", "mse"], network="gears")
    assert f"d: {METRICS['calibration'].label}: no model of this study has it" in text
    assert "(mean of 1 run)" in text


def test_the_floors_training_mean_can_beat_the_network():
    scores = pd.concat([study({"random": [0.9, 0.7]}), REFERENCES])
    best = summary(learning_curves(scores), comparisons(scores))
    assert best.set_index("model").loc["gears", "beaten_by"] == "training_mean"


def test_strategies_that_pick_fewer_at_the_largest_budget_stay():
    """Pools and money differ by split and strategy: the mean number of picks is no name of a budget."""
    scores = study({"random": [0.9, 0.5], "thrifty": [0.8, 0.1]}, runs=[(0, 0), (1, 0)])
    scores["budget"] = scores["budget"].map({"10": "10pct", "20": "20pct"})
    fewer = (scores["strategy"] == "thrifty") & (scores["budget"] == "20pct") & (scores["split"] == 0)
    scores.loc[fewer, "n_selected"] = 19
    best = summary(learning_curves(scores), comparisons(scores), metrics=["mse"]).iloc[0]
    assert best[["strategy", "budget", "n_selected", "mean", "n_strategies"]].tolist() == [
        "thrifty",
        "20pct",
        19.5,
        pytest.approx(0.1),
        2,
    ]
