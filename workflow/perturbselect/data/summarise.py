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
from perturbselect.data.moments import HIGHEST, add_power_sums, pairing_moments, row_chunks
from perturbselect.errors import InputError

AT_ONCE = 64  # perturbations


def summarise(
    expression: AnnData, test: Literal["t-test", "wilcoxon"], generator: np.random.Generator
) -> AnnData:
    """Summarise the cells of each perturbation against the control cells.

    One pass over the cells, in blocks; X may be backed by a file (the Wilcoxon test,
    which needs ranks, reads it into memory). Memory does not grow with the number
    of cells, but for their labels; `benchmarks/moments.py` measures it.

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
    perturbations, groups = cell_groups(expression.obs)
    n_cells = np.bincount(groups, minlength=len(perturbations) + 1)
    if (n_cells < 2).any():
        few = ["control", *perturbations][int(np.argmin(n_cells))]
        raise InputError(f"'{few}' has fewer than 2 cells: raise preprocess.min_cells or check the screen")

    # Group 0 is the control; perturbation i is group i + 1.
    sums = np.zeros((HIGHEST, len(n_cells), expression.n_vars))
    first_halves = np.zeros((1, len(n_cells), expression.n_vars))
    half = random_halves(groups, generator)
    start = 0
    for chunk in row_chunks(expression):
        rows = slice(start, start + chunk.shape[0])
        start += chunk.shape[0]
        add_power_sums(sums, chunk, groups[rows])
        add_power_sums(first_halves, chunk, np.where(half[rows] == 0, groups[rows], -1))

    shape = (len(perturbations), expression.n_vars)
    layers = {name: np.empty(shape, np.float32) for name in ("m1", "m2", "m3", "m4", "half_1", "half_2")}
    layers["expressed"] = (sums[0, 1:] != 0).astype(np.uint8)
    ranks, significant = np.empty(shape, np.uint16), np.empty(shape, np.uint8)
    tested = None
    if test == "wilcoxon":
        tested = wilcoxon_test(expression.to_memory() if expression.isbacked else expression, perturbations)
    # A few perturbations at a time: the arrays in double precision would otherwise be the peak.
    for block in np.array_split(np.arange(len(perturbations)), -(-len(perturbations) // AT_ONCE)):
        of, n = sums[:, 1 + block], n_cells[1 + block]
        moments = pairing_moments(of, n, sums[:, 0], int(n_cells[0]))
        for name, moment in zip(("m1", "m2", "m3", "m4"), moments, strict=True):
            layers[name][block] = moment
        layers["half_1"][block], layers["half_2"][block] = _half_responses(
            sums[0], first_halves[0], n_cells, 1 + block
        )
        if tested is None:
            scores, p_values = welch_t_test(of, n, sums[:, 0], int(n_cells[0]))
        else:
            scores, p_values = tested[0][block], tested[1][block]
        ranks[block], significant[block] = rank_genes(scores), significant_genes(p_values)

    return AnnData(
        X=layers.pop("m1"),
        obs=pd.DataFrame({"n_cells": n_cells[1:]}, index=pd.Index(perturbations.astype(str))),
        var=pd.DataFrame(
            {
                "control_mean": (sums[0, 0] / n_cells[0]).astype(np.float32),
                "perturbed": expression.var["perturbed"].to_numpy(bool),
                "highly_variable": expression.var["highly_variable"].to_numpy(bool),
            },
            index=expression.var_names.copy(),
        ),
        layers=layers | {"de_rank": ranks, "de_significant": significant},
        uns={
            "simulated": bool(expression.uns.get("simulated", False)),
            "type": "cells",
            "n_control_cells": int(n_cells[0]),
        },
    )


def cell_groups(obs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the perturbations, sorted, and the group of each cell: 0 the control, i + 1 perturbation i.

    Parameters
    ----------
    obs : DataFrame of n cells
        Columns ``perturbation``, ``is_control``.

    Returns
    -------
    perturbations : ndarray of str, shape (P,)
    groups : ndarray of int, shape (n,)
    """
    is_control = obs["is_control"].to_numpy(bool)
    # By codes: millions of cells have few labels.
    labels = pd.Categorical(obs["perturbation"])
    names = labels.categories.astype(str).to_numpy(dtype=str)
    present = np.zeros(len(names), bool)
    present[labels.codes[~is_control]] = True
    perturbations = np.sort(names[present])
    rank = np.searchsorted(perturbations, names) + 1
    return perturbations, np.where(is_control, 0, rank[labels.codes])


def _half_responses(
    sums: np.ndarray, first_halves: np.ndarray, n_cells: np.ndarray, groups: np.ndarray
) -> list[np.ndarray]:
    """Return the mean responses of both halves of some groups, each against its half of group 0."""
    chosen = np.append(0, groups)
    first = first_halves[chosen] / (n_cells - n_cells // 2)[chosen, None]
    second = (sums[chosen] - first_halves[chosen]) / (n_cells // 2)[chosen, None]
    return [half[1:] - half[0] for half in (first, second)]


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
