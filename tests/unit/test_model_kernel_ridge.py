"""Kernel ridge against refits with each training perturbation left out."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from perturbselect.errors import InputError
from perturbselect.models.kernel_ridge import KernelRidge
from perturbselect.models.model import Knowledge
from perturbselect.models.ridge.choice import leave_one_out_error
from perturbselect.models.ridge.fit import RidgeFit

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
    return model.predict(
        training, test, Knowledge(kernels={} if kernel is None else {model.kernel: kernel}), 0, "cpu"
    )


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


def mixture_problem(n=40, genes=6, seed=0):
    """Three kernels; responses depend on the first two, three to one."""
    generator = np.random.default_rng(seed)
    names = np.array([f"P{i:02d}" for i in range(n + 20)])
    features = generator.standard_normal((3, n + 20, 5))
    kernels = [pd.DataFrame(z @ z.T / 5, index=names, columns=names) for z in features]
    signal = np.sqrt(3) * features[0] @ generator.standard_normal((5, genes)) + features[
        1
    ] @ generator.standard_normal((5, genes))
    responses = signal + generator.standard_normal((n + 20, genes))
    training = AnnData(responses[:n].astype(np.float32), obs=pd.DataFrame(index=names[:n]))
    return training, names[n:], dict(zip("abc", kernels, strict=True)), signal[n:]


def test_slope_of_the_leave_one_out_error():
    training, _, kernels, _ = mixture_problem(n=12)
    stack = np.array([kernel.to_numpy()[:12, :12] for kernel in kernels.values()])
    strengths, responses = np.array([0.5, 2.0, 0.1]), training.X.astype(float)
    _, slope = leave_one_out_error(stack, responses, strengths)
    for m in range(3):
        up, down = strengths.copy(), strengths.copy()
        up[m], down[m] = strengths[m] * np.exp(1e-5), strengths[m] * np.exp(-1e-5)
        numeric = (
            leave_one_out_error(stack, responses, up)[0] - leave_one_out_error(stack, responses, down)[0]
        )
        assert slope[m] == pytest.approx(numeric / 2e-5, rel=1e-5)


def test_mixture_finds_the_kernels_that_matter():
    training, test, kernels, signal = mixture_problem()
    prediction = KernelRidge(("a", "b", "c")).predict(training, test, Knowledge(kernels=kernels), 0, "cpu")
    weights = prediction.summary["weights"]
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["a"] > weights["b"] > 10 * weights["c"]
    alone = [
        KernelRidge(name).predict(training, test, Knowledge(kernels=kernels), 0, "cpu") for name in kernels
    ]
    assert prediction.summary["leave_one_out_error"] < min(p.summary["leave_one_out_error"] for p in alone)
    errors = [np.mean((p.mean - signal) ** 2) for p in (prediction, *alone)]
    assert errors[0] == min(errors)


@pytest.mark.parametrize("towards_equal", [0, 5])
def test_mixture_error_is_that_of_its_fit(towards_equal):
    training, test, kernels, _ = mixture_problem()
    names = training.obs_names
    model = KernelRidge(("a", "b", "c"), towards_equal=towards_equal)
    summary = model.predict(training, test, Knowledge(kernels=kernels), 0, "cpu").summary
    mixed = sum(weight * kernels[name] for name, weight in summary["weights"].items())
    fit = RidgeFit.of(mixed.loc[names, names].to_numpy(), training.X.astype(float), summary["penalty"])
    error = np.mean((fit.left_out() - training.X) ** 2)
    assert summary["leave_one_out_error"] == pytest.approx(error, rel=1e-6)


def test_mixture_is_drawn_towards_equal_weights():
    training, test, kernels, _ = mixture_problem()
    apart = []
    for towards_equal in (0, 5, 50, 1e6):
        model = KernelRidge(("a", "b", "c"), towards_equal=towards_equal)
        summary = model.predict(training, test, Knowledge(kernels=kernels), 0, "cpu").summary
        apart.append(np.ptp(list(summary["weights"].values())))
    assert apart == sorted(apart, reverse=True)
    assert apart[0] > 2 * apart[2] > 0
    assert apart[3] < 1e-3
    equal = KernelRidge("k").predict(
        training, test, Knowledge(kernels={"k": sum(kernels.values()) / 3}), 0, "cpu"
    )
    assert summary["leave_one_out_error"] <= equal.summary["leave_one_out_error"] * (1 + 1e-4)


def test_mixture_with_a_given_penalty():
    training, test, kernels, _ = mixture_problem()
    model = KernelRidge(("a", "b"), penalty=0.7)
    prediction = model.predict(training, test, Knowledge(kernels=kernels), 0, "cpu")
    weights = prediction.summary["weights"]
    assert prediction.summary["penalty"] == 0.7
    mixed = sum(weight * kernels[name] for name, weight in weights.items())
    expected = refit(mixed, training.obs_names, test, training.X.astype(float), 0.7)
    np.testing.assert_allclose(prediction.mean, expected, rtol=1e-4, atol=1e-4)
