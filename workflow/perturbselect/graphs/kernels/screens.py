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
    features, known = _there(values - values.mean(axis=0), responses.index, perturbations, name)
    strength = np.einsum("pg,pg->p", features, features)
    print(f"screen({name}): measured {known.sum()} of {len(known)} perturbations; the others are alone")
    if not linear:
        features[known] /= np.sqrt(strength[known])[:, None]
        strength[known] = 1
    kernel = features @ features.T / strength[known].mean()
    kernel[~known, ~known] = 1
    return (kernel + kernel.T) / 2 if linear else unit_diagonal(kernel)


def continued_screen(
    responses: pd.DataFrame,
    perturbations: Sequence[str] | np.ndarray,
    along: pd.DataFrame,
    *,
    linear: bool,
    name: str = "screen",
) -> np.ndarray:
    """Return expected inner products of responses in another screen, measured there or not (our definition).

    With f ~ m + GP(0, s K) for each gene's response and K the kernel ``along``, kernel ridge on what
    the other screen measured, R (less m), predicts what it did not, with means M and covariance s C.
    The kernel is R Rᵀ / G between the measured, R Mᵀ / G between a measured one and another, and
    M Mᵀ / G + s C between the others: where the other screen says nothing it is K, up to scale.
    R holds noise, which makes the measured less alike; M and C are of f, without noise.

    Parameters
    ----------
    responses, perturbations, name
        As for `screen`. A combination that is not measured, and not of measured genes, is continued.
    linear : bool
        Inner products, scaled to a mean diagonal of 1 among the measured. Else their cosines.
    along : DataFrame
        Kernel over the perturbations of both screens.

    Returns
    -------
    ndarray of float64, shape (P, P)

    Raises
    ------
    InputError
        If the screens have no two perturbations in common.

    Notes
    -----
    The penalty is that of least leave-one-out error in the other screen, m the generalised
    least-squares mean (C leaves its uncertainty out), s the mean over genes of the
    maximum-likelihood estimate. O(n^3) for n perturbations there.
    """
    from perturbselect.models.ridge.choice import leave_one_out_penalty
    from perturbselect.models.ridge.fit import RidgeFit

    names, values = np.asarray(perturbations, dtype=str), responses.to_numpy(np.float64)
    near = along.loc[responses.index, responses.index].to_numpy()
    fit = RidgeFit.of(near, values, leave_one_out_penalty(near, values)[0])
    weights = fit.inverse.sum(axis=0)
    values = values - weights @ values / weights.sum()
    features, known = _there(values, responses.index, names, name)
    scale = np.einsum("ng,nm,mg->", values, fit.inverse, values, optimize=True) / len(values)
    print(
        f"screen({name}): measured {known.sum()} of {len(known)} perturbations; continued to the others "
        f"from {len(values)}, penalty {fit.penalty:.3g}"
    )
    others = names[~known]
    cross = along.loc[others, responses.index].to_numpy()
    features[~known] = cross @ (fit.inverse @ values)
    kernel = features @ features.T
    unsaid = along.loc[others, others].to_numpy() - cross @ fit.inverse @ cross.T
    kernel[np.ix_(~known, ~known)] += scale * unsaid
    if not linear:
        return unit_diagonal(kernel)
    kernel /= np.diag(kernel)[known].mean()
    return (kernel + kernel.T) / 2


def _there(
    values: np.ndarray, rows: pd.Index, perturbations: Sequence[str] | np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return what each perturbation did in another screen, (P, G), and whether that is known; else 0."""
    rows = pd.Index(rows.astype(str))
    features = np.zeros((len(perturbations), values.shape[1]))
    known = np.zeros(len(perturbations), dtype=bool)
    for place, perturbation in enumerate(map(str, perturbations)):
        parts = [perturbation] if perturbation in rows else perturbation.split("+")
        found = rows.get_indexer(parts)
        if (found >= 0).all():
            features[place], known[place] = values[found].sum(axis=0), True
    known &= np.einsum("pg,pg->p", features, features) > 0
    if known.sum() < 2:
        raise InputError(
            f"screen({name}): it measured {known.sum()} of the {len(known)} perturbations of this screen; "
            "take a screen of the same genes, or reconcile the names (gene_names.aliases)"
        )
    return features, known
