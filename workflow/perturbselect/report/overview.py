"""The report's first page: what ran, what came of it, what to beware of."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import pandas as pd

from perturbselect.report.html_tables import cell, page, table_html
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.tables import FLOORS, HEADLINE, NETWORK


def overview_page(
    title: str,
    *,
    ran: Mapping[str, object],
    datasets: pd.DataFrame,
    summary: pd.DataFrame,
    names: pd.DataFrame,
    graphs: pd.DataFrame,
    left_out: pd.DataFrame,
) -> str:
    """Write the first page.

    Parameters
    ----------
    title : str
        Title of the study.
    ran : mapping of str to object
        What ran, e.g. ``{"strategies": "random, degree", "splits": 3, "seed": 0}``.
    datasets : DataFrame
        Needs ``dataset`` and ``simulated`` (bool); further columns are shown as they are.
    summary : DataFrame
        Table ``summary``.
    names : DataFrame
        Counts of reconciled gene names, e.g. dataset, role, status, count.
    graphs : DataFrame
        One row per dataset and graph: nodes, edges, components, ...
    left_out : DataFrame
        Perturbations (or genes) left out, with the reason.

    Returns
    -------
    str
        Self-contained HTML.
    """
    simulated = set(datasets.loc[datasets["simulated"].astype(bool), "dataset"])
    parts = []
    if simulated:
        which = (
            "All data are"
            if len(simulated) == len(datasets)
            else f"{', '.join(sorted(simulated))}: the data are"
        )
        parts.append(f'<p class="warning"><b>{escape(which)} simulated.</b> No laboratory measured them.</p>')
    parts += [f'<p class="warning">{escape(warning)}</p>' for warning in warnings(summary)]
    parts.append("<h2>Which strategy won</h2>\n<ul>")
    parts += [f"<li>{escape(sentence)}</li>" for sentence in statements(summary)] or [
        "<li>Nothing to compare.</li>"
    ]
    parts.append("</ul>")
    parts.append("<h2>What ran</h2>\n<table><tbody>")
    parts += [f"<tr><th>{escape(str(what))}</th><td>{cell(value)}</td></tr>" for what, value in ran.items()]
    parts.append("</tbody></table>")
    parts.append("<h2>Datasets</h2>\n" + table_html(datasets))
    parts.append(
        "<h2>Best strategy of each model at the largest budget</h2>\n"
        + _table(best_strategies(summary), "No scores.")
    )
    parts.append("<h2>Knowledge graphs</h2>\n" + _table(graphs, "No graphs."))
    parts.append("<h2>Gene names</h2>\n" + _table(names, "No names were reconciled."))
    parts.append("<h2>Left out</h2>\n" + _table(left_out, "Nothing was left out."))
    return page(title, "\n".join(parts))


def best_strategies(summary: pd.DataFrame) -> pd.DataFrame:
    """Lay the table ``summary`` out for reading: a score and a difference with their intervals."""
    rows = summary[~summary["model"].isin(FLOORS)]

    def with_interval(mean: str, low: str, high: str) -> list[str]:
        return [
            "–" if pd.isna(m) else f"{cell(m)} ({cell(a)} to {cell(b)})"
            for m, a, b in zip(rows[mean], rows[low], rows[high], strict=True)
        ]

    return pd.DataFrame(
        {
            "dataset": rows["dataset"],
            "model": rows["model"],
            "metric": [METRICS[name].label for name in rows["metric"]],
            "measured": rows["n_selected"],
            "best strategy": rows["strategy"],
            "score (95 % interval)": with_interval("mean", "low", "high"),
            "difference to random": with_interval("difference", "difference_low", "difference_high"),
            "runs": rows["n_runs"],
        }
    )


def _table(table: pd.DataFrame, otherwise: str) -> str:
    return table_html(table) if len(table) else f"<p>{otherwise}</p>"


def statements(summary: pd.DataFrame, metric: str = HEADLINE) -> list[str]:
    """Say in a sentence, for each dataset and model, which strategy was best and how surely.

    Parameters
    ----------
    summary : DataFrame
        Table ``summary``.
    metric : str
        Metric to judge by.

    Returns
    -------
    list of str
    """
    sentences = []
    judged = summary[(summary["metric"] == metric) & ~summary["model"].isin(FLOORS)]
    for row in judged.itertuples():
        words = (
            f"{row.dataset}, {row.model}, {cell(row.n_selected)} perturbations measured: "
            f"{row.strategy} is best, {METRICS[metric].label} {cell(row.mean)}"
        )
        if row.n_runs > 1:
            words += f" (95 % interval {cell(row.low)} to {cell(row.high)}, {row.n_runs} runs)"
        else:
            words += " (one run, no interval)"
        if pd.notna(row.difference):
            words += f"; difference to {row.baseline} {cell(row.difference)}"
            if pd.notna(row.difference_low):
                clear = row.difference_low > 0 or row.difference_high < 0
                words += f" ({cell(row.difference_low)} to {cell(row.difference_high)}"
                words += ")" if clear else "; not clear of 0)"
        sentences.append(words + ".")
    return sentences


def warnings(summary: pd.DataFrame, network: str = NETWORK) -> list[str]:
    """Say where simple models are better than the network.

    Parameters
    ----------
    summary : DataFrame
        Table ``summary``.
    network : str
        The network's name.

    Returns
    -------
    list of str
    """
    sentences = []
    for row in summary[summary["beaten_by"].notna()].itertuples():
        rivals = summary[(summary["dataset"] == row.dataset) & (summary["metric"] == row.metric)].set_index(
            "model"
        )
        better = " and ".join(
            f"{name} ({cell(rivals.loc[name, 'mean'])})" for name in row.beaten_by.split(",")
        )
        sentences.append(
            f"A simple model beats the network in {row.dataset}: "
            f"{better} against {network} ({cell(row.mean)}), {METRICS[row.metric].label}, "
            f"{METRICS[row.metric].direction}; each with its best strategy, "
            f"{cell(row.n_selected)} perturbations measured."
        )
    return sentences
