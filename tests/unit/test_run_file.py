"""The predictions of a run, all its budgets, in one file."""

import numpy as np
import pandas as pd
import pytest

from perturbselect.files import read_h5ad, write_h5ad
from perturbselect.models.model import Prediction
from perturbselect.models.run_file import by_budget, join_budgets

TEST, GENES = np.array(["t2", "t1", "007"]), ["g1", "g2"]
ABOUT = {"dataset": "d", "model": "m", "strategy": "s", "split": 1, "seed": 0, "simulated": True}


def prediction(value, **more):
    return Prediction(np.arange(6, dtype=np.float32).reshape(3, 2) + value, **more)


def test_budgets_come_back_as_they_were_put_in(tmp_path):
    shares = np.random.default_rng(0).random((3, 2, 4)).astype(np.float32)
    made = {
        "10": prediction(10, variance=np.ones((3, 2)), histograms=shares),
        "4": prediction(4, variance=np.full((3, 2), 2.0), histograms=shares / 2),
    }
    run = join_budgets(made, {"10": 9, "4": 4}, TEST, GENES, ABOUT)
    assert run.obs_names.is_unique
    write_h5ad(run, tmp_path / "run.h5ad")
    found = list(by_budget(read_h5ad(tmp_path / "run.h5ad")))
    assert [part.uns["budget"] for part in found] == ["10", "4"]
    assert [part.uns["n_selected"] for part in found] == [9, 4]
    for part, given in zip(found, made.values(), strict=True):
        assert part.obs_names.tolist() == TEST.tolist()
        assert part.var_names.tolist() == GENES
        assert part.uns["simulated"]
        assert part.uns["strategy"] == "s"
        np.testing.assert_array_equal(part.X, given.mean)
        np.testing.assert_array_equal(part.layers["variance"], given.variance)
        np.testing.assert_array_equal(part.obsm["histograms"], given.histograms)


def test_a_variance_that_one_budget_lacks_is_left_out():
    made = {"4": prediction(0), "8": prediction(1, variance=np.ones((3, 2)))}
    run = join_budgets(made, {"4": 4, "8": 8}, TEST, pd.Index(GENES), ABOUT)
    assert "variance" not in run.layers
    assert run.X.dtype == np.float32


@pytest.mark.parametrize("budget", ["20pct", "5"])
def test_one_budget_is_a_run_too(budget):
    (part,) = by_budget(join_budgets({budget: prediction(0)}, {budget: 3}, TEST, GENES, ABOUT))
    assert part.uns["budget"] == budget
