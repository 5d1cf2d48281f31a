"""Histograms of each gene over the cells of a perturbation: what models of distributions train on.

As the moments, a sufficient statistic: computed once, streaming over the cells, and only for a
study whose models ask for it. A histogram has `BINS` bins: bin 0 holds the cells in which the gene
is exactly 0, the others are equally wide up to the gene's largest value in the screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from perturbselect.errors import InputError

BINS = 32


@dataclass(frozen=True)
class Histograms:
    """Cells of P perturbations in each bin of each of G genes; bins as `bin_values` says.

    Attributes
    ----------
    perturbations : ndarray of str, shape (P,)
    genes : ndarray of str, shape (G,)
    width : ndarray of float32, shape (G,)
        Width of the bins 1, 2, ... (log-normalised expression); 0 where a gene is 0 in all cells.
    first, second : ndarray of uint32, shape (P, G, K)
        Cells of two random halves.
    control : ndarray of uint32, shape (G, K)
        Control cells.
    """

    perturbations: np.ndarray
    genes: np.ndarray
    width: np.ndarray
    first: np.ndarray
    second: np.ndarray
    control: np.ndarray

    def shares(self) -> np.ndarray:
        """Share of each perturbation's cells in each bin, float32, shape (P, G, K)."""
        return as_shares(self.first + self.second)


def as_shares(counts: np.ndarray) -> np.ndarray:
    """Divide counts by their sum over the last axis, the bins; float32."""
    return (counts / counts.sum(axis=-1, keepdims=True)).astype(np.float32)


def bin_values(width: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return the expression that stands for each bin: 0, then the middles.

    Parameters
    ----------
    width : ndarray of float, shape (G,)

    Returns
    -------
    ndarray of float64, shape (G, bins)
    """
    return np.asarray(width, np.float64)[:, None] * np.append(0, np.arange(1, bins) - 0.5)


@dataclass(frozen=True)
class HistogramFile:
    """A file that `perturbselect.data.count_histograms` wrote; only what is asked for is read."""

    path: Path

    @classmethod
    def among(cls, paths: Iterable[str]) -> HistogramFile | None:
        """Return the file of a job that was given one, or none."""
        found = list(paths)
        return cls(Path(found[0])) if found else None

    def of(self, perturbations: Sequence[str]) -> Histograms:
        """Read the histograms of some perturbations, in this order.

        Raises
        ------
        InputError
            If one of them is not in the file.
        """
        import h5py

        with h5py.File(self.path, "r") as file:
            names = file["perturbations"].asstr()[:].astype(str)
            rows = pd.Index(names).get_indexer(np.asarray(perturbations, dtype=str))
            if (rows < 0).any():
                missing = np.asarray(perturbations, dtype=str)[rows < 0][0]
                raise InputError(
                    f"{self.path}: no histogram of perturbation '{missing}'; make the file again"
                )
            order, back = np.unique(rows, return_inverse=True)
            first, second = (file[name][order][back] for name in ("first", "second"))
            genes, width = file["genes"].asstr()[:].astype(str), file["width"][:]
            return Histograms(names[rows], genes, width, first, second, file["control"][:])
