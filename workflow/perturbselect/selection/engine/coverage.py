"""Coverage criteria with exact gains.

A candidate covers elements; ``f_r(S) = Σ_u w_u min(r, #{v ∈ S : u ∈ R(v)})`` counts each
element, with its weight, up to r times. It is monotone submodular for every r, so greedy
reaches at least 1 - 1/e of the optimum of f (Nemhauser, Wolsey and Fisher 1978).

All gains are kept exact: when an element is covered for the r-th time, those who also
cover it lose its weight, found through the inverted index, and get it back when r grows.
That is O(total incidence) for each r, and needs no lazy bounds.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from perturbselect.selection.engine.criterion import Criterion

BLOCK = 2**20  # entries multiplied at once: scipy makes numbers of their bools first


class Coverage(Criterion):
    """Weighted coverage.

    Parameters
    ----------
    incidence : scipy.sparse.csr_array of bool, shape (n, m)
        Row v holds the elements that candidate v covers; no explicit zeros.
    weights : ndarray of float, shape (m,), or None
        Not negative. None: 1 each.
    times : int
        r.
    """

    submodular = True

    def __init__(self, incidence: sp.csr_array, weights: np.ndarray | None = None, times: int = 1) -> None:
        self.incidence, self.weights, self.times = incidence, weights, times
        self.covering = sp.csr_array(incidence.T)  # element → candidates
        self.covered = np.zeros(incidence.shape[1], dtype=np.int32)  # how often
        self._alone = np.diff(incidence.indptr) if weights is None else _times(incidence, weights)
        self._gains = self._alone.astype(np.float64)

    def anew(self) -> Coverage:
        """Return the same function of the empty set; both share the matrices."""
        fresh = copy.copy(self)
        fresh.covered, fresh._gains = np.zeros_like(self.covered), self._alone.astype(np.float64)
        return fresh

    def count_up_to(self, times: int) -> None:
        """Count each element up to so many times from now on, not fewer than until now."""
        again = (self.covered >= self.times) & (self.covered < times)
        self.times = times
        if self.weights is None:
            self._change(np.add, np.flatnonzero(again))
        else:  # anew: what was added back would leave rounding errors where nobody gains
            self._gains = _times(self.incidence, self.weights * (self.covered < times))

    def gains(self) -> np.ndarray:
        """Return the weight that each candidate would add, shape (n,)."""
        return self._gains

    def take(self, candidate: int) -> None:
        """Cover the candidate's elements and lower the gains of those who cover them too."""
        elements = self.incidence.indices[slice(*self.incidence.indptr[candidate : candidate + 2])]
        self.covered[elements] += 1
        self._change(np.subtract, elements[self.covered[elements] == self.times])

    def _change(self, operation: np.ufunc, elements: np.ndarray) -> None:
        """Add the weights of some elements to the gains of all who cover them, or subtract them."""
        if not len(elements):
            return
        start, stop = self.covering.indptr[elements], self.covering.indptr[elements + 1]
        rows = map(slice, start.tolist(), stop.tolist())
        candidates = np.concatenate([self.covering.indices[row] for row in rows])  # faster than scipy for few
        weight = 1.0 if self.weights is None else np.repeat(self.weights[elements], stop - start)
        operation.at(self._gains, candidates, weight)


def multicover(cover: Coverage, order: np.ndarray) -> Iterator[Coverage]:
    """Go on after saturation: cover elements one time more, then another, and so on.

    Parameters
    ----------
    cover : Coverage
        Of the empty set.
    order : ndarray of int
        Candidates that are in.

    Yields
    ------
    Coverage
        `cover`, counting elements up to one time more at each step, as long as that lets
        anybody gain.
    """
    for candidate in order:
        cover.take(int(candidate))
    while cover.times <= cover.covered.max(initial=0):
        cover.count_up_to(cover.times + 1)
        yield cover


def _times(matrix: sp.csr_array, vector: np.ndarray) -> np.ndarray:
    """Return the product with a vector of floats, a block of rows after the other."""
    product = np.zeros(matrix.shape[0])
    edges = np.searchsorted(matrix.indptr, np.arange(0, matrix.nnz + BLOCK, BLOCK)).clip(max=len(product))
    for start, stop in itertools.pairwise(edges):
        pointers = matrix.indptr[start : stop + 1]
        entries = slice(pointers[0], pointers[-1])
        rows = (matrix.data[entries], matrix.indices[entries], pointers - pointers[0])  # views
        product[start:stop] = sp.csr_array(rows, shape=(stop - start, matrix.shape[1])) @ vector
    return product
