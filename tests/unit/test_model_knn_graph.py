"""The nearest measured perturbations."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from perturbselect.models.knn_graph import KnnGraph, nearest
from perturbselect.models.model import Knowledge


def predict(model, responses, kernel, n):
    names = np.array([f"P{i:02d}" for i in range(len(kernel))])
    training = AnnData(responses[:n].astype(np.float32), obs=pd.DataFrame(index=names[:n]))
    knowledge = Knowledge(kernels={"k": pd.DataFrame(kernel, index=names, columns=names)})
    return model.predict(training, names[n:], knowledge, 0, "cpu")


def test_shares_of_the_nearest():
    similarity = np.array([[0.1, 0.9, 0.5, 0.5], [0.0, 0.0, 0.0, 0.0], [0.4, 0.3, 0.2, 0.1]])
    expected = [[0, 1 / 2, 1 / 4, 1 / 4], [1 / 4] * 4, [1 / 2, 1 / 2, 0, 0]]
    np.testing.assert_allclose(nearest(similarity, 2), expected)
    np.testing.assert_allclose(nearest(similarity, 4), np.full((3, 4), 1 / 4))


def problem(n=20, t=5, seed=0):
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((n + t, 2))
    distance = np.sum((features[:, None] - features) ** 2, axis=2)
    responses = np.tanh(features @ generator.standard_normal((2, 6)))
    return responses + 0.1 * generator.standard_normal(responses.shape), np.exp(-distance), n


def test_mean_of_the_nearest():
    responses, kernel, n = problem()
    predicted = predict(KnnGraph("k", neighbours=3), responses, kernel, n)
    order = np.argsort(-kernel[n:, :n], axis=1)[:, :3]
    np.testing.assert_allclose(predicted.mean, responses[order].mean(axis=1), rtol=1e-5)
    assert predicted.mean.dtype == np.float32


def test_neighbours_by_leave_one_out():
    responses, kernel, n = problem()

    def error(k):
        total = 0
        for i in range(n):
            rest = np.delete(np.arange(n), i)
            chosen = rest[np.argsort(-kernel[i, rest])[:k]]
            total += np.mean((responses[chosen].mean(axis=0) - responses[i]) ** 2)
        return total / n

    summary = predict(KnnGraph("k"), responses, kernel, n).summary
    assert summary["leave_one_out_error"] == pytest.approx(error(summary["neighbours"]), rel=1e-4)
    assert summary["leave_one_out_error"] <= min(map(error, (1, 2, 3, 4, 6, 8, 12, 16, 19))) * 1.0001


@pytest.mark.parametrize("n", [1, 2])
def test_few_training_perturbations(n):
    responses, kernel, _ = problem(n)
    predicted = predict(KnnGraph("k"), responses, kernel, n).mean
    np.testing.assert_allclose(predicted[0], responses[kernel[n, :n].argmax()] if n == 2 else responses[0])
