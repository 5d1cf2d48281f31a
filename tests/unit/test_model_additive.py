"""Combinations as sums of single perturbations."""

import numpy as np
import pandas as pd
from anndata import AnnData

from perturbselect.models.additive import Additive
from perturbselect.models.model import Knowledge


def predict(training, test):
    table = pd.DataFrame(training, index=["g1", "g2"]).T
    measured = AnnData(table.to_numpy(np.float32), obs=pd.DataFrame(index=table.index))
    return Additive().predict(measured, np.array(test), Knowledge(), 0, "cpu")


def test_sums():
    prediction = predict({"A": [1, 0], "B": [3, 2], "A+C": [9, 9]}, ["A+B", "B+C", "D", "C+D", "A+B+C"])
    assert prediction.mean.tolist() == [[4, 2], [5, 3], [2, 1], [4, 2], [6, 3]]
    assert prediction.summary["unmeasured"] == 2


def test_only_combinations_measured():
    assert predict({"A+B": [4, 2], "A+C": [8, 2]}, ["D", "B+C"]).mean.tolist() == [[3, 1], [6, 2]]
