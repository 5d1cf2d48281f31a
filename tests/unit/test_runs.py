"""The table of runs' scores: means over test perturbations."""

import numpy as np
import pandas as pd
import pytest
from hand_made_scores import frame

from perturbselect.errors import InputError
from perturbselect.files import write_tsv
from perturbselect.scores.runs import missing_runs, read_scores, run_scores
from perturbselect.table_schema import check_table, table_schema


def test_run_scores_average_each_run_of_each_frame():
    both_budgets = pd.concat(
        [frame([1.0, 3.0], [0, 0]), frame([2.0, np.nan, 4.0], [0, 1, 0], budget="10", n_selected=10)]
    )
    floors = frame([7.0], [0], model="control_mean", strategy=None, seed=None, budget=None, n_selected=None)
    table = run_scores(iter([both_budgets, floors, floors.iloc[:0]]))
    check_table(table, table_schema("scores"))
    mse = table[table["metric"] == "mse"].set_index("n_selected")
    assert mse.loc[5, "value"] == 2
    assert mse.loc[5, "n_perturbations"] == 2
    assert mse.loc[10, "value"] == 3
    assert mse.loc[10, "n_perturbations"] == 3
    assert mse.loc[10, "undefined"] == 1
    of_set = table[table["metric"] == "spread_ratio"]
    assert len(of_set) == 3
    assert (of_set["value"] == 0.5).all()
    assert sorted(of_set["n_perturbations"]) == [1, 2, 3]
    assert table.loc[table["model"] == "control_mean", "strategy"].isna().all()


def test_an_empty_study_is_refused():
    with pytest.raises(InputError, match="no scores"):
        run_scores([])


def test_scores_survive_the_file(whole, tmp_path):
    write_tsv(whole, tmp_path / "scores.tsv")
    pd.testing.assert_frame_equal(
        read_scores(tmp_path / "scores.tsv").fillna({"strategy": "", "budget": ""}),
        whole.fillna({"strategy": "", "budget": ""}),
    )


def test_missing_runs_name_their_logs():
    run = {"dataset": "d", "model": "gears", "strategy": "far", "split": 2, "seed": 0, "log": "a.log"}
    table = missing_runs([run, run | {"split": 3, "log": "b.log"}])
    check_table(table, table_schema("missing_runs"))
    assert table["split"].tolist() == [2, 3]
    assert table["log"].tolist() == ["a.log", "b.log"]
    check_table(missing_runs([]), table_schema("missing_runs"))
