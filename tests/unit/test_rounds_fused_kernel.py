"""Fused kernels."""

import numpy as np
import pandas as pd
import pytest

from perturbselect.errors import InputError
from perturbselect.rounds.engine.fused_kernel import fuse, prior_kernels

A, B = np.array([[4.0, 2.0], [2.0, 3.0]]), np.array([[1.0, 0.5], [0.5, 10.0]])


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("mean", [[0.55, 0.275], [0.275, 0.875]]),
        ("max", [[1.0, 0.5], [0.5, 1.0]]),
        ("product", [[0.1, 0.025], [0.025, 0.75]]),
    ],
)
def test_fusion_of_max_normalised_kernels(how, expected):
    assert np.allclose(fuse([A, B], how), expected)


def test_kernels_without_a_positive_value_say_nothing():
    assert np.allclose(fuse([A, np.zeros((2, 2))], "product"), A / 4)
    assert (fuse([np.zeros((2, 2))], "mean") == 0).all()


def test_prior_kernels_take_the_order_of_the_names():
    kernel = pd.DataFrame(np.arange(9.0).reshape(3, 3), list("abc"), list("cab"))
    (values,) = prior_kernels({"go": kernel}, ["go"], np.array(["c", "a"]))
    assert values.tolist() == [[6.0, 7.0], [0.0, 1.0]]


def test_priors_that_are_no_numbers_are_refused():
    kernel = pd.DataFrame([[1.0, np.nan], [np.nan, 1.0]], list("ab"), list("ab"))
    with pytest.raises(InputError, match="kernel 'go': perturbation 'a'"):
        prior_kernels({"go": kernel}, ["go"], np.array(["a", "b"]))
