"""Floors and ceiling stand in every table of scores: as columns, or as rows without a strategy."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hand_made_scores import study

from perturbselect.graphs.graph import Graph
from perturbselect.scores.comparisons import comparisons
from perturbselect.scores.curves import area_under_curve, learning_curves
from perturbselect.scores.data_saving import data_saving
from perturbselect.scores.distance import error_by_distance
from perturbselect.scores.score import REFERENCES
from perturbselect.scores.summary import summary
from perturbselect.table_schema import FOLDER, check_table, table_schema

# Strategies against each other: there floors are no contenders (docs/metrics.md).
CONTENDERS_ONLY = {"ranks", "pairs", "strategy_tests", "variance"}


def best(scores):
    return summary(learning_curves(scores), comparisons(scores), metrics=scores["metric"].unique())


def by_distance(scores):
    """Each score as that of one perturbation, next to the measured one; of the first dataset."""
    scores = scores[scores["dataset"].isin(scores["dataset"].head(1))].assign(perturbation="B")
    graph = Graph(np.array(["A", "B"]), sp.csr_array(np.array([[0, 1.0], [1, 0]])), np.ones(2, bool))
    runs = scores.dropna(subset="strategy")[["strategy", "split", "seed"]].drop_duplicates()
    return error_by_distance(
        scores, {"g": graph}, {(name, int(a), int(b)): ["A"] for name, a, b in runs.to_numpy()}
    )


COLUMNS = {
    "comparisons": comparisons,
    "areas": area_under_curve,
    "data_saving": data_saving,
    "summary": best,
    "error_by_distance": by_distance,
}


@pytest.mark.parametrize("name", COLUMNS)
def test_each_row_has_the_means_of_floors_and_ceiling(whole, name):
    whole.loc[(whole["model"] == "control_mean") & (whole["split"] == 1), "value"] = 0.7
    table = COLUMNS[name](whole)
    check_table(table, table_schema(name))
    assert list(table.columns) == list(table_schema(name)["properties"])
    mse = table.query("metric == 'mse'")
    assert len(mse)
    assert mse["control_mean"].to_numpy() == pytest.approx(0.8)  # of splits with 0.9 and 0.7
    assert mse["training_mean"].to_numpy() == pytest.approx(0.5)
    assert mse["split_half"].to_numpy() == pytest.approx(0.01)
    others = table.query("metric != 'mse'")
    assert len(others)
    assert others[list(REFERENCES)].isna().all(axis=None)


@pytest.mark.parametrize("name", COLUMNS)
def test_references_of_another_dataset_stay_there(whole, name):
    other = study({"random": [0.8, 0.6], "degree": [0.9, 0.7]}).assign(dataset="other")
    if name == "error_by_distance":  # of one dataset
        assert by_distance(pd.concat([other, whole]))["control_mean"].isna().all()
        return
    both = COLUMNS[name](whole.merge(other, how="outer"))
    assert both.query("dataset == 'other'")["control_mean"].isna().all()
    assert both.query("dataset == 'd' and metric == 'mse'")["control_mean"].notna().all()


@pytest.mark.parametrize("name", COLUMNS)
def test_a_study_without_scores_has_the_columns_too(whole, name):
    empty = COLUMNS[name](whole.iloc[:0])
    assert empty.empty
    assert set(REFERENCES) <= set(empty.columns)


def test_learning_curves_have_them_as_rows(whole):
    rows = learning_curves(whole).query("strategy.isna()")
    assert set(rows["model"]) == set(REFERENCES)


def test_every_table_of_scores_has_them():
    of_metrics = {path.stem for path in FOLDER.glob("*.json")}
    of_metrics = {name for name in of_metrics if "metric" in table_schema(name)["properties"]}
    for name in of_metrics - CONTENDERS_ONLY:
        columns = table_schema(name)["properties"]
        as_rows = "null" in columns["strategy"]["type"] and "split_half" in columns["model"]["description"]
        assert set(REFERENCES) <= set(columns) or as_rows, name
    assert set(COLUMNS) < of_metrics
    assert of_metrics > CONTENDERS_ONLY
