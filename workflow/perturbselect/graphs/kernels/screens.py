"""Kernels from the responses of another screen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from perturbselect.errors import InputError
from perturbselect.graphs.kernels.scaling import unit_diagonal


def screen(
    responses: pd.DataFrame, perturbations: Sequence[str] | np.ndarray, *, linear: bool, name: str = "screen"
) -> np.ndarray:
    """Inner products of what perturbations did in another screen, less their mean there.

    Parameters
    ----------
    responses : DataFrame, one row a perturbation of the other screen
    perturbations : sequence of str, length P
        Of this screen. Those that the other did not measure are like themselves only; a
        combination that it did not measure is the sum of its genes' responses, if it
        measured these all.
    linear : bool
        Inner products, scaled to a mean diagonal of 1: a strong response weighs more. Else
        their cosines.
    name : str
        What messages call the screen.

    Returns
    -------
    ndarray of float64, shape (P, P)

    Raises
    ------
    InputError
        If the screens have no two perturbations in common.
    """
    values = responses.to_numpy(np.float64)
    values = values - values.mean(axis=0)
    rows = pd.Index(responses.index.astype(str))
    features = np.zeros((len(perturbations), values.shape[1]))
    known = np.zeros(len(perturbations), dtype=bool)
    for place, perturbation in enumerate(map(str, perturbations)):
        parts = [perturbation] if perturbation in rows else perturbation.split("+")
        found = rows.get_indexer(parts)
        if (found >= 0).all():
            features[place], known[place] = values[found].sum(axis=0), True
    strength = np.einsum("pg,pg->p", features, features)
    known &= strength > 0
    if known.sum() < 2:
        raise InputError(
            f"screen({name}): it measured {known.sum()} of the {len(known)} perturbations of this screen; "
            "take a screen of the same genes, or reconcile the names (gene_names.aliases)"
        )
    print(f"screen({name}): measured {known.sum()} of {len(known)} perturbations; the others are alone")
    if not linear:
        features[known] /= np.sqrt(strength[known])[:, None]
        strength[known] = 1
    kernel = features @ features.T / strength[known].mean()
    kernel[~known, ~known] = 1
    return (kernel + kernel.T) / 2 if linear else unit_diagonal(kernel)
