"""The predictions of a run, all its budgets, in one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from anndata import AnnData

    from perturbselect.models.model import Prediction


def join_budgets(
    predictions: Mapping[str, Prediction],
    n_selected: Mapping[str, int],
    test: np.ndarray,
    genes: Sequence[str] | pd.Index,
    about: Mapping[str, Any],
) -> AnnData:
    """Put one run's predictions at every budget into one matrix.

    Parameters
    ----------
    predictions : mapping of str to Prediction
        By budget.
    n_selected : mapping of str to int
        Perturbations picked for each budget.
    test : ndarray of str, shape (T,)
        Test perturbations.
    genes : sequence of str, length G
        Genes.
    about : mapping
        Names the run: dataset, model, strategy, split, seed; and whether the data are simulated.

    Returns
    -------
    AnnData
        Rows ``budget/perturbation``, B·T of them in the order of the budgets; X float32 predicted responses;
        ``obs`` budget, n_selected and perturbation; layer ``variance`` and ``obsm['histograms']``
        where the model gives them; ``uns`` is `about`.
    """
    import anndata

    budgets = list(predictions)
    obs = pd.DataFrame(
        {
            "budget": np.repeat(budgets, len(test)),
            "n_selected": np.repeat([n_selected[budget] for budget in budgets], len(test)),
            "perturbation": np.tile(test, len(budgets)),
        }
    )
    obs.index = pd.Index(obs["budget"] + "/" + obs["perturbation"])

    def joined(part: str) -> np.ndarray | None:
        values = [getattr(prediction, part) for prediction in predictions.values()]
        return None if any(value is None for value in values) else np.concatenate(values)

    made = anndata.AnnData(
        np.concatenate([prediction.mean for prediction in predictions.values()]).astype(np.float32),
        obs=obs,
        var=pd.DataFrame(index=pd.Index(genes)),
        uns=dict(about),
    )
    variance, histograms = joined("variance"), joined("histograms")
    if variance is not None:
        made.layers["variance"] = variance.astype(np.float32)
    if histograms is not None:
        made.obsm["histograms"] = histograms
    return made


def by_budget(run: AnnData) -> Iterator[AnnData]:
    """Take a run's predictions apart, in the order of its budgets.

    Parameters
    ----------
    run : AnnData
        As from `join_budgets`.

    Yields
    ------
    AnnData
        One budget: rows are the test perturbations by name, ``uns`` has ``budget`` and
        ``n_selected`` too.
    """
    budgets = run.obs["budget"].to_numpy(str)
    for budget in dict.fromkeys(budgets):
        part = run[budgets == budget].copy()
        part.uns |= {"budget": str(budget), "n_selected": int(part.obs["n_selected"].iloc[0])}
        part.obs_names = part.obs.pop("perturbation").to_numpy(str)
        yield part
