"""Page: the scores of one model on one strategy's picks, budget by budget."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd

from perturbselect.report.html_tables import cell, page, table_html
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.score import REFERENCES

NOTE = (
    "Means over runs (split and seed) with 95 % bootstrap intervals. Against the baseline: differences of "
    "runs with the same split and seed, p of Wilcoxon's test by Holm's method; the data-saving factor says "
    "how many times more perturbations the baseline needs for the same score."
)


def strategy_page(
    curves: pd.DataFrame,
    comparisons: pd.DataFrame,
    saving: pd.DataFrame,
    *,
    dataset: str,
    strategy: str,
    model: str,
    metrics: Sequence[str],
    name: str | None = None,
) -> str:
    """Write one strategy's scores with one model as a page.

    Parameters
    ----------
    curves, comparisons, saving : DataFrame
        Tables ``learning_curves``, ``comparisons`` and ``data_saving``.
    dataset, strategy, model : str
        Which rows.
    metrics : sequence of str
        One table each, in this order; those without a score are left out.
    name : str, optional
        What the page calls the dataset; default: its key.

    Returns
    -------
    str
        HTML; the same tables give the same text.
    """
    of_dataset = curves[curves["dataset"] == dataset]
    own, against, factors = (
        table[(table["dataset"] == dataset) & (table["strategy"] == strategy) & (table["model"] == model)]
        for table in (of_dataset, comparisons, saving)
    )
    parts = [f'<p class="note">{escape(NOTE)}</p>']
    for metric in metrics:
        rows = own[own["metric"] == metric]
        if rows.empty:
            continue
        known = METRICS[metric]
        references = of_dataset[of_dataset["strategy"].isna() & (of_dataset["metric"] == metric)]
        means = references.set_index("model")["mean"].reindex(list(REFERENCES)).dropna()
        parts += [
            f"<h2>{escape(known.label)} ({escape(known.direction)})</h2>",
            table_html(
                _by_budget(rows, against[against["metric"] == metric], factors[factors["metric"] == metric])
            ),
            "<p>" + "; ".join(f"{REFERENCES[model]} {cell(mean)}" for model, mean in means.items()) + "</p>",
        ]
    if len(parts) == 1:
        parts.append("<p>No score by these metrics.</p>")
    return page(f"{strategy} with {model}, {name or dataset}", "\n".join(parts))


def _by_budget(rows: pd.DataFrame, against: pd.DataFrame, factors: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each budget, in words that a reader knows."""
    table = rows[["budget", "n_selected", "n_runs"]].rename(
        columns={"n_selected": "picked", "n_runs": "runs"}
    )
    table["score"] = _with_interval(rows, "mean")
    for other, column, heading in (
        (against, "difference", "minus baseline"),
        (factors, "factor", "data-saving factor"),
    ):
        if len(other):
            table[heading] = table["budget"].map(pd.Series(_with_interval(other, column), other["budget"]))
    if len(against):
        table["p (Holm)"] = table["budget"].map(against.set_index("budget")["p_holm"])
    return table


def _with_interval(table: pd.DataFrame, column: str) -> list[str]:
    """Write each value with its interval, and the signs of what is a bound only."""
    numbers = [table[key] for key in (column, "low", "high")]
    signs = [table.get(key, [None] * len(table)) for key in ("bound", "low_bound", "high_bound")]
    texts = []
    for *row, low_known in zip(*numbers, *signs, table["low"].notna(), strict=True):
        value, low, high = (
            f"{sign if isinstance(sign, str) else ''}{cell(number)}"
            for number, sign in zip(row[:3], row[3:], strict=True)
        )
        texts.append(f"{value} [{low}, {high}]" if low_known else value)
    return texts
