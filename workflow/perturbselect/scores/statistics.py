"""Intervals, effect sizes and tests for runs that are paired by split and seed.

scipy.stats takes a second to import: functions that use it do so, for the figures that need only the others.
"""

from __future__ import annotations

import numpy as np

from perturbselect.scores.metrics import ROUNDING

RESAMPLES = 2000
FEWEST_PAIRS = 6  # with 5 pairs the smallest two-sided p of Wilcoxon's test is 0.0625
SIGNIFICANT = 0.05
MOST_PAIRS_COUNTED = 50  # as scipy has it without ties


def tied(values: np.ndarray) -> np.ndarray:
    """Make equal, in each row, what differs by rounding only.

    The same picks in another order give a model's scores a difference of about 1e-8, which ranks and
    signs would take for one. Our rule: neighbours closer than `ROUNDING` times the largest absolute
    value of all rows become the smallest of them.

    Parameters
    ----------
    values : ndarray of float, shape (N, K)
        Of one metric; NaN where missing.

    Returns
    -------
    ndarray of float, shape (N, K)
    """
    order = np.argsort(values, axis=1)
    ascending = np.take_along_axis(values, order, axis=1)
    apart = np.diff(ascending, axis=1) > ROUNDING * np.abs(np.nan_to_num(values)).max(initial=0)
    first = np.maximum.accumulate(np.where(apart, np.arange(1, values.shape[1]), 0), axis=1)
    ascending[:, 1:] = np.where(
        np.isnan(ascending[:, 1:]), np.nan, np.take_along_axis(ascending, first, axis=1)
    )
    result = np.empty_like(ascending)
    np.put_along_axis(result, order, ascending, axis=1)
    return result


def bootstrap_interval(
    values: np.ndarray,
    generator: np.random.Generator,
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> tuple[np.ndarray, np.ndarray]:
    """Percentile bootstrap interval of the mean of each row.

    All rows share the same resamples of their columns. With few runs the interval is too narrow:
    normal differences of mean 0 lie apart from 0 in 49 % of intervals over 2 runs, 25 % over 3,
    19 % over 4 and 15 % over 6. `clear_of_zero` therefore asks for more than the interval.

    Parameters
    ----------
    values : ndarray of float, shape (K, n)
        K quantities in n runs.
    generator : numpy.random.Generator
        Source of the resamples.
    confidence : float
        Coverage aimed at.
    resamples : int
        Number of resamples R.

    Returns
    -------
    low, high : ndarray of float, shape (K,)
        NaN where n is 1: a single run has no interval.

    Notes
    -----
    To rounding what `scipy.stats.bootstrap` finds with the same generator, faster: how often each resample
    holds a run is counted once for all rows. O(K·n·R) time, in blocks of rows of a million means. No row's
    interval depends, by a single bit, on which other rows are there.
    """
    count, runs = values.shape
    if runs < 2 or count == 0:
        return np.full(count, np.nan), np.full(count, np.nan)
    drawn = generator.integers(runs, size=(resamples, runs))
    times = np.array([(drawn == run).sum(axis=1) for run in range(runs)], dtype=float)
    ends, outside = np.empty((2, count)), (1 - confidence) / 2
    size = max(1, 1_000_000 // resamples)
    for rows in (slice(start, start + size) for start in range(0, count, size)):
        sums = np.einsum("kn,nr->kr", values[rows], times)  # no BLAS: its last bits depend on the block
        ends[:, rows] = np.quantile(sums / runs, [outside, 1 - outside], axis=1)
    return ends[0], ends[1]


def rank_biserial(differences: np.ndarray) -> np.ndarray:
    """Matched-pairs rank-biserial correlation of each row: (W₊ − W₋) / (W₊ + W₋).

    W₊ and W₋ are the sums of the ranks of the absolute values of positive and negative
    differences, zeros left out (Kerby 2014).

    Parameters
    ----------
    differences : ndarray of float, shape (K, n)
        Paired differences.

    Returns
    -------
    ndarray of float, shape (K,)
        In [−1, 1]; 1 where every difference is positive, 0 where all are zero.
    """
    ranks = _signed_ranks(differences)
    total = np.abs(ranks).sum(axis=1)
    return ranks.sum(axis=1) / np.where(total > 0, total, 1)


def wilcoxon_p(differences: np.ndarray) -> np.ndarray:
    """Two-sided p of Wilcoxon's signed-rank test of each row, zeros left out.

    Exact for up to 50 pairs that differ, with ties or without; beyond by the normal approximation.
    `scipy.stats.wilcoxon` of a row alone gives the same, but approximates from 14 pairs on as soon as
    two tie or one is zero, however few differ.

    Parameters
    ----------
    differences : ndarray of float, shape (K, n)
        Paired differences.

    Returns
    -------
    ndarray of float, shape (K,)
        NaN with fewer than `FEWEST_PAIRS` pairs or with a NaN among them; 1 where all differences are zero.

    Notes
    -----
    O(K·n·log n) time, and O(m³) for each kind of ties among m pairs that differ: the sums of the positive
    ranks under all 2ᵐ signs are counted one rank after the other, in halves of a rank.
    """
    from scipy.stats import wilcoxon

    p = np.full(len(differences), np.nan)
    tested = np.flatnonzero(~np.isnan(differences).any(axis=1))
    if differences.shape[1] < FEWEST_PAIRS or not len(tested):
        return p
    ranks = _signed_ranks(differences[tested])
    many = (ranks != 0).sum(axis=1) > MOST_PAIRS_COUNTED
    if many.any():
        p[tested[many]] = wilcoxon(ranks[many], axis=1, method="asymptotic").pvalue
    tested, halves = tested[~many], np.rint(2 * ranks[~many]).astype(int)
    positive = np.maximum(halves, 0).sum(axis=1)
    ties, of_row = np.unique(np.sort(np.abs(halves), axis=1), axis=0, return_inverse=True)
    order = np.argsort(of_row.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(of_row.ravel(), minlength=len(ties)))
    for kind, rows in zip(ties, np.split(order, ends[:-1]), strict=True):
        at_most = np.cumsum(_counts_of_sums(kind[kind > 0]))
        at_least = at_most[-1] - np.append(0, at_most)[positive[rows]]
        p[tested[rows]] = np.minimum(1, 2 * np.minimum(at_most[positive[rows]], at_least) / at_most[-1])
    return p


def _counts_of_sums(sizes: np.ndarray) -> np.ndarray:
    """How many subsets of these positive integers have the sum 0, 1, 2, ...; exact up to 2⁵³."""
    counts = np.zeros(sizes.sum() + 1)
    counts[0] = 1
    for size in sizes:
        counts[size:] += counts[:-size].copy()
    return counts


def _signed_ranks(differences: np.ndarray) -> np.ndarray:
    """Ranks of the absolute differences of each row with the differences' signs; 0 for zeros."""
    from scipy.stats import rankdata

    zeros = (differences == 0).sum(axis=1, keepdims=True)  # they have the lowest ranks
    return np.sign(differences) * (rankdata(np.abs(differences), axis=1) - zeros)


def clear_of_zero(low: float, high: float, p: float) -> bool:
    """Whether a difference is clear: its interval leaves out 0 and its adjusted p is below 0.05.

    Never with fewer than `FEWEST_PAIRS` pairs, which have no p. Our rule, the only one that
    sentences, tables and figures of the report use.

    Parameters
    ----------
    low, high : float
        Ends of the 95 % interval.
    p : float
        Holm-adjusted p; NaN where there is none.
    """
    return bool((low > 0 or high < 0) and p < SIGNIFICANT)


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p values by Holm's (1979) step-down method; missing ones stay missing and do not count.

    The i-th smallest of K becomes ``max_{j ≤ i} min(1, (K − j + 1)·p_j)``. Written out, since the
    function of statsmodels collects garbage at every call, which is 0.1 s for each family.

    Parameters
    ----------
    p : ndarray of float, shape (K,)
        The p values of one family of tests.

    Returns
    -------
    ndarray of float, shape (K,)
    """
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted[order] = np.maximum.accumulate(np.minimum(1, p[order] * np.arange(len(order), 0, -1)))
    return adjusted
