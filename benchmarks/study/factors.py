"""Tables of the selection study: data-saving factors, areas, and how they are printed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from study.contenders import BASELINE, MARKS

from perturbselect.scores.curves import area_under_curve
from perturbselect.scores.data_saving import data_saving
from perturbselect.seeds import generator

# The same model without the other screen.
WITHOUT = dict.fromkeys(("kernel_ridge_with_other", "kernel_ridge_with_other_sized"), "kernel_ridge")
RESAMPLES = 2000


def factors(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the table ``data_saving`` with a column ``against``: the model whose random curve counts.

    Every model is compared with itself; one with another screen in its kernel also with the
    same model without it.
    """
    tables = [data_saving(scores, BASELINE, resamples=RESAMPLES)]
    tables[0]["against"] = tables[0]["model"]
    for model, plain in WITHOUT.items():
        random = scores[(scores["model"] == plain) & (scores["strategy"] == BASELINE)]
        own = scores[scores["model"] == model]
        if own.empty or random.empty:
            continue
        own = own.replace({"strategy": {BASELINE: f"{BASELINE} picks"}})
        crossed = data_saving(pd.concat([own, random.assign(model=model)]), BASELINE, resamples=RESAMPLES)
        tables.append(crossed.assign(against=plain))
    return pd.concat(tables, ignore_index=True)


def areas(scores: pd.DataFrame, budgets: Sequence[str]) -> pd.DataFrame:
    """Return the table ``areas`` over the budgets that all strategies have."""
    return area_under_curve(scores[scores["budget"].isin(budgets)])


def relative_areas(scores: pd.DataFrame, budgets: Sequence[str]) -> pd.DataFrame:
    """Mean error over the budgets relative to that of random picks, over the splits that both have.

    Returns
    -------
    DataFrame
        dataset, model, strategy, ratio (below 1 is better than random), low, high (95 %
        bootstrap over splits), splits.
    """
    scores = scores[scores["budget"].isin(budgets) & (scores["metric"] == "mse")]
    area = scores.groupby(["dataset", "model", "strategy", "split"])["value"].mean().unstack("split")
    rows = []
    for (dataset, model, strategy), own in area.iterrows():
        pair = np.array([own, area.loc[(dataset, model, BASELINE)]], dtype=float)
        pair = pair[:, ~np.isnan(pair).any(axis=0)]
        count = pair.shape[1]
        draws = generator(0, "relative_areas", count).integers(count, size=(RESAMPLES, count))
        ratios = np.divide(*pair[:, draws].mean(axis=-1))
        rows.append([dataset, model, strategy, np.divide(*pair.mean(axis=1)),
                     *np.quantile(ratios, [0.025, 0.975]), count])  # fmt: skip
    columns = ["dataset", "model", "strategy", "ratio", "low", "high", "splits"]
    return pd.DataFrame(rows, columns=columns).set_index(columns[:3])


def printed(saving: pd.DataFrame, area: pd.DataFrame, budgets: Sequence[str]) -> str:
    """Return a table for each dataset and model, the best area first; mean squared error.

    Parameters
    ----------
    saving : DataFrame
        From `factors`.
    area : DataFrame
        From `relative_areas`.
    budgets : sequence of str
        Columns.
    """
    parts = []
    saving = saving[saving["metric"] == "mse"]
    for (dataset, model, against), group in saving.groupby(["dataset", "model", "against"], sort=False):
        cells = group.assign(cell=[_cell(row) for row in group.itertuples()])
        wide = cells.pivot(index="strategy", columns="budget", values="cell").reindex(columns=list(budgets))
        if model == against:
            own = area.loc[(dataset, model)].sort_values("ratio")
            wide = wide.reindex(own.index).fillna("")  # random is nobody's rival
            wide["area/random"] = [f"{r.ratio:.3f} [{r.low:.3f}, {r.high:.3f}]" for r in own.itertuples()]
            wide["splits"] = own["splits"]
        wide = wide.rename(index={mark: f"({mark})" for mark in MARKS}).rename_axis(index=None, columns=None)
        title = f"{dataset}, {model}: data-saving factor against random picks for {against}"
        parts.append(f"\n{title}\n{wide.to_string()}")
    return "\n".join(parts)


def _cell(row) -> str:
    bound = row.bound if isinstance(row.bound, str) else ""
    return f"{bound}{row.factor:.2f} [{row.low:.2f}, {row.high:.2f}]"
