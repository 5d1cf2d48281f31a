"""The GO similarity graph: genes whose sets of GO terms overlap."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp

from perturbselect.errors import InputError
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.neighbours import strongest
from perturbselect.graphs.source_table import read_columns, united_symbols

if TYPE_CHECKING:
    from perturbselect.config import GoGraph
    from perturbselect.data.gene_names import Aliases

BLOCK = 256  # targets compared at a time; bounds the memory at BLOCK × N similarities


@dataclass(frozen=True)
class Annotation:
    """Which terms each gene is annotated with.

    Attributes
    ----------
    genes : ndarray of str, shape (N,)
        Sorted, unique.
    terms : ndarray of str, shape (T,)
        Sorted, unique.
    matrix : scipy.sparse.csr_array of bool, shape (N, T)
    """

    genes: np.ndarray
    terms: np.ndarray
    matrix: sp.csr_array

    def of(self, genes: np.ndarray) -> sp.csr_array:
        """Return the rows of `genes`; those of unknown genes are empty."""
        position = pd.Index(self.genes).get_indexer(genes)
        known = np.flatnonzero(position >= 0)
        pick = sp.csr_array(
            (np.ones(len(known), dtype=bool), (known, position[known])), shape=(len(genes), len(self.genes))
        )
        return sp.csr_array(pick @ self.matrix)


def read_annotation(path: str | os.PathLike, format: Literal["table", "gaf"], aliases: Aliases) -> Annotation:
    """Read gene-term pairs.

    Parameters
    ----------
    path : path
        ``table``: delimited text with the columns ``symbol`` and ``go_id``.
        ``gaf``: GO annotation file 2.x; rows qualified NOT and rows of evidence ND
        ("no data", which annotate with the root) are left out.
    format : {'table', 'gaf'}
    aliases : Aliases
        Brings the gene names to current symbols; genes that become the same are united.

    Returns
    -------
    Annotation

    Raises
    ------
    InputError
        If the file cannot be read, lacks a column or has no annotation.
    """
    pairs = _read_gaf(path) if format == "gaf" else read_columns(path, ["symbol", "go_id"])
    name_of_row, names = pd.factorize(pairs.iloc[:, 0].to_numpy(), sort=True)
    term_of_row, terms = pd.factorize(pairs.iloc[:, 1].to_numpy(), sort=True)
    gene_of_name, genes = pd.factorize(united_symbols(names, aliases), sort=True)
    matrix = sp.csr_array(
        (np.ones(len(pairs), dtype=bool), (gene_of_name[name_of_row], term_of_row)),
        shape=(len(genes), len(terms)),
    )
    matrix.sum_duplicates()
    return Annotation(genes.astype(str), terms.astype(str), matrix)


def _read_gaf(path: str | os.PathLike) -> pd.DataFrame:
    try:
        with (gzip.open if str(path).endswith(".gz") else open)(path, "rt", encoding="utf-8") as text:
            rows = [
                line.rstrip("\r\n").split("\t", 7)[:7] for line in text if line.strip() and line[0] != "!"
            ]
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); it may be truncated: fetch it again") from error
    short = next((row for row in rows if len(row) < 7), None)
    if short is not None:
        raise InputError(
            f"{path}: a row has only {len(short)} of a GAF's columns ('{' '.join(short)[:60]}'); "
            "fetch it again, or set format: table"
        )
    kept = [(row[2], row[4]) for row in rows if "NOT" not in row[3].split("|") and row[6] != "ND"]
    if not kept:
        raise InputError(f"{path}: has no annotation; is it a GAF file?")
    return pd.DataFrame(kept, columns=["symbol", "go_id"])


def go_graph(annotation: Annotation, nodes: np.ndarray, options: GoGraph, name: str = "go") -> Graph:
    """Connect each gene to the genes of the most similar GO terms.

    The weight is the Jaccard index ``|T_t ∩ T_s| / |T_t ∪ T_s|``; edges need more than
    ``options.threshold``, and each target keeps its ``options.neighbours`` strongest
    sources among the other nodes (ties: the name that sorts first). This is the
    construction of GEARS (Roohani et al., Nature Biotechnology 2023).

    Parameters
    ----------
    annotation : Annotation
    nodes : ndarray of str, shape (N,)
        Sorted, unique; genes without annotation become isolated nodes.
    options : GoGraph
    name : str
        The graph's key in the config, for messages.

    Returns
    -------
    Graph
        Directed: t may be among the nearest of s without the reverse.

    Raises
    ------
    InputError
        If no edge is left.

    Notes
    -----
    Time is that of the sparse product of the annotation with its transpose, the sum
    over terms of their squared sizes; memory is ``BLOCK × N`` similarities and the result.
    """
    terms = annotation.of(nodes).astype(np.int32)
    sizes = np.asarray(terms.sum(axis=1)).ravel()
    transposed = sp.csr_array(terms.T)
    blocks = []
    for start in range(0, len(nodes), BLOCK):
        shared = (terms[start : start + BLOCK] @ transposed).tocoo()
        rows, columns = shared.row, shared.col
        jaccard = shared.data / (sizes[start + rows] + sizes[columns] - shared.data)
        keep = (jaccard > options.threshold) & (columns != start + rows)
        kept = sp.coo_array((jaccard[keep], (rows[keep], columns[keep])), shape=shared.shape)
        blocks.append(strongest(kept, options.neighbours))
    adjacency = sp.csr_array(sp.vstack(blocks, format="csr"))
    if adjacency.nnz == 0:
        raise InputError(
            f"graphs.{name}: no two genes share more than {options.threshold:g} of their GO terms, so the "
            f"graph has no edges; lower graphs.{name}.threshold or set nodes: all"
        )
    return Graph(np.asarray(nodes, dtype=str), adjacency, np.isin(nodes, annotation.genes))
