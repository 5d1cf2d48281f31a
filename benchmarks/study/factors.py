"""Tables of the selection study: data-saving factors, areas, and how they are printed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from study.contenders import BASELINE, MARK

from perturbselect.scores.curves import area_under_curve
from perturbselect.scores.data_saving import data_saving

WITHOUT = {"kernel_ridge_with_other": "kernel_ridge"}  # the same model without the other screen
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


def printed(saving: pd.DataFrame, area: pd.DataFrame, budgets: Sequence[str]) -> str:
    """Return a table for each dataset and model, the best area first; mean squared error."""
    area = area[area["metric"] == "mse"].set_index(["dataset", "model", "strategy"])
    parts = []
    saving = saving[saving["metric"] == "mse"]
    for (dataset, model, against), group in saving.groupby(["dataset", "model", "against"], sort=False):
        cells = group.assign(cell=[_cell(row) for row in group.itertuples()])
        wide = cells.pivot(index="strategy", columns="budget", values="cell").reindex(columns=list(budgets))
        if model == against:
            own = area.loc[(dataset, model)]
            wide.loc[BASELINE] = ""
            wide["area"] = [f"{a:.4f} [{low:.4f}, {high:.4f}]" for a, low, high in
                            own.loc[wide.index, ["area", "low", "high"]].to_numpy()]  # fmt: skip
            wide = wide.loc[own.loc[wide.index, "area"].sort_values().index]
        wide = wide.rename(index={MARK: f"({MARK})"}).rename_axis(index=None, columns=None)
        runs = group["n_runs"].max()
        title = f"{dataset}, {model} against random picks of {against}: data-saving factor, {runs} splits"
        parts.append(f"\n{title}\n{wide.to_string()}")
    return "\n".join(parts)


def _cell(row) -> str:
    bound = row.bound if isinstance(row.bound, str) else ""
    return f"{bound}{row.factor:.2f} [{row.low:.2f}, {row.high:.2f}]"
