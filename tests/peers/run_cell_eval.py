"""Score predicted profiles with cell-eval; runs in its own environment (make celleval).

Usage: run_cell_eval.py GIVEN.npz MADE.npz
"""

import sys

import anndata
import numpy as np
import pandas as pd
import polars as pl
from cell_eval._types import PerturbationAnndataPair, initialize_de_comparison
from cell_eval.metrics import (
    DEDirectionMatch,
    de_overlap_metric,
    discrimination_score,
    mae,
    mse,
    pearson_delta,
)

given = np.load(sys.argv[1])
count, genes = given["true"].shape
# Names in the order of the rows, since cell-eval sorts them.
names = [f"P{i:03d}" for i in range(count)]
gene_names = [f"G{g:03d}" for g in range(genes)]


def screen(control: np.ndarray, profiles: np.ndarray) -> anndata.AnnData:
    """One cell per perturbation, and one of the control."""
    obs = pd.DataFrame({"target": ["control", *names]}, index=["control", *names])
    return anndata.AnnData(np.vstack([control, profiles]), obs=obs, var=pd.DataFrame(index=gene_names))


def by_name(scores: dict[str, float]) -> np.ndarray:
    """Return the scores in the order of the rows; NaN for a perturbation without one."""
    return np.array([scores.get(name, np.nan) for name in names])


def differential(responses: np.ndarray, significant: np.ndarray) -> pl.DataFrame:
    """Write fold changes and significance as a table of differential expression."""
    return pl.DataFrame(
        {
            "target": np.repeat(names, genes),
            "feature": np.tile(gene_names, count),
            "log2_fold_change": responses.ravel(),
            "p_value": np.where(significant.ravel(), 0.0, 1.0),
            "fdr": np.where(significant.ravel(), 0.0, 1.0),
        }
    )


true, predicted, control = given["true"], given["predicted"], given["control"]
truth, prediction = screen(control, control + true), screen(control, control + predicted)
# The same predicted profiles, beside a control that the model made up.
own_control = screen(control + given["control_shift"], control + predicted)
alike = screen(control, control + np.tile(predicted[:1], (count, 1)))
pair, made_up, tied = (
    PerturbationAnndataPair(real, pred, "target", "control")
    for real, pred in ((truth, prediction), (truth, own_control), (alike, prediction))
)
of_significant, of_top = (
    initialize_de_comparison(
        differential(true, given[mask]), differential(predicted, np.ones_like(given[mask]))
    )
    for mask in ("significant", "top")
)
made = {
    "mse": by_name(mse(pair)),
    "mae": by_name(mae(pair)),
    "pearson_delta": by_name(pearson_delta(pair)),
    "discrimination": by_name(discrimination_score(pair, metric="l2", exclude_target_gene=False)),
    "discrimination_tied": by_name(discrimination_score(tied, metric="l2", exclude_target_gene=False)),
    "overlap": by_name(de_overlap_metric(of_significant, k=None)),
    "direction": by_name(DEDirectionMatch()(of_top)),
    "pearson_delta_of_made_up_control": by_name(pearson_delta(made_up)),
}
np.savez(sys.argv[2], **made)
