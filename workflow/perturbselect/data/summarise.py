"""From cells to one row per perturbation: responses, their moments, differential expression."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from anndata import AnnData

from perturbselect.data.differential_expression import (
    rank_genes,
    significant_genes,
    welch_t_test,
    wilcoxon_test,
)
from perturbselect.data.moments import group_power_sums, pairing_moments, row_chunks
from perturbselect.errors import InputError


def summarise(
    expression: AnnData, test: Literal["t-test", "wilcoxon"], generator: np.random.Generator
) -> AnnData:
    """Summarise the cells of each perturbation against the control cells.

    One pass over the cells, in blocks; X may be backed by a file (the Wilcoxon test,
    which needs ranks, reads it into memory).

    Parameters
    ----------
    expression : AnnData, n cells x G genes
        Log-normalised; ``obs``: ``perturbation``, ``is_control``; ``var``:
        ``highly_variable``, ``perturbed``.
    test : {'t-test', 'wilcoxon'}
        Test of differential expression (t-test: Welch).
    generator : numpy.random.Generator
        Draws the halves.

    Returns
    -------
    AnnData, P perturbations (sorted) x G genes
        X float32 : mean response, E[r] of r = y - x over all pairs (cell, control cell).

        layers : ``m2``, ``m3``, ``m4`` float32: E[r²], E[r³], E[r⁴]; ``expressed`` uint8:
        the gene's mean in the perturbation is not 0; ``half_1``, ``half_2`` float32: mean
        response of two random halves of the cells, each against its own half of the
        control cells, so that their noise is independent; ``de_rank`` uint16: 0 =
        strongest differential expression; ``de_significant`` uint8: adjusted p < 0.05.

        obs : ``n_cells``; var : ``control_mean`` float32, ``perturbed``, ``highly_variable``;
        uns : ``simulated``, ``type``, ``n_control_cells``.

    Raises
    ------
    InputError
        If the control or a perturbation has fewer than two cells.
    """
    is_control = expression.obs["is_control"].to_numpy(bool)
    labels = np.where(is_control, "control", expression.obs["perturbation"].astype(str).to_numpy())
    perturbations = np.unique(labels[~is_control])
    # Group 0 is the control; perturbation i is group i + 1.
    groups = np.where(is_control, 0, np.searchsorted(perturbations, labels) + 1)
    n_cells = np.bincount(groups, minlength=len(perturbations) + 1)
    if (n_cells < 2).any():
        few = ["control", *perturbations][int(np.argmin(n_cells))]
        raise InputError(f"'{few}' has fewer than 2 cells: raise preprocess.min_cells or check the screen")

    half = random_halves(groups, generator)
    sums = group_power_sums(row_chunks(expression), 2 * groups + half, 2 * len(n_cells))
    half_sums = sums.reshape(4, len(n_cells), 2, -1)
    sums = half_sums.sum(axis=2)
    half_sizes = np.stack([n_cells - n_cells // 2, n_cells // 2])
    half_means = half_sums[0].transpose(1, 0, 2) / half_sizes[:, :, None]
    halves = half_means[:, 1:] - half_means[:, :1]

    moments = pairing_moments(sums[:, 1:], n_cells[1:], sums[:, 0], int(n_cells[0]))
    if test == "t-test":
        scores, p_values = welch_t_test(sums[:, 1:], n_cells[1:], sums[:, 0], int(n_cells[0]))
    else:
        scores, p_values = wilcoxon_test(
            expression.to_memory() if expression.isbacked else expression, perturbations
        )

    return AnnData(
        X=moments[0].astype(np.float32),
        obs=pd.DataFrame({"n_cells": n_cells[1:]}, index=pd.Index(perturbations.astype(str))),
        var=pd.DataFrame(
            {
                "control_mean": (sums[0, 0] / n_cells[0]).astype(np.float32),
                "perturbed": expression.var["perturbed"].to_numpy(bool),
                "highly_variable": expression.var["highly_variable"].to_numpy(bool),
            },
            index=expression.var_names.copy(),
        ),
        layers={
            "m2": moments[1].astype(np.float32),
            "m3": moments[2].astype(np.float32),
            "m4": moments[3].astype(np.float32),
            "expressed": (sums[0, 1:] != 0).astype(np.uint8),
            "half_1": halves[0].astype(np.float32),
            "half_2": halves[1].astype(np.float32),
            "de_rank": rank_genes(scores),
            "de_significant": significant_genes(p_values),
        },
        uns={
            "simulated": bool(expression.uns.get("simulated", False)),
            "type": "cells",
            "n_control_cells": int(n_cells[0]),
        },
    )


def random_halves(groups: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Split each group of cells at random into half 0 and half 1 (half 0 takes the odd cell).

    Parameters
    ----------
    groups : ndarray of int, shape (n,)
        Group of each cell, from 0.

    Returns
    -------
    ndarray of int, shape (n,)
    """
    order = np.lexsort((generator.random(len(groups)), groups))
    starts = np.concatenate([[0], np.cumsum(np.bincount(groups))])
    half = np.empty(len(groups), dtype=np.int64)
    half[order] = (np.arange(len(groups)) - starts[groups[order]]) % 2
    return half
