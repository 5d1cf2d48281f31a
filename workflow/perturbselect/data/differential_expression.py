"""Differential expression of each perturbation against the control cells.

Each perturbation is tested by itself against control; nothing is pooled over
perturbations, so a test perturbation cannot leak into a training one.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import stats

from perturbselect.errors import InputError


def welch_t_test(
    perturbation_sums: np.ndarray, n_cells: np.ndarray, control_sums: np.ndarray, n_controls: int
) -> tuple[np.ndarray, np.ndarray]:
    """Welch's t-test of every gene from power sums: what scanpy's ``t-test`` computes.

    Parameters
    ----------
    perturbation_sums : ndarray of float64, shape (4, P, G)
        Power sums of each perturbation's cells (`moments.group_power_sums`).
    n_cells : ndarray of int, shape (P,)
    control_sums : ndarray of float64, shape (4, G)
    n_controls : int

    Returns
    -------
    scores, p_values : ndarray of float64, shape (P, G)
        As in scanpy, 0 and 1 where neither side varies (or there is a single cell).
    """
    n_cells = np.asarray(n_cells, dtype=np.float64)[:, None]
    mean, sd = _mean_and_sd(perturbation_sums, n_cells)
    control_mean, control_sd = _mean_and_sd(control_sums, np.float64(n_controls))
    with np.errstate(divide="ignore", invalid="ignore"):
        scores, p_values = stats.ttest_ind_from_stats(
            mean, sd, n_cells, control_mean, control_sd, n_controls, equal_var=False
        )
    undefined = ~np.isfinite(scores)
    return np.where(undefined, 0.0, scores), np.where(undefined, 1.0, p_values)


def _mean_and_sd(sums: np.ndarray, n: np.ndarray | np.float64) -> tuple[np.ndarray, np.ndarray]:
    mean = sums[0] / n
    squares = sums[1] - n * mean**2
    # A gene with the same value in all cells has squares of rounding size, not 0.
    squares = np.where(squares <= 1e-12 * sums[1], 0.0, squares)
    with np.errstate(divide="ignore", invalid="ignore"):
        return mean, np.sqrt(squares / (n - 1))


def wilcoxon_test(expression: AnnData, perturbations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wilcoxon rank-sum test of every gene through scanpy (ties corrected).

    Parameters
    ----------
    expression : AnnData, cells x G genes
        Log-normalised, in memory; ``obs``: ``perturbation``, ``is_control``.
    perturbations : ndarray of str, shape (P,)
        Perturbations to test, each with at least 2 cells.

    Returns
    -------
    scores, p_values : ndarray of float64, shape (P, G)
    """
    # Here and not above: scanpy takes seconds to import, and the t-test does without it.
    import scanpy as sc

    labels = pd.Categorical(
        np.where(expression.obs["is_control"], "control", expression.obs["perturbation"].astype(str))
    )
    labelled = AnnData(
        X=expression.X,
        obs=pd.DataFrame({"perturbation": labels}, index=expression.obs_names),
        var=pd.DataFrame(index=expression.var_names),
    )
    # A gene with one value in all cells divides 0 by 0; scanpy's table of groups is fragmented.
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", pd.errors.PerformanceWarning)
        sc.tl.rank_genes_groups(
            labelled,
            "perturbation",
            groups=[str(name) for name in perturbations],
            reference="control",
            method="wilcoxon",
            tie_correct=True,
        )
    tested = labelled.uns["rank_genes_groups"]
    scores = np.zeros((len(perturbations), expression.n_vars))
    p_values = np.ones_like(scores)
    for row, name in enumerate(perturbations):
        genes = expression.var_names.get_indexer(tested["names"][name])
        scores[row, genes] = tested["scores"][name]
        p_values[row, genes] = tested["pvals"][name]
    undefined = ~np.isfinite(scores)
    return np.where(undefined, 0.0, scores), np.where(undefined, 1.0, p_values)


def rank_genes(scores: np.ndarray) -> np.ndarray:
    """Rank each perturbation's genes by the size of their score; ties keep the genes' order.

    Parameters
    ----------
    scores : ndarray of float, shape (P, G)

    Returns
    -------
    ndarray of uint16, shape (P, G)
        0 = strongest differential expression.
    """
    if scores.shape[1] > np.iinfo(np.uint16).max:
        raise InputError(
            f"{scores.shape[1]} genes are too many to rank (at most 65535): "
            "set preprocess.highly_variable_genes"
        )
    order = np.argsort(-np.abs(scores), axis=1, kind="stable")
    ranks = np.empty(scores.shape, dtype=np.uint16)
    np.put_along_axis(ranks, order, np.arange(scores.shape[1], dtype=np.uint16)[None, :], axis=1)
    return ranks


def significant_genes(p_values: np.ndarray, level: float = 0.05) -> np.ndarray:
    """Mark genes with a Benjamini-Hochberg adjusted p-value below `level`, per perturbation.

    Parameters
    ----------
    p_values : ndarray of float, shape (P, G)

    Returns
    -------
    ndarray of uint8, shape (P, G)
    """
    return (stats.false_discovery_control(p_values, axis=1, method="bh") < level).astype(np.uint8)
