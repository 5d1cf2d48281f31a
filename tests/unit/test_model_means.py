"""The two models that know nothing of the perturbation, and what every model checks."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from pydantic import TypeAdapter, ValidationError

from perturbselect.errors import InputError
from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge, Prediction

TRAINING = AnnData(np.array([[1.0, 2], [3, -2]], np.float32), obs=pd.DataFrame(index=["A", "B"]))


def predict(name, training=TRAINING):
    return MODELS[name]().predict(training, np.array(["C", "A+D", "E"]), Knowledge(), 0, "cpu")


def test_control_mean_predicts_no_response():
    assert np.array_equal(predict("control_mean").mean, np.zeros((3, 2), np.float32))


def test_training_mean_predicts_the_mean_of_the_rows():
    mean = predict("training_mean").mean
    assert np.array_equal(mean, np.array([[2, 0]] * 3, np.float32))
    assert mean.dtype == np.float32


@pytest.mark.parametrize("part", ["mean", "variance"])
def test_a_prediction_that_is_not_finite_is_a_failed_run(part):
    values = {"mean": np.zeros((2, 3), np.float32), "variance": np.ones((2, 3), np.float32)}
    values[part][1, 2] = np.nan
    with pytest.raises(InputError, match="the model diverged: 1 values"):
        Prediction(**values)


def test_a_response_that_is_not_finite_is_named():
    broken = TRAINING.copy()
    broken.X[1, 0] = np.nan
    with pytest.raises(InputError, match=r"'B'.*'0'"):
        predict("training_mean", broken)


def test_no_training_perturbation():
    with pytest.raises(InputError, match="budget"):
        predict("training_mean", TRAINING[:0].copy())


def test_registry_knows_the_models():
    assert set(MODELS) >= {"control_mean", "training_mean", "kernel_ridge", "gears"}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("kernel_ridge", {"kernel": "k", "penalty": 0}),
        ("kernel_ridge", {}),
        ("gears", {"steps": 0}),
        ("gears", {"loss": "cubic"}),
        ("gears", {"hiden": 3}),
    ],
)
def test_options_are_checked(name, options):
    with pytest.raises(ValidationError):
        TypeAdapter(MODELS[name]).validate_python(options)
