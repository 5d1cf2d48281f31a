"""The report's first page: what ran, what came of it, what to beware of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from perturbselect.report.html_tables import cell, page, table_html
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.score import FLOORS, REFERENCES
from perturbselect.scores.statistics import FEWEST_PAIRS, SIGNIFICANT, clear_of_zero
from perturbselect.scores.summary import HEADLINE

HOW_JUDGED = (
    "The best strategy is picked by the same test scores that are shown here, which flatters it. "
    f"A difference is called clear of 0 only with {FEWEST_PAIRS} runs or more, if its interval leaves out 0 "
    f"and Wilcoxon's p, adjusted for the number of strategies (Holm), is below {SIGNIFICANT}."
)


def overview_page(
    title: str,
    *,
    sentences: Sequence[str],
    ran: Mapping[str, object],
    datasets: pd.DataFrame,
    summary: pd.DataFrame,
    names: pd.DataFrame,
    graphs: pd.DataFrame,
    left_out: pd.DataFrame,
    network: str | None,
    notices: Sequence[str] = (),
) -> str:
    """Write the first page.

    Parameters
    ----------
    title : str
        Title of the study.
    sentences : sequence of str
        What came of it (`perturbselect.report.five_sentences`).
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
    network : str or None
        Label of the graph neural network, if the study has one.
    notices : sequence of str
        What to beware of before all else (`missing_notice`).

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
    parts += [
        f'<p class="warning">{escape(warning)}</p>' for warning in (*notices, *warnings(summary, network))
    ]
    parts.append("<h2>In five sentences</h2>\n<ol>")
    parts += [f"<li>{escape(sentence)}</li>" for sentence in sentences]
    parts.append("</ol>\n<h2>Which strategy won, model by model</h2>\n<ul>")
    found = statements(summary)
    parts += [f"<li>{escape(sentence)}</li>" for sentence in found or ["Nothing to compare."]]
    parts.append("</ul>" + (f'\n<p class="note">{escape(HOW_JUDGED)}</p>' if found else ""))
    parts.append("<h2>What ran</h2>\n<table><tbody>")
    parts += [f"<tr><th>{escape(str(what))}</th><td>{cell(value)}</td></tr>" for what, value in ran.items()]
    parts.append("</tbody></table>")
    parts.append("<h2>Datasets</h2>\n" + _table(datasets, "No datasets."))
    parts.append(
        "<h2>Best strategy of each model at the largest budget</h2>\n"
        + _table(best_strategies(summary), "No scores.")
    )
    parts.append("<h2>Knowledge graphs</h2>\n" + _table(graphs, "No graphs."))
    parts.append("<h2>Gene names</h2>\n" + _table(names, "No names were reconciled."))
    parts.append("<h2>Left out</h2>\n" + _table(left_out, "Nothing was left out."))
    return page(title, "\n".join(parts))


def missing_notice(missing: pd.DataFrame, runs: int) -> list[str]:
    """Say how many runs are missing, and of which models and strategies.

    Parameters
    ----------
    missing : DataFrame
        Table ``missing_runs``.
    runs : int
        All runs of the study.

    Returns
    -------
    list of str
        One sentence or two; none if no run is missing.
    """
    if missing.empty:
        return []
    counts = missing.groupby(["dataset", "model", "strategy"]).size()
    which = "; ".join(f"{', '.join(names)}: {count}" for names, count in counts.items())
    return [
        f"{len(missing)} of {runs} runs are missing ({which}); all means are over the others, and compare "
        "strategies only where both have the run. results/tables/missing_runs.tsv names their logs."
    ]


def best_strategies(summary: pd.DataFrame) -> pd.DataFrame:
    """Lay the table ``summary`` out for reading: score and difference with intervals, floors and ceiling."""
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
            "picked": rows["n_selected"],
            "best strategy": rows["strategy"],
            "score (95 % interval)": with_interval("mean", "low", "high"),
            "difference to random": with_interval("difference", "difference_low", "difference_high"),
            "clear of 0": [_verdict(row) for row in rows.itertuples()],
            "runs": rows["n_runs"],
            **{label: rows[reference] for reference, label in REFERENCES.items()},
        }
    )


def _verdict(row: Any) -> str | None:
    """Say in a word whether the difference in a row of ``summary`` is clear."""
    if pd.isna(row.difference):
        return None
    if row.n_pairs < FEWEST_PAIRS:
        return "too few runs"
    return cell(clear_of_zero(row.difference_low, row.difference_high, row.p_holm))


def counted(number: float, what: str) -> str:
    """Write a number of things: ``1 run``, ``2 runs``."""
    return f"{number:.0f} {what}" + ("" if number == 1 else "s")


def _table(table: pd.DataFrame, otherwise: str) -> str:
    """Write a table that scrolls by itself, where it is wider than the page."""
    return f'<div class="wide">{table_html(table)}</div>' if len(table) else f"<p>{otherwise}</p>"


def statements(summary: pd.DataFrame, metric: str = HEADLINE) -> list[str]:
    """Say in a sentence, for each dataset and model, which strategy was best and how surely.

    A difference to the baseline is called clear by `clear_of_zero` alone; with fewer than
    `FEWEST_PAIRS` pairs, where an interval would promise too much, only their number is given.

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
            f"{row.dataset}, {row.model}, {cell(row.n_selected)} perturbations picked: "
            f"{row.strategy} is {_rank(row.n_strategies)}, {METRICS[metric].label} {cell(row.mean)}"
        )
        if row.n_runs > 1:
            words += f" (95 % interval {cell(row.low)} to {cell(row.high)}, {row.n_runs} runs)"
        else:
            words += " (one run, no interval)"
        if pd.notna(row.difference):
            words += f"; difference to {row.baseline} {cell(row.difference)}"
            if row.n_pairs < FEWEST_PAIRS:
                words += f" ({counted(row.n_pairs, 'run')}: too few to tell)"
            else:
                clear = clear_of_zero(row.difference_low, row.difference_high, row.p_holm)
                words += f" ({cell(row.difference_low)} to {cell(row.difference_high)}; "
                words += f"{'' if clear else 'not '}clear of 0, Holm-adjusted p {cell(row.p_holm)})"
        sentences.append(words + ".")
    return sentences


def _rank(n_strategies: float) -> str:
    return "the only strategy" if n_strategies == 1 else f"best of {n_strategies:.0f} strategies"


def warnings(summary: pd.DataFrame, network: str | None) -> list[str]:
    """Say where simple models are better than the network.

    Parameters
    ----------
    summary : DataFrame
        Table ``summary``.
    network : str or None
        Label of the network; None: there is none, and nothing to warn of.

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
            f"{cell(row.n_selected)} perturbations picked."
        )
    return sentences
