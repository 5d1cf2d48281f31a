"""What has been picked up to a round, as one table of a selection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from perturbselect.errors import InputError
from perturbselect.selection.strategy import INCLUDE


def so_far(start: pd.DataFrame, batches: Sequence[pd.DataFrame], initial: int) -> pd.DataFrame:
    """Return the start's first picks, then those of all batches.

    Parameters
    ----------
    start : DataFrame
        Selection of the strategy that starts; rows of rank 0 were measured before.
    batches : sequence of DataFrame
        Tables as from `continued`, in the order of the rounds.
    initial : int
        Picks of the start that count.

    Raises
    ------
    InputError
        If the start has fewer picks, or perturbations that must be included do not fit among them.
    """
    if start["rank"].max() < initial:
        raise InputError(
            f"rounds.initial: {initial} perturbations, but the start picked only {start['rank'].max()}; "
            "lower it, or raise the largest budget"
        )
    first = start["rank"] <= initial
    included = int((start["decided_by"] == INCLUDE).sum())
    if included > initial:
        raise InputError(
            f"constraints.include: {included} perturbations do not fit into the {initial} of rounds.initial; "
            "raise it, or include fewer"
        )
    return pd.concat([start[first], *batches], ignore_index=True)


def continued(batch: pd.DataFrame, after: int) -> pd.DataFrame:
    """Bring a batch's table into the form of a selection's, with ranks after those of earlier rounds."""
    return pd.DataFrame(
        {
            "rank": batch["rank"] + after,
            "gene": batch["gene"],
            "gain": batch["gain"],
            # Gains of different rounds are of different criteria: they have no sum.
            "value": np.nan,
            "upper_bound": np.nan,
            "zero_gain": (batch["decided_by"] == "fallback").astype(np.int64),
            "tied": batch["tied"],
            "decided_by": batch["decided_by"],
        }
    )
