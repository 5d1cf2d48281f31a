"""Score one run's predictions against the truth; the floors and the split-half ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from perturbselect.data.histograms import HistogramFile, as_shares
from perturbselect.errors import InputError
from perturbselect.scores.distributions import Distributions
from perturbselect.scores.metrics import METRICS, strongest_genes

if TYPE_CHECKING:
    from anndata import AnnData

CEILING = "split_half"
FLOORS = ["control_mean", "training_mean"]
# What figures and tables call the floors and the ceiling.
REFERENCES = {
    "control_mean": "floor: control mean",
    "training_mean": "floor: training mean",
    CEILING: "ceiling: split half",
}
# Not a metric: what predictions are ordered by when the least certain ones are left out.
PREDICTED_VARIANCE = "predicted_variance"
AT_ONCE = 64  # perturbations whose histograms are read together: memory does not grow with the pool
RUN_COLUMNS = ["dataset", "model", "strategy", "split", "seed", "budget", "n_selected"]


@dataclass(frozen=True)
class Truth:
    """What all runs of a split are scored against.

    Attributes
    ----------
    perturbations : Index of str, length P
        Test perturbations of the split.
    genes : Index of str, length G
        Genes.
    responses : ndarray of float64, shape (P, G)
        Their true responses.
    arguments : dict
        What metrics need beside predictions and truth: ``pool_mean``, the mean response of all other
        perturbations, and ``de20`` and ``significant`` where differential expression is known.
    """

    perturbations: pd.Index
    genes: pd.Index
    responses: np.ndarray
    arguments: dict[str, Any]

    @classmethod
    def of_split(cls, responses: AnnData, test: Sequence[str], what: str = "the split") -> Truth:
        """Take a split's truth from a dataset's responses.

        Parameters
        ----------
        responses : AnnData
            True responses (X: Δ; layers ``de_rank`` and ``de_significant`` where known).
        test : sequence of str
            Test perturbations; all others are the pool, whose mean is the reference.
        what : str
            Names the split in a message.

        Raises
        ------
        InputError
            If a test perturbation has no response.
        """
        unknown = pd.Index(test).difference(responses.obs_names)
        if len(unknown):
            raise InputError(
                f"{what}: perturbation '{unknown[0]}' ({len(unknown)} in all) has no measured response; "
                "make the predictions again from this dataset's split"
            )
        truth = responses[list(test)]
        pool = responses[~responses.obs_names.isin(test)]
        arguments: dict[str, Any] = {"pool_mean": _dense(pool.X).mean(axis=0)}
        if "de_rank" in truth.layers:
            arguments["de20"] = strongest_genes(np.asarray(truth.layers["de_rank"]))
        if "de_significant" in truth.layers:
            arguments["significant"] = np.asarray(truth.layers["de_significant"])
        return cls(pd.Index(test, dtype=object), responses.var_names, _dense(truth.X), arguments)


def _dense(values) -> np.ndarray:
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=np.float64)


def _measure(
    predicted: np.ndarray, true: np.ndarray, perturbations: Sequence[str], arguments: Mapping[str, Any]
) -> pd.DataFrame:
    """Compute every metric whose arguments are at hand."""
    parts = []
    for name, metric in METRICS.items():
        if not set(metric.needs) <= set(arguments):
            continue
        value = np.atleast_1d(metric.function(predicted, true, *(arguments[need] for need in metric.needs)))
        undefined = np.isnan(value)
        parts.append(
            pd.DataFrame(
                {
                    "perturbation": perturbations if metric.level == "perturbation" else [None],
                    "metric": name,
                    "value": np.where(undefined, metric.undefined, value),
                    "undefined": undefined.astype(np.uint8),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def score(truth: Truth, predictions: AnnData, histograms: HistogramFile | None = None) -> pd.DataFrame:
    """Score the predictions of one run by every metric that its data allow.

    Parameters
    ----------
    truth : Truth
        Of the run's split.
    predictions : AnnData
        Rows are the test perturbations in any order, X the predicted responses; layer ``variance``
        and ``obsm['histograms']`` (shares of cells, float, shape (P, G, K)) where the model gives
        them; ``uns`` names the run (`RUN_COLUMNS`).
    histograms : HistogramFile or None
        Cells of the dataset; needed only to score predicted histograms.

    Returns
    -------
    DataFrame
        One row per perturbation and metric (metrics of level ``set``: one row, perturbation
        empty): the columns of `RUN_COLUMNS`, then perturbation, metric, value, undefined (1
        where the metric is undefined; the value is then the metric's stand-in, or missing). Where
        the model gives a variance, also its mean over genes (`PREDICTED_VARIANCE`).

    Raises
    ------
    InputError
        If perturbations or genes differ from the truth's, or a prediction is not finite.
    """
    run = {column: predictions.uns.get(column) for column in RUN_COLUMNS}
    what = "predictions of " + ", ".join(f"{k} {v}" for k, v in run.items() if v is not None and v != "")
    if predictions.n_obs == 0:
        raise InputError(f"{what}: there are none; check the split's test perturbations")
    test, arguments = truth.perturbations, dict(truth.arguments)
    if sorted(predictions.obs_names) != sorted(test):
        different = predictions.obs_names.symmetric_difference(test)
        why = f"'{different[0]}' stands only in one of them" if len(different) else "some stand there twice"
        raise InputError(
            f"{what}: perturbations are not the split's test perturbations ({why}); make them again"
        )
    if not predictions.var_names.equals(truth.genes):
        different = predictions.var_names.symmetric_difference(truth.genes)
        why = f"gene '{different[0]}' stands only in one of them" if len(different) else "their order differs"
        raise InputError(f"{what}: genes are not those of the responses ({why}); make the predictions again")
    if not predictions.obs_names.equals(test):
        predictions = predictions[test]
    predicted = _dense(predictions.X)
    if "variance" in predictions.layers:
        arguments["variance"] = _dense(predictions.layers["variance"])
    for part, values in {"response": predicted, "variance": arguments.get("variance")}.items():
        if values is not None and not np.isfinite(values).all():
            row, column = np.argwhere(~np.isfinite(values))[0]
            raise InputError(
                f"{what}: the predicted {part} of perturbation '{predictions.obs_names[row]}' in gene "
                f"'{predictions.var_names[column]}' is {values[row, column]}; the model diverged: lower its "
                "learning rate or leave this run out"
            )
    if histograms is not None and "histograms" in predictions.obsm:
        shares = np.asarray(predictions.obsm["histograms"])
        if not np.allclose(shares.sum(axis=2), 1, atol=1e-3) or shares.min() < 0:
            raise InputError(f"{what}: the predicted histograms are no shares of cells; the model diverged")
        arguments["distributions"] = Distributions.beside(histograms.of(test), shares)
    tables = [_measure(predicted, truth.responses, test, arguments)]
    if "variance" in arguments:
        tables.append(
            pd.DataFrame(
                {
                    "perturbation": test,
                    "metric": PREDICTED_VARIANCE,
                    "value": arguments["variance"].mean(axis=1),
                    "undefined": np.uint8(0),
                }
            )
        )
    return _with_run(pd.concat(tables, ignore_index=True), run)


def floor(
    responses: AnnData,
    test: Sequence[str],
    dataset: str,
    split: int,
    histograms: HistogramFile | None = None,
) -> pd.DataFrame:
    """Score what every model must beat: no response at all, and the mean perturbation.

    Parameters
    ----------
    responses : AnnData
        True responses.
    test : sequence of str
        Test perturbations.
    dataset : str
        Name of the dataset.
    split : int
        Number of the split.
    histograms : HistogramFile or None
        Cells of the dataset: with them, distributions are scored too.

    Returns
    -------
    DataFrame
        As from `score`, for the models ``control_mean`` (0 everywhere) and ``training_mean`` (the
        mean response of all perturbations outside the test set), with empty strategy, seed,
        budget and n_selected. Their distributions: that of the control cells, and the mean of those
        of all perturbations outside the test set.
    """
    truth = Truth.of_split(responses, test, f"floor of dataset {dataset}, split {split}")
    true, arguments = truth.responses, truth.arguments
    profiles = {"control_mean": np.zeros(true.shape[1]), "training_mean": arguments["pool_mean"]}
    tables = []
    for model, profile in profiles.items():
        if histograms is not None:
            shares = _floor_shares(histograms, responses, test, model)
            arguments["distributions"] = Distributions.beside(histograms.of(test), shares)
        table = _measure(np.broadcast_to(profile, true.shape), true, list(test), arguments)
        tables.append(_with_run(table, {"dataset": dataset, "split": split, "model": model}))
    return pd.concat(tables, ignore_index=True)


def _floor_shares(
    histograms: HistogramFile, responses: AnnData, test: Sequence[str], model: str
) -> np.ndarray:
    """Return a floor's histograms, shape (G, K)."""
    if model == "control_mean":
        return as_shares(histograms.of(test[:1]).control)
    pool = responses.obs_names[~responses.obs_names.isin(test)]
    parts = (pool[start : start + AT_ONCE] for start in range(0, len(pool), AT_ONCE))
    return sum(histograms.of(part).shares().sum(axis=0, dtype=np.float64) for part in parts) / len(pool)


def ceiling(
    responses: AnnData,
    test: Sequence[str],
    dataset: str,
    split: int,
    histograms: HistogramFile | None = None,
) -> pd.DataFrame:
    """Score one half of each test perturbation's cells as a prediction of the other half.

    What noise alone leaves: a model that knew the truth exactly would do a little better, since
    a half has more noise than all cells. Parameters are those of `floor`; the responses have the
    layers ``half_1`` and ``half_2``.

    Returns
    -------
    DataFrame
        As from `score`, with model ``split_half`` and empty strategy, seed, budget and
        n_selected. Without the layers: the same columns, no rows.
    """
    run = {"dataset": dataset, "split": split, "model": CEILING}
    truth = Truth.of_split(responses, test, f"ceiling of dataset {dataset}, split {split}")
    true, arguments = truth.responses, truth.arguments
    if not {"half_1", "half_2"} <= set(responses.layers):
        return _with_run(_measure(true, true, list(test), arguments).iloc[:0], run)
    if histograms is not None:
        arguments["distributions"] = Distributions.of_halves(histograms.of(test))
    first, second = (_dense(responses[list(test)].layers[half]) for half in ("half_1", "half_2"))
    table = _measure(first, second, list(test), arguments)
    return _with_run(table, run)


def _with_run(table: pd.DataFrame, run: Mapping[str, Any]) -> pd.DataFrame:
    """Put the columns that name the run in front; empty where it has no such thing."""
    table = table.copy()
    for position, column in enumerate(RUN_COLUMNS):
        value = run.get(column)
        value = None if value is None or value == "" else value
        if column in {"split", "seed", "n_selected"}:
            values = pd.array([None if value is None else int(value)] * len(table), dtype="Int64")
        else:
            values = np.full(len(table), None if value is None else str(value), dtype=object)
        table.insert(position, column, values)
    return table
