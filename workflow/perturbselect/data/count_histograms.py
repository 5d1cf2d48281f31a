"""Count cells into the histograms of each perturbation and gene, and write their file."""

from __future__ import annotations

import os

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from perturbselect.data.histograms import BINS
from perturbselect.data.moments import row_chunks
from perturbselect.data.summarise import cell_groups, random_halves
from perturbselect.errors import InputError
from perturbselect.files import replacing

AT_ONCE = 16  # perturbations


def bin_numbers(values: np.ndarray, width: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return the bin of each value: 0 where it is 0, else k for ((k - 1) width, k width].

    Parameters
    ----------
    values, width : ndarray of float, of the same shape
        Not negative; the largest value is (bins - 1) width, up to rounding.
    """
    safe = np.where(width > 0, width, 1)
    return np.where(values > 0, np.clip(np.ceil(values / safe - 1e-6), 1, bins - 1), 0).astype(np.int64)


def write_histograms(
    expression: AnnData, generator: np.random.Generator, path: str | os.PathLike, bins: int = BINS
) -> None:
    """Count the cells of each perturbation in the bins of each gene, and write the file.

    The cells are read twice: for the largest values, then some perturbations at a time, so that
    memory grows neither with the number of cells nor with that of perturbations.

    Parameters
    ----------
    expression : AnnData, n cells x G genes
        Log-normalised, X in memory or backed; ``obs``: ``perturbation``, ``is_control``.
    generator : numpy.random.Generator
        Draws the halves.
    path : path of the HDF5 file
        ``perturbations``, ``genes``, ``width``, ``first``, ``second`` (by perturbation), ``control``.
    bins : int
        K.

    Raises
    ------
    InputError
        If the control or a perturbation has fewer than two cells, or a value is negative.
    """
    import h5py

    perturbations, groups = cell_groups(expression.obs)
    half = random_halves(groups, generator)
    largest = np.zeros(expression.n_vars)
    for chunk in row_chunks(expression):
        if chunk.data.size and chunk.data.min() < 0:
            raise InputError("expression: a value is negative; histograms need log-normalised counts")
        largest = np.maximum(largest, chunk.max(axis=0).toarray().ravel())
    width = (largest / (bins - 1)).astype(np.float32)
    shape = (len(perturbations), expression.n_vars, bins)
    layout = {"dtype": np.uint32, "compression": "gzip", "compression_opts": 1, "chunks": (1, *shape[1:])}
    text = h5py.string_dtype()
    with replacing(path) as partial, h5py.File(partial, "w") as file:
        file.create_dataset("perturbations", data=perturbations.astype(object), dtype=text)
        file.create_dataset("genes", data=expression.var_names.to_numpy(object), dtype=text)
        file["width"] = width
        halves = [file.create_dataset(name, shape, **layout) for name in ("first", "second")]
        # Group 0 is the control; perturbation i is group i + 1.
        file["control"] = _counted(expression, np.where(groups == 0, 0, -1), 1, width, bins)[0]
        for start in range(0, len(perturbations), AT_ONCE):
            stop = min(start + AT_ONCE, len(perturbations))
            place = np.where((groups > start) & (groups <= stop), 2 * (groups - 1 - start) + half, -1)
            counted = _counted(expression, place, 2 * (stop - start), width, bins)
            for number, stored in enumerate(halves):
                stored[start:stop] = counted[number::2]


def _counted(expression: AnnData, place: np.ndarray, places: int, width: np.ndarray, bins: int) -> np.ndarray:
    """Count the cells that have a place, by place, gene and bin: uint32, shape (places, G, bins)."""
    genes = expression.n_vars
    counts = np.zeros(places * genes * bins, np.int64)
    members = np.flatnonzero(place >= 0)
    for part in np.array_split(members, max(1, -(-len(members) // 8192))):
        chunk = sp.coo_array(sp.csr_array(expression.X[part]))
        where = place[part][chunk.coords[0]] * genes + chunk.coords[1]
        flat = where * bins + bin_numbers(chunk.data.astype(np.float64), width[chunk.coords[1]], bins)
        counts += np.bincount(flat, minlength=len(counts))
    counts = counts.reshape(places, genes, bins)
    cells = np.bincount(place[members], minlength=places)
    counts[..., 0] += cells[:, None] - counts.sum(axis=2)
    return counts.astype(np.uint32)
