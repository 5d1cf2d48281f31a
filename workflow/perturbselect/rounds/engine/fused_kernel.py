"""One kernel of several: the model's Gram matrix and kernels known before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
import pandas as pd

from perturbselect.errors import InputError


def prior_kernels(
    priors: Mapping[str, pd.DataFrame], wanted: Sequence[str], names: np.ndarray
) -> list[np.ndarray]:
    """Return the wanted kernels with rows and columns in the order of `names`, float64, shape (m, m).

    Raises
    ------
    InputError
        If a kernel is not there, lacks some of the perturbations (named), or is not finite.
    """
    kernels = []
    for name in wanted:
        if name not in priors:
            known = ", ".join(sorted(priors)) or "none"
            raise InputError(f"priors: there is no kernel '{name}'; known: {known}")
        kernel = priors[name]
        missing = pd.Index(names).difference(kernel.index.intersection(kernel.columns))
        if len(missing):
            shown = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
            raise InputError(
                f"priors: kernel '{name}' lacks {len(missing)} of {len(names)} perturbations: {shown}; "
                "give it rows for them, or leave the kernel out"
            )
        values = kernel.loc[names, names].to_numpy(np.float64)
        if not np.isfinite(values).all():
            row = np.argwhere(~np.isfinite(values))[0][0]
            raise InputError(
                f"priors: kernel '{name}': perturbation '{names[row]}' has a value that is no number"
            )
        kernels.append(values)
    return kernels


def fuse(kernels: Sequence[np.ndarray], how: str) -> np.ndarray:
    """Divide each kernel by its largest value, then take mean, maximum or product of each entry.

    As in IterPert (Huang et al. 2023), whose best fusion is the mean. Mean and product of positive
    semidefinite kernels are positive semidefinite, their maximum need not be: squared distances from
    it that are below 0 count as 0. A kernel without a positive value says nothing and is left out; if all
    are, the result is 0 everywhere.

    Parameters
    ----------
    kernels : sequence of ndarray of float64, each of shape (m, m)
    how : str
        A key of `FUSIONS`.

    Returns
    -------
    ndarray of float64, shape (m, m)
    """
    telling = [kernel / kernel.max() for kernel in kernels if kernel.size and kernel.max() > 0]
    if not telling:
        return np.zeros_like(kernels[0])
    operation = {"mean": np.add, "max": np.maximum, "product": np.multiply}[how]
    fused = reduce(operation, telling)
    return fused / len(telling) if how == "mean" else fused
