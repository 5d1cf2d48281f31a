"""Intervals, effect sizes and tests against other implementations and hand-computed numbers."""

import numpy as np
import pytest
from scipy.stats import PermutationMethod, bootstrap, wilcoxon
from statsmodels.stats.multitest import multipletests

from perturbselect.scores.statistics import bootstrap_interval, holm, rank_biserial, tied, wilcoxon_p


def test_bootstrap_of_two_runs_by_hand():
    """Means of resamples of {0, 1}: 0, ½, ½, 1, so the 95 % interval is [0, 1], the 40 % one [½, ½]."""
    values = np.array([[0.0, 1.0], [3.0, 3.0]])
    low, high = bootstrap_interval(values, np.random.default_rng(0))
    assert low.tolist() == [0, 3]
    assert high.tolist() == [1, 3]
    low, high = bootstrap_interval(values, np.random.default_rng(0), confidence=0.4)
    assert low.tolist() == [0.5, 3]
    assert high.tolist() == [0.5, 3]


def test_bootstrap_is_seeded_and_independent_of_other_rows():
    values = np.random.default_rng(3).normal(size=(5, 9))
    first = bootstrap_interval(values, np.random.default_rng(7))
    again = bootstrap_interval(values, np.random.default_rng(7))
    other = bootstrap_interval(values, np.random.default_rng(8))
    np.testing.assert_array_equal(first, again)
    for row in range(5):  # all rows share their resamples: none depends on which others are there
        alone = bootstrap_interval(values[[row]], np.random.default_rng(7))
        np.testing.assert_array_equal(np.array(alone)[:, 0], np.array(first)[:, row])
    assert np.any(np.array(first) != np.array(other))


def test_bootstrap_is_that_of_scipy():
    values = np.random.default_rng(3).normal(size=(700, 9))
    expected = bootstrap(
        (values,), np.mean, axis=1, method="percentile", n_resamples=2000, rng=np.random.default_rng(7)
    ).confidence_interval
    np.testing.assert_allclose(bootstrap_interval(values, np.random.default_rng(7)), expected, rtol=1e-12)


def test_bootstrap_covers_the_mean_about_as_often_as_it_says():
    values = np.random.default_rng(5).normal(size=(600, 30))
    low, high = bootstrap_interval(values, np.random.default_rng(0), resamples=500)
    assert 0.90 < np.mean((low <= 0) & (high >= 0)) < 0.98


def test_one_run_has_no_interval():
    low, high = bootstrap_interval(np.ones((3, 1)), np.random.default_rng(0))
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_rank_biserial_by_hand():
    # |d| = 1, 2, 3, 4: ranks 1 to 4; negative: rank 3. (1 + 2 + 4 - 3) / 10.
    differences = np.array([[1.0, 2, -3, 4], [1, 1, 1, 1], [-2, -1, 0, -5], [0, 0, 0, 0]])
    np.testing.assert_allclose(rank_biserial(differences), [0.4, 1, -1, 0])


@pytest.mark.parametrize("pairs", [6, 8, 13, 14, 50, 70])
def test_wilcoxon_row_by_row(pairs):
    """All rows at once, ties, zeros and all zeros among them, as scipy finds each alone."""
    generator = np.random.default_rng(pairs)
    differences = generator.normal(0.4, 1, size=(6, pairs))
    if not 13 < pairs <= 50:  # there scipy approximates
        differences[1:3] = differences[1:3].round() + 0.25
        differences[3, :2] = 0
    differences[4] = 0
    expected = [wilcoxon(row).pvalue if row.any() else 1 for row in differences]
    np.testing.assert_allclose(wilcoxon_p(differences), expected, rtol=1e-12)


def test_wilcoxon_is_exact_with_ties_among_14_pairs():
    differences = np.array([[1.0, -1, 2, 2, 3, -4, 5, 5, 5, 6, 7, 7, -8, 0, 9]])
    found = wilcoxon(differences[0, differences[0] != 0], method=PermutationMethod(n_resamples=2**14))
    assert wilcoxon_p(differences)[0] == pytest.approx(found.pvalue, rel=1e-12)
    assert wilcoxon(differences[0]).pvalue != pytest.approx(found.pvalue, rel=1e-3)


def test_wilcoxon_where_few_of_many_pairs_differ():
    """Strategies that pick the same tie: five pairs that differ are not clear, of however many."""
    differences = np.zeros((3, 30))
    differences[0, :5] = [0.1, 0.2, 0.3, 0.4, 0.5]
    differences[1, :8] = [1, 1, 2, 2, 3, 3, 4, -4]
    differences[2, 0] = 1
    np.testing.assert_array_equal(
        wilcoxon_p(differences), [2 / 2**5, wilcoxon(differences[1, :8]).pvalue, 1.0]
    )


def test_wilcoxon_of_a_row_depends_on_no_other():
    generator = np.random.default_rng(0)
    differences = generator.integers(-4, 5, size=(300, 12)).astype(float)
    differences[7, 3] = np.nan
    found = wilcoxon_p(differences)
    assert np.isnan(found[7])
    assert np.isnan(found).sum() == 1
    places = [0, 1, 150, 299]
    np.testing.assert_array_equal(found[places], wilcoxon_p(differences[places]))


def test_wilcoxon_needs_six_pairs():
    assert np.isnan(wilcoxon_p(np.ones((2, 5)))).all()
    assert wilcoxon_p(np.array([[1.0, 2, 3, 4, 5, 6]]))[0] == pytest.approx(2 / 2**6)


def test_holm_equals_statsmodels_and_skips_missing():
    p = np.random.default_rng(0).uniform(0, 0.2, size=15)
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])
    with_missing = np.insert(p, 4, np.nan)
    np.testing.assert_allclose(np.delete(holm(with_missing), 4), holm(p))
    assert np.isnan(holm(with_missing)[4])
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])


def test_rounding_ties():
    """The largest value is 2, so that 2e-6 is rounding: 1 and 1 + 1e-6 are one, 1 + 4e-6 is another."""
    values = np.array([[1 + 1e-6, 2.0, 1.0, np.nan, 1 + 4e-6], [np.nan, -1.0, -1.0, -1 - 1e-8, 0.5]])
    expected = [[1.0, 2.0, 1.0, np.nan, 1 + 4e-6], [np.nan, -1 - 1e-8, -1 - 1e-8, -1 - 1e-8, 0.5]]
    np.testing.assert_array_equal(tied(values), expected)
    assert tied(np.full((2, 3), np.nan)).shape == (2, 3)
    assert tied(np.array([[3.0], [np.nan]]))[0, 0] == 3
