"""Tables for a publication: a score by strategy and budget, as HTML and LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from perturbselect.report.html_tables import page
from perturbselect.scores.metrics import METRICS, ROUNDING
from perturbselect.scores.score import FLOORS, REFERENCES
from perturbselect.scores.statistics import FEWEST_PAIRS, SIGNIFICANT, holm
from perturbselect.scores.summary import HEADLINE

if TYPE_CHECKING:
    from great_tables import GT
    from great_tables._text import BaseText

ALIKE = "†"
NOTE = (
    "Means over runs (split and seed), with the digits that their 95 % bootstrap intervals support, or three "
    f"where there is none. Bold: the best of a model and budget. {ALIKE}: not significantly worse than it, "
    "i.e. p of Wilcoxon's signed-rank test against the best, adjusted by Holm over the strategies, is "
    f"{SIGNIFICANT} or more. With fewer than {FEWEST_PAIRS} runs in common there is no test, and no {ALIKE}."
)


def decimals(mean: float, low: float, high: float) -> int:
    """Decimals that an interval supports: one beyond the first digit of half its width.

    At most those that give the mean 6 significant digits; without an interval, those that give it 3.
    """
    size = np.floor(np.log10(abs(mean))) if mean else -1.0
    half = (high - low) / 2
    wanted = 1 - np.floor(np.log10(half)) if half > 0 else 2 - size
    return int(np.clip(wanted, 0, max(5 - size, 0)))


def marked(curves: pd.DataFrame, pairs: pd.DataFrame, dataset: str, metric: str = HEADLINE) -> pd.DataFrame:
    """Write each mean of one dataset and metric with its digits and its mark.

    Parameters
    ----------
    curves, pairs : DataFrame
        Tables ``learning_curves`` and ``pairs``.
    dataset : str
        Which dataset.
    metric : str
        Which metric.

    Returns
    -------
    DataFrame
        model, strategy, budget, n_selected, text (Markdown), best, alike; the floors and the ceiling, whose
        strategy is empty, at the end. All means have the same decimals: the median of what each supports.
    """
    rows = curves[(curves["dataset"] == dataset) & (curves["metric"] == metric)].dropna(subset=["mean"])
    rows = rows.sort_values("strategy", key=lambda names: names.isna(), kind="stable", ignore_index=True)
    trained = rows["strategy"].notna()
    loss = METRICS[metric].loss(rows["mean"].astype(float)).where(trained)
    group = rows.groupby(["model", "budget"], dropna=False, sort=False).ngroup()
    least, size = loss.groupby(group).transform("min"), loss.abs().groupby(group).transform("max")
    rows["best"] = trained & (loss - least <= ROUNDING * size)
    best = rows.loc[rows["best"], ["model", "budget", "strategy"]].drop_duplicates(["model", "budget"])
    tested = pairs[(pairs["dataset"] == dataset) & (pairs["metric"] == metric) & pairs["budget"].notna()]
    both = pd.concat([tested, tested.rename(columns={"strategy": "other", "other": "strategy"})])
    against = best.rename(columns={"strategy": "other"}).merge(both, on=["model", "budget", "other"])
    adjusted = against.groupby(["model", "budget"])["p"].transform(lambda p: holm(p.to_numpy(float)))
    alike = against[adjusted >= SIGNIFICANT].set_index(["model", "budget", "strategy"]).index
    rows["alike"] = pd.MultiIndex.from_frame(rows[["model", "budget", "strategy"]]).isin(alike)
    digits = [decimals(*of_row) for of_row in rows[["mean", "low", "high"]].to_numpy(float)]
    usual = int(np.median(digits)) if digits else 0
    rows["text"] = [
        _text(mean, usual, best, alike)
        for mean, best, alike in zip(rows["mean"], rows["best"], rows["alike"], strict=True)
    ]
    return rows[["model", "strategy", "budget", "n_selected", "text", "best", "alike"]]


def _text(mean: float, digits: int, best: bool, alike: bool) -> str:
    number = f"{mean:.{digits}f}".replace("-", "−")
    return (f"**{number}**" if best else number) + (ALIKE if alike and not best else "")


def table(
    curves: pd.DataFrame, pairs: pd.DataFrame, dataset: str, name: str, metric: str = HEADLINE
) -> GT | None:
    """Lay a dataset's scores out: a row a strategy, in groups by model, a column a budget; then the floors.

    Parameters
    ----------
    curves, pairs, dataset, metric
        As for `marked`.
    name : str
        What the heading calls the dataset, with ``simulated`` if it is.

    Returns
    -------
    GT or None
        None without a score.
    """
    from great_tables import GT

    rows = marked(curves, pairs, dataset, metric)
    contenders = rows[rows["strategy"].notna()]
    if contenders.empty:
        return None
    sizes = contenders.groupby("budget")["n_selected"].mean().sort_values(kind="stable")
    wide = contenders.pivot(index=["model", "strategy"], columns="budget", values="text")[list(sizes.index)]
    order = contenders.drop_duplicates(["model", "strategy"])
    order = order[~order["model"].isin(FLOORS)] if set(order["model"]) - set(FLOORS) else order
    wide = wide.reindex(pd.MultiIndex.from_frame(order[["model", "strategy"]])).reset_index()
    references = rows[rows["strategy"].isna() & rows["model"].isin(list(REFERENCES))]
    for row in references.itertuples():
        wide.loc[len(wide)] = ["floor and ceiling", REFERENCES[row.model]] + [row.text] * len(sizes)
    wide.columns = [str(column) for column in wide.columns]
    labels: dict[str, str | BaseText] = {str(budget): f"{size:.4g}" for budget, size in sizes.items()}
    rule = METRICS[metric]
    return (
        GT(wide.fillna("–"), rowname_col="strategy", groupname_col="model", id=f"{dataset}_{metric}")
        .fmt_markdown(columns=list(labels))
        .cols_label(cases=labels)
        .cols_align("right", columns=list(labels))
        .tab_spanner("perturbations picked", columns=list(labels))
        .tab_header(f"{rule.label}, {name}", rule.direction)
    )


def publication_page(tables: Sequence[GT], title: str) -> str:
    """Write tables as one self-contained HTML page; the same tables give the same text."""
    parts = [table.as_raw_html() for table in tables] or ["<p>No scores.</p>"]
    return page(title, "\n".join([f'<p class="note">{escape(NOTE)}</p>', *parts]))


def publication_latex(tables: Sequence[GT]) -> str:
    """Write tables as LaTeX, with the note below; they need the packages booktabs and caption."""
    note = "\\noindent{\\footnotesize " + NOTE.replace("%", "\\%") + "}"
    text = "\n".join(
        ["% needs \\usepackage{booktabs, caption}", *(table.as_latex() for table in tables), note, ""]
    )
    return text.replace("−", "$-$").replace("–", "--").replace(ALIKE, "$\\dagger$")
