"""The study's results as plain text, for a terminal or a page of documentation."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from perturbselect.report.overview import HOW_JUDGED, counted, statements, warnings
from perturbselect.scores.metrics import METRICS


def text_summary(
    title: str,
    curves: pd.DataFrame,
    summary: pd.DataFrame,
    metrics: Sequence[str],
    *,
    network: str | None,
    sentences: Sequence[str] = (),
    notices: Sequence[str] = (),
) -> str:
    """Write what came of the study, warnings, who won, and the mean scores by strategy and budget.

    Parameters
    ----------
    title : str
        Title of the study.
    curves : DataFrame
        Table ``learning_curves``.
    summary : DataFrame
        Table ``summary``.
    metrics : sequence of str
        Which to show.
    network : str or None
        Label of the graph neural network, if the study has one.
    sentences : sequence of str
        What came of it (`perturbselect.report.five_sentences`).
    notices : sequence of str
        What to beware of before all else.

    Returns
    -------
    str
        Lines of text; the same tables give the same text.
    """
    lines = [title, "=" * len(title), ""]
    lines += [f"{place}. {sentence}" for place, sentence in enumerate(sentences, 1)] + [""] * bool(sentences)
    lines += [f"! {warning}" for warning in (*notices, *warnings(summary, network))]
    found = statements(summary)
    lines += [*(f"* {sentence}" for sentence in found), *([HOW_JUDGED] if found else [])]
    for dataset, of_dataset in curves.groupby("dataset", sort=False):
        for metric in metrics:
            rows = of_dataset[of_dataset["metric"] == metric]
            rule, of_models = METRICS[metric], rows[rows["strategy"].notna()]
            if of_models.empty:
                lines += ["", f"{dataset}: {rule.label}: no model of this study has it"]
                continue
            runs = counted(of_models["n_runs"].max(), "run")
            lines += ["", f"{dataset}: {rule.label}, {rule.direction} (mean of {runs})"]
            lines += [_by_budget(rows)]
    return "\n".join(lines) + "\n"


def _by_budget(rows: pd.DataFrame) -> str:
    """Lay out one metric: a row per model and strategy, a column per budget; references last."""
    contenders = rows[rows["strategy"].notna()]
    columns = contenders.sort_values("n_selected")["budget"].unique()
    table = contenders.pivot(index=["model", "strategy"], columns="budget", values="mean")[columns]
    references = rows[rows["strategy"].isna()].set_index("model")["mean"]
    for model, value in references.items():
        table.loc[(model, "(reference)"), :] = value
    flat = table.reset_index()
    flat.columns = [str(name) for name in flat.columns]
    return flat.to_string(index=False, na_rep="-", float_format=lambda value: f"{value:.4g}")
