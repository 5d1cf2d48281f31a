"""Kernels given by features, ``K = F F'``: for pools whose kernel does not fit into memory.

Under ``f = F w``, ``w ~ N(0, I)``, measured with noise of variance s2, all that a posterior
needs is the covariance D of the r weights: ``C = F D F'``. Measuring p turns it into
``D - h h' / (C[p, p] + s2)``, h = D F[p]. So a pick costs O(n r) and the memory is that of F,
where a dense kernel takes O(n²). The gains are those of the dense criteria of
engine/gaussian.py and engine/facility.py with that kernel, up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from perturbselect.errors import InputError
from perturbselect.selection.engine.criterion import Criterion
from perturbselect.selection.engine.similarity import BLOCK, Universe, rows_of
from perturbselect.selection.strategy import Problem


@dataclass(frozen=True)
class Features:
    """The features of candidates and of those that count.

    Attributes
    ----------
    pool : ndarray of float, shape (n, r)
        F of the candidates.
    universe : ndarray of float, shape (q, r)
        F of those that count.
    """

    pool: np.ndarray
    universe: np.ndarray

    @classmethod
    def of(cls, problem: Problem, universe: Universe = "pool") -> Features:
        """Look up the rows of the problem's names.

        Parameters
        ----------
        problem : Problem
            With features.
        universe : {'queries', 'pool', 'all'}
            As in `Similarity.of`; the same errors.
        """
        assert problem.features is not None
        names, whole = problem.features.index, problem.features.to_numpy()
        finite = np.isfinite(whole).all(axis=1)
        if not finite.all():
            raise InputError(f"the features of {names[np.argmin(finite)]} are not all finite numbers")
        pool, counted = rows_of(problem, universe, names, "{} perturbations have no features, e.g. '{}'")

        def taken(rows: np.ndarray) -> np.ndarray:
            return whole if np.array_equal(rows, np.arange(len(whole))) else whole[rows]

        candidates = taken(pool)
        return cls(candidates, candidates if universe == "pool" else taken(counted))

    def noise(self, relative: float) -> float:
        """Return a variance that is given relative to the kernel's mean diagonal over the candidates."""
        return relative * float(row_products(self.pool, self.pool).mean())

    def between(self) -> Products:
        """Return the kernel of those that count with the candidates, of which parts can be asked for."""
        return Products(self.universe, self.pool)


class Products:
    """``Q F'``, computed where it is read: ``products[rows]`` and ``products[:, candidate]``.

    Parameters
    ----------
    rows : ndarray of float, shape (q, r)
        Q.
    columns : ndarray of float, shape (n, r)
        F.
    """

    def __init__(self, rows: np.ndarray, columns: np.ndarray) -> None:
        self.rows, self.columns = rows, columns
        self.shape, self.dtype = (len(rows), len(columns)), rows.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: slice | np.ndarray | tuple[slice, int]) -> np.ndarray:
        if isinstance(part, tuple):
            return self.rows[part[0]] @ self.columns[part[1]]
        return self.rows[part] @ self.columns.T


class WeightPosterior:
    """Covariance D of the weights given picks, and the variance that it leaves each candidate.

    Parameters
    ----------
    features : ndarray of float, shape (n, r)
        F.
    covariance : ndarray of float64, shape (r, r)
        D before any pick.
    noise : float
        Variance s2 of a measurement.
    """

    def __init__(self, features: np.ndarray, covariance: np.ndarray, noise: float) -> None:
        self.features, self.covariance, self.noise = features, covariance, noise
        self.variance = quadratic(features, covariance)

    def products(self, weights: np.ndarray) -> np.ndarray:
        """Return ``F weights``, float64, shape (n,)."""
        return (self.features @ weights.astype(self.features.dtype)).astype(np.float64)

    def take(self, candidate: int) -> tuple[np.ndarray, np.ndarray]:
        """Measure a candidate; return ``h / sqrt(C[p, p] + s2)`` (r,), and F times that (n,)."""
        step = self.covariance @ self.features[candidate].astype(np.float64)
        step /= np.sqrt(self.variance[candidate].clip(min=0) + self.noise)
        term = self.products(step)
        self.covariance -= np.outer(step, step)
        self.variance -= term**2
        return step, term


class LowRankInformation(Criterion):
    """``log det(I + F_S F_S' / noise)``, as `gaussian.InformationGain`: submodular. O(n r) a pick."""

    submodular = True

    def __init__(self, features: Features, noise: float) -> None:
        self.noise = noise
        self.posterior = WeightPosterior(features.pool, np.eye(features.pool.shape[1]), noise)

    def gains(self) -> np.ndarray:
        """Return how much log det rises by each, shape (n,)."""
        return np.log1p(self.posterior.variance.clip(min=0) / self.noise)

    def take(self, candidate: int) -> None:
        """Measure a candidate."""
        self.posterior.take(candidate)


class LowRankQueryVariance(Criterion):
    """``sum_q Var f(q)`` over those that count, as `gaussian.QueryVariance`: how much the picks lower it.

    With ``G = F_Q' F_Q``, ``s_v = sum_q C[q, v]^2 = F[v] D G D F[v]'``, and the gain of v is
    ``s_v / (C[v, v] + noise)``. A pick whose D loses t t' lowers s by
    ``2 (F t) (F D G t) - (F t)^2 (t' G t)``, D as it was before: O(n r).

    With an unknown mean (a flat prior) a feature of ones is added whose weight has an infinite
    variance until the first p is measured: then D is ``[[I, -F[p]'], [-F[p], F[p] F[p]' + noise]]``.
    """

    def __init__(self, features: Features, noise: float, *, unknown_mean: bool) -> None:
        self.noise, self.unknown_mean = noise, unknown_mean
        self.pool, self.queries = features.pool, len(features.universe)
        self.gram = gram(features.universe)
        self.sums = features.universe.sum(axis=0, dtype=np.float64)
        if not unknown_mean:
            self._start(self.pool, np.eye(len(self.gram)))

    def gains(self) -> np.ndarray:
        """Return how much the sum of variances falls by each, shape (n,)."""
        if self.unknown_mean:  # less what is left, since there is no end to the variance before
            own = row_products(self.pool, self.pool)
            left = np.trace(self.gram) + self.queries * (own + self.noise)
            return 2 * (self.pool @ self.sums) - left
        return self.squares.clip(min=0) / (self.posterior.variance.clip(min=0) + self.noise)

    def take(self, candidate: int) -> None:
        """Measure a candidate."""
        if self.unknown_mean:
            self.unknown_mean = False
            self._learn_mean(self.pool[candidate].astype(np.float64))
            return
        before = self.posterior.covariance.copy()
        step, term = self.posterior.take(candidate)
        spread = self.gram @ step
        self.squares -= 2 * term * self.posterior.products(before @ spread) - term**2 * (step @ spread)

    def _learn_mean(self, own: np.ndarray) -> None:
        """Measure the first candidate, whose features are given: the mean is known up to that."""
        self.gram = np.block([[self.gram, self.sums[:, None]], [self.sums, np.array([self.queries])]])
        covariance = np.block([[np.eye(len(own)), -own[:, None]], [-own, np.array([own @ own + self.noise])]])
        ones = np.ones((len(self.pool), 1), self.pool.dtype)
        self._start(np.concatenate([self.pool, ones], axis=1), covariance)

    def _start(self, pool: np.ndarray, covariance: np.ndarray) -> None:
        self.posterior = WeightPosterior(pool, covariance, self.noise)
        self.squares = quadratic(pool, covariance @ self.gram @ covariance)


def gram(features: np.ndarray) -> np.ndarray:
    """Return ``F' F``, float64, shape (r, r)."""
    total = np.zeros((features.shape[1],) * 2)
    for block in _blocks(features):
        total += block.T @ block
    return total


def quadratic(features: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return ``F[v] M F[v]'`` for each row, float64, shape (n,)."""
    return np.concatenate([row_products(block @ matrix, block) for block in _blocks(features)])


def row_products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the product of each row of one with the same row of the other, float64, shape (n,)."""
    return np.einsum("vr,vr->v", left, right, dtype=np.float64)


def _blocks(features: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the rows in double precision, a block at a time."""
    step = max(1, BLOCK // max(1, features.shape[1]))
    for start in range(0, len(features), step):
        yield features[start : start + step].astype(np.float64)
