"""Gaussian-process posteriors given picks, as a prior minus rank-1 terms.

With ``f ~ GP(0, K)`` measured with noise of variance s2, measuring p turns the covariance C
into ``C - C[:, p] C[p, :] / (C[p, p] + s2)``. Only the terms are kept, never the matrix:
the kernel is read, one column a pick, and not copied.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.linalg.blas import get_blas_funcs

from perturbselect.selection.engine.greedy import Criterion
from perturbselect.selection.engine.similarity import Similarity


class Terms:
    """Vectors u_j with signs, for ``C = K - sum_j sign_j u_j u_j'``.

    Parameters
    ----------
    size : int
        Length n of the vectors.
    kind : dtype
        Precision they are kept in.
    """

    def __init__(self, size: int, kind: np.typing.DTypeLike = np.float64) -> None:
        self._vectors, self._signs, self._count = np.empty((16, size), kind), np.empty(16), 0

    @property
    def vectors(self) -> np.ndarray:
        """Return all vectors, shape (j, n)."""
        return self._vectors[: self._count]

    @property
    def signs(self) -> np.ndarray:
        """Return their signs, shape (j,)."""
        return self._signs[: self._count]

    def add(self, vector: np.ndarray, sign: float) -> None:
        """Append a term."""
        if self._count == len(self._vectors):
            self._vectors = np.concatenate([self._vectors, np.empty_like(self._vectors)])
            self._signs = np.concatenate([self._signs, np.empty_like(self._signs)])
        self._vectors[self._count], self._signs[self._count] = vector, sign
        self._count += 1

    def times(self, weights: np.ndarray) -> np.ndarray:
        """Return ``sum_j sign_j weights_j u_j``, shape (n,)."""
        return (self.signs * weights).astype(self._vectors.dtype) @ self.vectors


class Columns(Protocol):
    """A kernel over the candidates that is read one column at a time."""

    def diagonal(self) -> np.ndarray:
        """Return the kernel of each with itself, shape (n,)."""
        ...

    def column(self, candidate: int, /) -> np.ndarray:
        """Return the kernel of all with one of them, shape (n,)."""
        ...


class InformationGain(Criterion):
    """``log det(I + K_SS / noise)``: monotone submodular.

    The gain of v is ``log(1 + C[v, v] / noise)``. O(n j) for the j-th pick.
    """

    submodular = True

    def __init__(self, similarity: Columns, noise: float) -> None:
        self.similarity, self.noise = similarity, noise
        self.variance = similarity.diagonal()
        self.terms = Terms(len(self.variance))

    def gains(self) -> np.ndarray:
        """Return how much log det rises by each, shape (n,)."""
        return np.log1p(self.variance.clip(min=0) / self.noise)

    def take(self, candidate: int) -> None:
        """Measure a candidate."""
        column = self.similarity.column(candidate) - self.terms.times(self.terms.vectors[:, candidate])
        term = column / np.sqrt(self.variance[candidate].clip(min=0) + self.noise)
        self.terms.add(term, 1)
        self.variance -= term**2


class WeightUncertainty(Criterion):
    """``tr(I - (I + F_S' F_S / noise)^-1)`` with ``K = F F'``: how much the weights' variance falls.

    With D the weights' posterior covariance, ``C = F D F'`` and ``M = F D^2 F'``, the gain
    of v is ``M[v, v] / (noise + C[v, v])``; after p, with d = noise + C[p, p],
    ``M -= (m c' + c m') / d - M[p, p] c c' / d^2`` for m = M[:, p], c = C[:, p]. Both start
    as K, so F is not needed. O(n j) for the j-th pick.
    """

    def __init__(self, similarity: Similarity, noise: float) -> None:
        self.similarity, self.noise = similarity, noise
        self.variance, self.squared = similarity.diagonal(), similarity.diagonal()
        self.terms, self.mixed = Terms(len(self.variance)), Terms(len(self.variance))

    def gains(self) -> np.ndarray:
        """Return how much the trace falls by each, shape (n,)."""
        return self.squared.clip(min=0) / (self.variance.clip(min=0) + self.noise)

    def take(self, candidate: int) -> None:
        """Measure a candidate."""
        prior = self.similarity.column(candidate)
        own, mixed = self.terms.vectors[:, candidate], self.mixed.vectors[:, candidate]
        column = prior - self.terms.times(own)
        # M = K - sum_j (a_j b_j' + b_j a_j') with b_j the terms of C
        square = prior - self.mixed.times(own) - self.terms.times(mixed)
        scale = np.sqrt(self.variance[candidate].clip(min=0) + self.noise)
        term = column / scale
        half = (square - square[candidate] * column / (2 * scale**2)) / scale
        self.terms.add(term, 1)
        self.mixed.add(half, 1)
        self.variance -= term**2
        self.squared -= 2 * half * term


class QueryVariance(Criterion):
    """``sum_q Var f(q)`` over those that count: how much the picks lower it.

    With the sums ``s_v = sum_q C[q, v]^2`` the gain of v is ``s_v / (C[v, v] + noise)``. A
    pick with term u, u_q its part over those that count, lowers s by
    ``2 u (C' u_q) - u^2 (u_q' u_q)``: one product of the kernel with a vector, O(n q) for
    each pick, and O((n + q) j) for the j-th.

    With an unknown mean (a flat prior; universal kriging) the first measured p leaves
    ``C = K - c 1' - 1 c' + (K[p, p] + noise) 1 1'``, c = K[:, p], which is two terms; the
    variance before it is infinite, so the first gain is the negative variance that is left.
    """

    def __init__(self, similarity: Similarity, noise: float, *, unknown_mean: bool) -> None:
        self.similarity, self.noise, self.unknown_mean = similarity, noise, unknown_mean
        self.kernel = similarity.between()
        self.same = np.array_equal(similarity.pool, similarity.universe)
        self.variance = similarity.diagonal()
        self.squares = np.einsum("qv,qv->v", self.kernel, self.kernel, dtype=np.float64)
        self.terms = Terms(self.kernel.shape[1], self.kernel.dtype)
        self.query_terms = self.terms if self.same else Terms(len(self.kernel), self.kernel.dtype)

    def gains(self) -> np.ndarray:
        """Return how much the sum of variances falls by each, shape (n,)."""
        if self.unknown_mean:
            count = len(self.kernel)
            left = self.similarity.universe_diagonal().sum() + count * (self.variance + self.noise)
            return 2 * self._product(np.ones(count)) - left
        return self.squares.clip(min=0) / (self.variance.clip(min=0) + self.noise)

    def take(self, candidate: int) -> None:
        """Measure a candidate."""
        own = self.terms.vectors[:, candidate]
        scale = np.sqrt(self.variance[candidate].clip(min=0) + self.noise)
        term = (self.similarity.column(candidate) - self.terms.times(own)) / scale
        query_term = term if self.same else (self.kernel[:, candidate] - self.query_terms.times(own)) / scale
        self._add(term, query_term, 1)
        if self.unknown_mean:  # the mean's own variance comes back
            self.unknown_mean = False
            self._add(scale - term, scale - query_term, -1)

    def _add(self, term: np.ndarray, query_term: np.ndarray, sign: float) -> None:
        product = self._product(query_term) - self.terms.times(
            self.query_terms.vectors @ query_term.astype(self.kernel.dtype)
        )
        self.squares -= sign * 2 * term * product - term**2 * (query_term @ query_term)
        self.variance -= sign * term**2
        self.terms.add(term, sign)
        if not self.same:
            self.query_terms.add(query_term, sign)

    def _product(self, vector: np.ndarray) -> np.ndarray:
        """Return the kernel's product with a vector over those that count, float64, shape (n,)."""
        vector = vector.astype(self.kernel.dtype)
        if self.same:  # reads half of the matrix
            symmetric_product = get_blas_funcs("symv", (self.kernel,))
            return symmetric_product(1.0, self.kernel.T, vector).astype(np.float64)
        return (vector @ self.kernel).astype(np.float64)
