"""Feature transforms of acquisitions, against their formulas written out."""

import numpy as np
import pytest

from perturbselect.rounds.engine.transforms import acs_random_features, posterior, scale, sketch


@pytest.fixture
def features():
    generator = np.random.default_rng(3)
    return generator.normal(size=(7, 5)), generator.normal(size=(11, 5))


def test_scaled_labelled_features_have_mean_squared_norm_1(features):
    labelled, pool = scale(*features)
    assert np.mean(np.sum(labelled**2, axis=1)) == pytest.approx(1)
    assert np.allclose(pool / features[1], labelled[0, 0] / features[0][0, 0])


def test_scale_falls_back_to_the_pool_and_then_to_nothing(features):
    _, pool = scale(features[0] * 0, features[1])
    assert np.mean(np.sum(pool**2, axis=1)) == pytest.approx(1)
    _, pool = scale(features[0][:0], features[1])
    assert np.mean(np.sum(pool**2, axis=1)) == pytest.approx(1)
    _, nothing = scale(features[0] * 0, features[1] * 0)
    assert (nothing == 0).all()


@pytest.mark.parametrize("labels", [0, 1, 4, 30], ids=lambda n: f"{n} labels, 9 features")
def test_posterior_kernel_is_the_formula(labels):
    generator, sigma = np.random.default_rng(0), 0.3
    raw = generator.normal(size=(labels, 9)), generator.normal(size=(6, 9))
    labelled, pool = scale(*raw)
    covariance = sigma**2 * np.linalg.inv(labelled.T @ labelled + sigma**2 * np.eye(9))
    every = np.vstack(posterior(*raw, sigma))
    expected = np.vstack([labelled, pool]) @ covariance @ np.vstack([labelled, pool]).T
    assert np.allclose(every @ every.T, expected, atol=1e-12)


def test_posterior_kernel_is_that_of_a_gaussian_process():
    generator, sigma = np.random.default_rng(0), 0.2
    raw = generator.normal(size=(4, 40)), generator.normal(size=(6, 40))
    labelled, pool = scale(*raw)
    cross = pool @ labelled.T
    inverse = np.linalg.inv(labelled @ labelled.T + sigma**2 * np.eye(4))
    _, conditioned = posterior(*raw, sigma)
    assert np.allclose(conditioned @ conditioned.T, pool @ pool.T - cross @ inverse @ cross.T, atol=1e-12)


def test_sketch_keeps_inner_products_on_average(features):
    generator = np.random.default_rng(1)
    labelled, pool = features
    sketches = [sketch(labelled, pool, 4, generator) for _ in range(4000)]
    products = np.array([a @ b.T for a, b in sketches])
    error = products.std(axis=0) / np.sqrt(len(products))
    assert (np.abs(products.mean(axis=0) - labelled @ pool.T) < 5 * error).all()
    assert sketches[0][0].shape == (7, 4)


def test_sketch_leaves_few_features_as_they_are(features):
    labelled, pool = sketch(*features, 5, np.random.default_rng(0))
    assert labelled is features[0]
    assert pool is features[1]


def test_random_features_of_the_utility_have_its_second_moments(features):
    sigma = 0.5
    _, conditioned = posterior(*features, sigma)
    kernel = conditioned @ conditioned.T
    variance = np.diagonal(kernel)
    # u = a − f²/(2σ²) with f ~ N(0, K): E[f²g²] = kk' + 2c².
    a = np.log1p(variance / sigma**2) / 2 - variance / (2 * sigma**2)
    square = np.outer(variance, variance) + 2 * kernel**2
    mixed = np.outer(a, variance) + np.outer(variance, a)
    expected = np.outer(a, a) - mixed / (2 * sigma**2) + square / (4 * sigma**4)
    _, utility = acs_random_features(*features, 200_000, sigma, np.random.default_rng(0))
    assert np.allclose(utility @ utility.T, expected, rtol=0.03, atol=0.01 * expected.max())
