"""The bilinear model against a direct least-squares solution."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from perturbselect.errors import InputError
from perturbselect.models.linear_gwp import LinearGwp, kernel_scores
from perturbselect.models.model import Knowledge

GENES = np.array([f"g{i}" for i in range(14)])


def screen(n=9, seed=0):
    values = np.random.default_rng(seed).standard_normal((n, len(GENES)))
    return AnnData(
        values.astype(np.float32), obs=pd.DataFrame(index=GENES[:n]), var=pd.DataFrame(index=GENES)
    )


def test_is_the_penalised_least_squares_solution():
    """vec(W) of the two-sided ridge from the Kronecker product, and P from the rows of G."""
    training, test, rank, ridge = screen(), GENES[9:12], 3, 0.1
    y = training.X.astype(float)
    centred = y.T - y.mean(axis=0)[:, None]
    across = y.T - y.T.mean(axis=0)
    _, vectors = np.linalg.eigh(across.T @ across)
    scores = across @ vectors[:, ::-1][:, :rank]
    measured, new = scores[:9], scores[9:12]
    system = np.kron(measured.T @ measured + ridge * np.eye(rank), scores.T @ scores + ridge * np.eye(rank))
    weights = np.linalg.solve(system, (scores.T @ centred @ measured).ravel(order="F"))
    expected = new @ weights.reshape(rank, rank, order="F").T @ scores.T + y.mean(axis=0)
    predicted = LinearGwp(dimensions=rank, ridge=ridge).predict(training, test, Knowledge(), 0, "cpu")
    np.testing.assert_allclose(predicted.mean, expected, rtol=1e-4, atol=1e-5)


def test_genes_that_are_not_predicted_get_the_mean():
    training = screen()
    predicted = LinearGwp().predict(training, np.array(["UNKNOWN", "g10"]), Knowledge(), 0, "cpu")
    np.testing.assert_allclose(predicted.mean[0], training.X.mean(axis=0), atol=1e-6)
    assert not np.allclose(predicted.mean[1], training.X.mean(axis=0), atol=1e-3)
    assert predicted.summary["unknown"] == 1


def test_combinations_are_sums():
    training = screen()
    single = LinearGwp().predict(training, np.array(["g10", "g11", "g10+g11"]), Knowledge(), 0, "cpu").mean
    mean = training.X.mean(axis=0)
    np.testing.assert_allclose(single[2] - mean, single[0] + single[1] - 2 * mean, atol=1e-5)


def test_kernel_scores_reproduce_the_centred_kernel():
    features = np.random.default_rng(0).standard_normal((7, 3))
    scores = kernel_scores(features @ features.T, 3)
    centred = features - features.mean(axis=0)
    np.testing.assert_allclose(scores @ scores.T, centred @ centred.T, atol=1e-10)


def test_learns_from_a_kernel():
    generator = np.random.default_rng(1)
    features = generator.standard_normal((60, 4))
    names = np.array([f"P{i:02d}" for i in range(60)])
    truth = features @ generator.standard_normal((4, 30)) + 1
    training = AnnData(truth[:40].astype(np.float32), obs=pd.DataFrame(index=names[:40]))
    kernel = pd.DataFrame(features @ features.T, index=names, columns=names)
    predicted = LinearGwp(kernel="k").predict(
        training, names[40:], Knowledge(kernels={"k": kernel}), 0, "cpu"
    )
    explained = 1 - np.sum((predicted.mean - truth[40:]) ** 2) / np.sum(
        (truth[40:] - truth[:40].mean(0)) ** 2
    )
    assert explained > 0.95


def test_no_kernel_of_that_name():
    with pytest.raises(InputError, match="'k'"):
        LinearGwp(kernel="k").predict(screen(), GENES[9:], Knowledge(), 0, "cpu")
