"""What the network sees: features of a pair of a perturbation and a gene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from perturbselect.graphs.graph import Graph
from perturbselect.graphs.membership import membership
from perturbselect.graphs.propagation import propagation_matrix
from perturbselect.models.graph_network.base import Base
from perturbselect.models.knn_graph import nearest

HOPS = 2
NEIGHBOURS = 3


@dataclass(frozen=True)
class PairFeatures:
    """Features, all of about unit size.

    Attributes
    ----------
    pair : ndarray of float32, shape (P, G, a)
    gene : ndarray of float32, shape (E, G, b)
        As member e of the ensemble sees it: from the rows that are not in fold e (whose own
        held-out predictions do use fold e: leaving that out too would take a fit for each pair of folds).
    perturbation : ndarray of float32, shape (P, c)
    """

    pair: np.ndarray
    gene: np.ndarray
    perturbation: np.ndarray

    @property
    def width(self) -> int:
        """Features of a pair in all: a + b + c."""
        return self.pair.shape[2] + self.gene.shape[2] + self.perturbation.shape[1]


def pair_features(
    base: Base,
    responses: np.ndarray,
    perturbations: np.ndarray,
    genes: np.ndarray,
    control_mean: np.ndarray,
    graphs: Sequence[Graph],
    unit: float,
) -> PairFeatures:
    """Compute the features of all pairs.

    Of a pair: what the base, each kernel alone, and the three nearest measured
    perturbations predict beyond the mean; whether the gene is the perturbed one, and
    that times its expression in control cells; how near the gene is to the perturbed one in
    each graph, over one and two hops. Of a gene: mean and spread of its response, how well the
    base predicts it, its expression. Of a perturbation: its similarity to the
    nearest measured one, and the size of the predicted response.

    A training row is seen as a test row would be: without itself and the rows of its fold.

    Parameters
    ----------
    base : Base
    responses : ndarray of float64, shape (n, G)
    perturbations : ndarray of str, shape (P,)
        Training rows first.
    genes : ndarray of str, shape (G,)
    control_mean : ndarray of float64, shape (G,)
    graphs : sequence of Graph
        Nodes may miss predicted genes (no feature there) but no perturbed ones.
    unit : float
        Root mean square of the responses around their mean.
    """
    n, fold = len(responses), base.fold
    similarity = base.kernel[:, :n].copy()
    similarity[:n][fold[:, None] == fold] = -np.inf
    others = min(NEIGHBOURS, n - int(np.bincount(fold).max()))
    neighbours = nearest(similarity, others) @ responses
    own = own_genes(perturbations, genes)
    pair = [base.predicted - base.mean, *(base.alone - base.mean), neighbours - base.mean]
    pair = [values / unit for values in pair]
    pair += [own, own * control_mean, *_hops(graphs, perturbations, genes)]
    gene = [_gene_features(base, responses, fold != f, unit, control_mean) for f in range(fold.max() + 1)]
    strength = np.log(np.sqrt(np.mean(pair[0] ** 2, axis=1)) + 1e-3)
    perturbation = np.column_stack([similarity.max(axis=1), strength])
    return PairFeatures(
        np.stack([_unit_size(values) for values in pair], axis=2),
        _standardised(np.array(gene), (0, 1)),
        _standardised(perturbation, (0,)),
    )


def own_genes(perturbations: np.ndarray, genes: np.ndarray) -> np.ndarray:
    """Return whether a perturbation hits the gene itself, float of shape (P, G)."""
    own = np.zeros((len(perturbations), len(genes)))
    position = pd.Index(genes)
    for row, name in enumerate(perturbations):
        hit = position.get_indexer(str(name).split("+"))
        own[row, hit[hit >= 0]] = 1
    return own


def _hops(graphs: Sequence[Graph], perturbations: np.ndarray, genes: np.ndarray) -> list[np.ndarray]:
    """Return the roots of the propagation from the genes to the perturbed ones over 1 .. HOPS hops."""
    features = []
    for graph in graphs:
        hop = propagation_matrix(graph)
        positions = pd.Index(graph.genes).get_indexer(genes)
        known = positions >= 0
        reached = sp.csr_array(membership(perturbations, graph.genes).astype(np.float64))
        for _ in range(HOPS):
            reached = sp.csr_array(reached @ hop)
            feature = np.zeros((len(perturbations), len(genes)))
            feature[:, known] = np.sqrt(reached[:, positions[known]].toarray())
            features.append(feature)
    return features


def _gene_features(
    base: Base, responses: np.ndarray, used: np.ndarray, unit: float, control_mean: np.ndarray
) -> np.ndarray:
    """Return the features of the genes from some training rows, shape (G, 4)."""
    rows = np.flatnonzero(used)
    values, mean = responses[rows], responses[rows].mean(axis=0)
    spread = np.sum((values - mean) ** 2, axis=0)
    errors = np.sum((values - base.predicted[rows]) ** 2, axis=0)
    explained = 1 - errors / np.maximum(spread, np.finfo(float).tiny)
    deviation = np.log(np.sqrt(spread / len(rows)) / unit + 1e-3)
    return np.column_stack([mean / unit, deviation, explained.clip(-0.5, 1), control_mean])


def _unit_size(values: np.ndarray) -> np.ndarray:
    """Divide by the root mean square of what is not 0."""
    size = np.sqrt(np.sum(values**2) / max(int(np.count_nonzero(values)), 1))
    return (values / (size or 1)).astype(np.float32)


def _standardised(values: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
    deviation = values.std(axis=axis)
    centred = values - values.mean(axis=axis)
    return (centred / np.where(deviation > 1e-12, deviation, 1)).astype(np.float32)
