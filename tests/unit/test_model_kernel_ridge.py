"""Kernel ridge against refits with each training perturbation left out."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from perturbselect.errors import InputError
from perturbselect.models.kernel_ridge import KernelRidge
from perturbselect.models.model import Knowledge

NAMES = np.array([f"P{i:02d}" for i in range(12)])


def problem(n=9, genes=5, seed=0, kernel_rank=12):
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((len(NAMES), kernel_rank))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    kernel = pd.DataFrame(features @ features.T, index=NAMES, columns=NAMES)
    signal = features @ generator.standard_normal((kernel_rank, genes)) + 2
    training = AnnData(
        (signal + 0.3 * generator.standard_normal(signal.shape))[:n].astype(np.float32),
        obs=pd.DataFrame(index=NAMES[:n]),
    )
    return training, NAMES[n:], kernel


def refit(kernel, training, test, responses, penalty):
    """The best linear unbiased predictor with an unknown mean, from the bordered system."""
    n = len(training)
    bordered = np.ones((n + 1, n + 1))
    bordered[n, n] = 0
    bordered[:n, :n] = kernel.loc[training, training] + penalty * np.eye(n)
    right = np.vstack([kernel.loc[training, test], np.ones((1, len(test)))])
    return np.linalg.solve(bordered, right)[:n].T @ responses


def predict(model, training, test, kernel):
    return model.predict(training, test, Knowledge(kernel=kernel), 0, "cpu")


def test_prediction_is_the_best_linear_unbiased_one():
    training, test, kernel = problem()
    prediction = predict(KernelRidge("k", penalty=0.3), training, test, kernel)
    expected = refit(kernel, training.obs_names, test, training.X.astype(float), 0.3)
    np.testing.assert_allclose(prediction.mean, expected, rtol=1e-5, atol=1e-6)
    assert prediction.mean.dtype == np.float32


@pytest.mark.parametrize(("genes", "kernel_rank"), [(5, 12), (40, 3)])
def test_penalty_has_the_least_leave_one_out_error(genes, kernel_rank):
    training, test, kernel = problem(genes=genes, kernel_rank=kernel_rank)
    names, responses = training.obs_names, training.X.astype(float)

    def error(penalty):
        total = 0
        for i, name in enumerate(names):
            rest = np.delete(np.arange(len(names)), i)
            total += np.mean(
                (refit(kernel, names[rest], [name], responses[rest], penalty) - responses[i]) ** 2
            )
        return total / len(names)

    chosen = predict(KernelRidge("k"), training, test, kernel).summary
    assert chosen["leave_one_out_error"] == pytest.approx(error(chosen["penalty"]), rel=1e-6)
    assert chosen["leave_one_out_error"] <= min(error(p) for p in np.logspace(-3, 3, 25)) * 1.01


def test_variance_is_calibrated_where_the_model_holds():
    generator = np.random.default_rng(1)
    names = np.array([f"P{i:03d}" for i in range(260)])
    features = generator.standard_normal((260, 40)) / np.sqrt(40)
    kernel = pd.DataFrame(features @ features.T, index=names, columns=names)
    scale = np.repeat([1.0, 3.0], 50)
    responses = features @ generator.standard_normal((40, 100)) + 0.5 * generator.standard_normal((260, 100))
    responses = (responses * scale).astype(np.float32)
    training = AnnData(responses[:130], obs=pd.DataFrame(index=names[:130]))
    prediction = predict(KernelRidge("k"), training, names[130:], kernel)
    standardised = (responses[130:] - prediction.mean) ** 2 / prediction.variance
    assert standardised[:, :50].mean() == pytest.approx(1, abs=0.1)
    assert standardised[:, 50:].mean() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_training_perturbations(n):
    training, test, kernel = problem(n=n)
    prediction = predict(KernelRidge("k"), training, test, kernel)
    np.testing.assert_allclose(prediction.mean, np.tile(training.X.mean(axis=0), (len(test), 1)), atol=1e-3)
    assert (prediction.variance is None) == (n == 1)
    assert prediction.variance is None or np.isfinite(prediction.variance).all()


@pytest.mark.parametrize("absent", ["P00", "P11"])
def test_perturbation_absent_from_the_kernel(absent):
    training, test, kernel = problem()
    with pytest.raises(InputError, match=f"'go_kernel'.*'{absent}'"):
        predict(KernelRidge("go_kernel"), training, test, kernel.drop(absent).drop(columns=absent))


def test_no_kernel():
    training, test, _ = problem()
    with pytest.raises(InputError, match="'k'"):
        predict(KernelRidge("k"), training, test, None)
