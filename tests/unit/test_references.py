"""Floors and ceiling stand in every table of scores."""

import pytest
from hand_made_scores import study

from perturbselect.scores.comparisons import comparisons
from perturbselect.scores.curves import area_under_curve
from perturbselect.scores.data_saving import data_saving


@pytest.mark.parametrize("table", [comparisons, area_under_curve, data_saving])
def test_each_row_has_the_means_of_floors_and_ceiling(whole, table):
    whole.loc[(whole["model"] == "control_mean") & (whole["split"] == 1), "value"] = 0.7
    mse = table(whole).query("metric == 'mse'")
    assert len(mse)
    assert mse["control_mean"].to_numpy() == pytest.approx(0.8)  # of splits with 0.9 and 0.7
    assert mse["training_mean"].to_numpy() == pytest.approx(0.5)
    assert mse["split_half"].to_numpy() == pytest.approx(0.01)
    others = table(whole).query("metric != 'mse'")
    assert others[["control_mean", "training_mean", "split_half"]].isna().all(axis=None)


@pytest.mark.parametrize("table", [comparisons, area_under_curve, data_saving])
def test_references_of_another_dataset_stay_there(whole, table):
    other = study({"random": [0.8, 0.6], "degree": [0.9, 0.7]}).assign(dataset="other")
    both = table(whole.merge(other, how="outer"))
    assert both.query("dataset == 'other'")["control_mean"].isna().all()
    assert both.query("dataset == 'd' and metric == 'mse'")["control_mean"].notna().all()
