"""Which genes a perturbation hits, and which genes a graph is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp

from perturbselect.errors import InputError


def perturbed_genes(perturbations: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return the genes of all perturbations (``A`` or ``A+B``), sorted and unique."""
    return np.array(sorted({gene for name in perturbations for gene in str(name).split("+")}), dtype=str)


def graph_nodes(
    perturbations: Sequence[str] | np.ndarray,
    source_genes: np.ndarray,
    nodes: Literal["perturbations", "all"],
    name: str = "graph",
) -> np.ndarray:
    """Return the nodes of a graph: the perturbed genes, or these and all of the source.

    Parameters
    ----------
    perturbations : sequence of str
        All perturbations of the screen.
    source_genes : ndarray of str
        Genes the source knows.
    nodes : {'perturbations', 'all'}
        The option of that name.
    name : str
        The graph's key in the config, for the message.

    Returns
    -------
    ndarray of str
        Sorted, unique.

    Raises
    ------
    InputError
        If the source knows none of the perturbed genes.
    """
    genes = perturbed_genes(perturbations)
    source_genes = np.unique(np.asarray(source_genes, dtype=str))
    if not np.isin(genes, source_genes).any():
        raise InputError(
            f"graphs.{name}: its source has none of the {len(genes)} perturbed genes "
            f"(perturbed: {', '.join(genes[:3])}; in the source: {', '.join(source_genes[:3])}); "
            "if these are different spellings, give a table of synonyms in gene_names.aliases"
        )
    return np.union1d(genes, source_genes) if nodes == "all" else genes


def membership(perturbations: Sequence[str] | np.ndarray, genes: np.ndarray) -> sp.csr_array:
    """Return which of `genes` each perturbation hits.

    Parameters
    ----------
    perturbations : sequence of str, length P
    genes : ndarray of str, shape (N,)
        Unique.

    Returns
    -------
    scipy.sparse.csr_array of float32, shape (P, N)
        One 1 in the row of ``A``, two in the row of ``A+B``.

    Raises
    ------
    InputError
        If a perturbation hits a gene that is not in `genes`.
    """
    hits = [str(name).split("+") for name in perturbations]
    rows = np.repeat(np.arange(len(hits)), [len(hit) for hit in hits])
    columns = pd.Index(genes).get_indexer([gene for hit in hits for gene in hit])
    if (columns < 0).any():
        name = perturbations[rows[np.argmin(columns)]]
        raise InputError(
            f"perturbation '{name}' hits a gene that is not among the graph's nodes: build it anew"
        )
    ones = np.ones(len(rows), dtype=np.float32)
    return sp.csr_array((ones, (rows, columns)), shape=(len(hits), len(genes)))
