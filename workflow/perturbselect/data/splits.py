"""Hold out perturbed genes, and with them every perturbation they take part in."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from perturbselect.errors import InputError


def split(perturbations: np.ndarray, test_share: float, generator: np.random.Generator) -> pd.DataFrame:
    """Divide perturbations into the pool, which may be measured, and the test set.

    The share is drawn of the perturbed *genes*, as GEARS' ``simulation`` split does, so
    that no combination in the pool betrays a held-out gene: a perturbation with any test
    gene is a test perturbation.

    Parameters
    ----------
    perturbations : ndarray of str, shape (P,)
        Names ``A`` or ``A+B``; no control.
    test_share : float
        Share of the genes; their number is rounded (half up) and at least 1.
    generator : numpy.random.Generator

    Returns
    -------
    DataFrame, P rows sorted by name
        ``perturbation``; ``part``: ``pool`` or ``test``; ``unseen_genes``: how many of its genes
        occur in no pool perturbation (our definition: 0 in the pool; a gene that was not drawn
        but is perturbed only together with test genes is unseen too).

    Raises
    ------
    InputError
        If either part would be empty.
    """
    names = np.unique(np.asarray(perturbations, dtype=str))
    genes_of = {name: name.split("+") for name in names}
    genes = sorted({gene for members in genes_of.values() for gene in members})
    drawn = held_out_genes(len(genes), test_share)
    if drawn >= len(genes):
        raise InputError(
            f"splits.test_share: {test_share} of {len(genes)} perturbed genes leaves no pool; "
            "use a smaller share or a screen with more perturbations"
        )
    held_out = set(generator.choice(np.array(genes), drawn, replace=False).tolist())
    is_test = np.array([not held_out.isdisjoint(genes_of[name]) for name in names])
    if is_test.all():
        raise InputError(
            f"splits.test_share: each of the {len(names)} perturbations has one of the {drawn} test genes, "
            "so that the pool is empty; use a smaller share"
        )
    seen = {gene for name in names[~is_test] for gene in genes_of[name]}
    return pd.DataFrame(
        {
            "perturbation": names,
            "part": np.where(is_test, "test", "pool"),
            "unseen_genes": [sum(gene not in seen for gene in genes_of[name]) for name in names],
        }
    )


def held_out_genes(genes: int, test_share: float) -> int:
    """Return how many of `genes` perturbed genes are held out."""
    return max(1, math.floor(test_share * genes + 0.5))
