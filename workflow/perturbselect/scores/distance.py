"""The table ``error_by_distance``: scores by how far the nearest measured gene is in a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from perturbselect.graphs.graph import Graph
from perturbselect.scores.score import REFERENCES

DISTANCES = ("0 edges", "1 edge", "2 edges", "3 edges", "4 edges or more", "no path", "not in graph")
_FAR, _NO_PATH, _UNKNOWN = 4, 5, 6
RUN = ["strategy", "split", "seed"]
_KEYS = ["dataset", "graph", "model", "strategy", "budget", "metric", "distance"]
COLUMNS = [*_KEYS, "mean", "n_perturbations", "n_values", *REFERENCES]


def gene_distances(graph: Graph, measured: Sequence[Sequence[str]]) -> np.ndarray:
    """Edges from every gene to the nearest measured one, directions ignored, for several sets at once.

    Parameters
    ----------
    graph : Graph
        N genes.
    measured : sequence of R sequences of str
        Measured perturbations; a combination ``A+B`` measures both genes.

    Returns
    -------
    ndarray of uint8, shape (N, R)
        Positions in `DISTANCES`; genes that the graph's source does not know are ``not in graph``.
    """
    index = pd.Index(graph.genes)
    near = np.zeros((len(graph), len(measured)), dtype=np.float32)
    for column, names in enumerate(measured):
        rows = index.get_indexer([gene for name in names for gene in name.split("+")])
        near[rows[rows >= 0], column] = 1
    links = sp.csr_array(graph.adjacency != 0, dtype=np.float32)
    links = links + links.T
    _, component = connected_components(links, directed=False)
    inside = sp.csr_array((np.ones(len(graph)), (component, np.arange(len(graph)))))
    found = np.where((inside @ near)[component] > 0, _FAR, _NO_PATH).astype(np.uint8)
    found[near > 0] = 0
    for hops in range(1, _FAR):
        near = ((links @ near + near) > 0).astype(np.float32)
        found[(near > 0) & (found > hops)] = hops
    found[~graph.in_source] = _UNKNOWN
    return found


def error_by_distance(
    scores: pd.DataFrame, graphs: Mapping[str, Graph], measured: Mapping[tuple[str, int, int], Sequence[str]]
) -> pd.DataFrame:
    """Average scores of held-out perturbations by their distance to the nearest measured gene.

    Parameters
    ----------
    scores : DataFrame
        Table ``perturbation_scores`` of one dataset: a budget's rows, and those of the floors and of the
        ceiling, which have none. Rows of the whole test set are left out.
    graphs : mapping of str to Graph
    measured : mapping of (strategy, split, seed) to sequence of str
        What each run measured at this budget.

    Returns
    -------
    DataFrame
        Table ``error_by_distance``: dataset, graph, model, strategy, budget, metric, distance, mean,
        n_perturbations (different ones), n_values, and ``control_mean``, ``training_mean`` and
        ``split_half``: the floors' and the ceiling's mean over the same perturbations of the same splits. A
        combination is as far as its farthest gene.
    """
    runs = list(measured)
    scores = scores[scores["perturbation"].notna()].dropna(subset=["value"])
    references, scores = scores[scores["strategy"].isna()], scores[scores["strategy"].notna()]
    known = pd.MultiIndex.from_tuples(runs, names=RUN)
    column = known.get_indexer(pd.MultiIndex.from_frame(scores[RUN].astype({"split": int, "seed": int})))
    scores, column = scores[column >= 0], column[column >= 0]
    scores = _beside_references(scores, references)
    names, row = np.unique(scores["perturbation"].to_numpy(str), return_inverse=True)
    tables = [pd.DataFrame(columns=COLUMNS)]
    for label, graph in graphs.items():
        if scores.empty:
            break
        genes = gene_distances(graph, list(measured.values()))
        index = pd.Index(graph.genes)
        unknown = np.full((1, len(runs)), _UNKNOWN, dtype=np.uint8)
        genes = np.vstack([genes, unknown])  # where the index finds nothing, -1, stands the last row
        of_name = np.array([genes[index.get_indexer(name.split("+"))].max(axis=0) for name in names])
        table = scores.assign(graph=label, distance=np.array(DISTANCES)[of_name[row, column]])
        grouped = table.groupby(_KEYS, sort=True, observed=True)
        tables.append(
            grouped.agg(
                mean=("value", "mean"),
                n_perturbations=("perturbation", "nunique"),
                n_values=("value", "size"),
                **{name: (name, "mean") for name in REFERENCES},
            ).reset_index()
        )
    return pd.concat(tables[1:] or tables, ignore_index=True)[COLUMNS]


def _beside_references(scores: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
    """Add to each score those of floors and ceiling for the same perturbation of the same split."""
    at = ["metric", "split", "perturbation"]
    text = {"metric": object, "split": int, "perturbation": object}
    known = references.astype(text).pivot(index=at, columns="model", values="value")
    known = known.reindex(columns=list(REFERENCES)).astype(float)
    values = np.vstack([known.to_numpy(), np.full((1, len(REFERENCES)), np.nan)])
    row = known.index.get_indexer(pd.MultiIndex.from_frame(scores[at].astype(text)))  # -1: the last, missing
    return scores.assign(**dict(zip(REFERENCES, values[row].T, strict=True)))
