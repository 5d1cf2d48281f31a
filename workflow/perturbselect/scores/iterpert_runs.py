"""IterPert's own published runs (Huang et al. 2023) as a table ``scores``.

K562 essential screen, 1,000 genes, GEARS trained from scratch in each of six rounds: 100 perturbations
at the start, 100 more in each round; 192 test perturbations. All runs share one split and one
start set, and ``random`` is one draw: runs differ by training noise (and the draws of those selectors that
draw), so that intervals over runs are too narrow for a claim about other splits.
"""

from __future__ import annotations

import os

import pandas as pd

from perturbselect.errors import InputError
from perturbselect.scores.runs import CURVE, RUN, ordered

COLUMNS = ("metric", "round", "value", "kernel", "exp")
DATASET, MODEL = "replogle_k562_iterpert", "gears"
TITLE = "Replogle K562 essential, as published with IterPert"
START, BATCH, TEST = 100, 100, 192
# Ours by theirs. They count genes without dropout only. Their share of opposite directions counts a
# prediction of exactly 0 as right. The mean fourth power of the error (mse_4) has no counterpart.
METRICS_BY_NAME = {
    "mse": "test_round_mse_non_dropout",
    "mse_de20": "test_round_mse_top20_de_non_dropout",
    "pearson_delta": "test_round_pearson_delta",
    "pearson_delta_de20": "test_round_pearson_delta_top20_de_non_dropout",
    "direction_accuracy": "test_round_frac_opposite_direction_top20_non_dropout",
}
_PLAIN, _CONTROL = "ess_1k_fix_eval", "ess_1k_fix_eval_add_ctrl"
# The strategies that tables and the figure show, by kernel and selector of the recorded runs.
CONTENDERS = {
    "random": f"{_CONTROL}/Random_diff_effect",
    "iterpert": f"{_PLAIN}_priormean_new_max/Core-Set_diff_effect",
    "prior_only": f"{_PLAIN}_prior_onlymean_new_max/Core-Set_diff_effect",
    "typiclust": f"{_CONTROL}/diff_effect_TypiClust",
    "kmeans": f"{_CONTROL}/diff_effect_KMeansSampling",
    "bald": f"{_PLAIN}/BALD_cross_gene_out",
    "batchbald": f"{_PLAIN}/BatchBALD_cross_gene_out",
    "badge": f"{_PLAIN}/BADGE_cross_gene_out",
    "acs_fw": f"{_PLAIN}/ACS-FW_cross_gene_out",
    "core_set": f"{_PLAIN}/Core-Set_cross_gene_out",
    "lcmd": f"{_PLAIN}/LCMD_cross_gene_out",
}


def read_recorded(path: str | os.PathLike) -> pd.DataFrame:
    """Read the published table and say of each row what ran.

    Parameters
    ----------
    path : path
        ``metrics_long.csv.gz``, one row a run, metric and round. Selector and number of a run stand in
        the columns ``strategy`` and ``run`` of some rows only, in the run's name (``exp``) of all.

    Returns
    -------
    DataFrame
        strategy (a key of `CONTENDERS`, else ``kernel/selector_features`` as recorded), run (int),
        round (int, from 0), metric (as recorded), value.

    Raises
    ------
    InputError
        If a column is missing, a run's name cannot be taken apart, or a value is no number.
    """
    table = pd.read_csv(path)
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise InputError(f"{path}: column '{missing[0]}' is missing; it has {', '.join(table.columns)}")
    parts = table["exp"].str.extract(r"_v2_(?P<kernel>.+)_run(?P<run>\d+)_(?P<selector>.+)$")
    odd = parts.isna().any(axis=1) | (parts["kernel"] != table["kernel"]) | table["value"].isna()
    if odd.any():
        raise InputError(
            f"{path}: row {int(odd.idxmax())}: run '{table.loc[odd.idxmax(), 'exp']}' of kernel "
            f"'{table.loc[odd.idxmax(), 'kernel']}' cannot be read; take the published file as it is"
        )
    recorded = parts["kernel"] + "/" + parts["selector"]
    names = {label: name for name, label in CONTENDERS.items()}
    return pd.DataFrame(
        {
            "strategy": recorded.map(names).fillna(recorded),
            "run": parts["run"].astype(int),
            "round": table["round"].astype(int),
            "metric": table["metric"],
            "value": table["value"],
        }
    )


def iterpert_scores(recorded: pd.DataFrame) -> pd.DataFrame:
    """Return all recorded runs as a table ``scores``.

    Parameters
    ----------
    recorded : DataFrame
        From `read_recorded`.

    Returns
    -------
    DataFrame
        Table ``scores``: dataset `DATASET`, model `MODEL`, split 0, seed the run's number, budget and
        n_selected 100 to 600; metrics by our names, those without a counterpart left out.
    """
    ours = {theirs: name for name, theirs in METRICS_BY_NAME.items()}
    kept = recorded[recorded["metric"].isin(list(ours))]
    metric, value = kept["metric"].map(ours), kept["value"]
    n_selected = START + BATCH * kept["round"]
    table = pd.DataFrame(
        {
            "dataset": DATASET,
            "model": MODEL,
            "strategy": kept["strategy"],
            "split": 0,
            "seed": kept["run"],
            "budget": n_selected.astype(str),
            "n_selected": n_selected,
            "metric": metric,
            "value": value.where(metric != "direction_accuracy", 1 - value),
            "n_perturbations": TEST,
            "undefined": 0,
        }
    )
    return ordered(table, [*CURVE, "n_selected", *RUN])
