"""What came of a study, in five sentences: the first thing on the report's first page."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from perturbselect.report.html_tables import cell
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.score import FLOORS
from perturbselect.scores.statistics import FEWEST_PAIRS, clear_of_zero
from perturbselect.scores.summary import HEADLINE


def five_sentences(
    summary: pd.DataFrame,
    savings: pd.DataFrame,
    laboratory: pd.DataFrame,
    *,
    baseline: str | None,
    simple: Collection[str],
    network: str | None,
    metric: str = HEADLINE,
) -> list[str]:
    """Say which strategy won where, by how much, how surely, what a simple model does, and what it costs.

    The winner of a dataset is the best pair of strategy and model at the largest budget. A lead over the
    baseline is called clear by `clear_of_zero` alone, as everywhere in the report.

    Parameters
    ----------
    summary, savings, laboratory : DataFrame
        Tables ``summary``, ``data_saving`` and ``laboratory``.
    baseline : str or None
        Label of the strategy that others are compared with, if the study has one.
    simple : collection of str
        Labels of the simple models, floors among them.
    network : str or None
        Label of the graph neural network, if the study has one.
    metric : str
        Metric to judge by.

    Returns
    -------
    list of str
        Five sentences; one that says so if no strategy was scored by this metric.
    """
    of_metric = summary[summary["metric"] == metric]
    of_metric = of_metric.assign(loss=METRICS[metric].loss(of_metric["mean"].astype(float)))
    judged = of_metric[of_metric["strategy"].notna() & ~of_metric["model"].isin(FLOORS)]
    if judged.empty:
        return [f"No strategy was scored by {METRICS[metric].label}: there is nothing to compare."]
    winners = judged.sort_values(["dataset", "loss"], kind="stable").drop_duplicates("dataset")
    return [
        _who_won(winners, metric),
        _by_how_much(winners, savings, metric, baseline),
        _how_surely(winners),
        _simple_model(of_metric, judged, simple, network),
        _what_it_cost(winners, laboratory),
    ]


def _who_won(winners: pd.DataFrame, metric: str) -> str:
    parts = [
        f"{row.strategy} with {row.model} in {row.dataset} ({cell(float(row.mean))}"
        + (f", 95 % interval {cell(row.low)} to {cell(row.high)}" if pd.notna(row.low) else ", one run")
        + f"; {cell(row.n_selected)} perturbations picked)"
        for row in winners.itertuples()
    ]
    return f"Best by {METRICS[metric].label} ({METRICS[metric].direction}): {'; '.join(parts)}."


def _by_how_much(winners: pd.DataFrame, savings: pd.DataFrame, metric: str, baseline: str | None) -> str:
    keys = ["dataset", "model", "strategy"]
    savings = savings[savings["metric"] == metric]
    parts = []
    for row in winners.itertuples():
        if pd.isna(row.difference):
            parts.append(f"in {row.dataset} {_no_difference(row.strategy, baseline)}")
            continue
        words = f"in {row.dataset} it differs from {row.baseline} by {cell(row.difference)}"
        # At the largest budget the baseline's curve ends, so that there is only a bound.
        of_winner = savings[(savings[keys] == [row.dataset, row.model, row.strategy]).all(axis=1)]
        if len(of_winner) > 1:
            middle = of_winner.sort_values("n_selected").iloc[(len(of_winner) - 1) // 2]
            bound = {">": "more than ", "<": "less than "}.get(middle["bound"], "")
            times = f"{bound}{cell(float(middle['factor']))} times as many"
            words += (
                f"; with {cell(middle['n_selected'])} picked it does as well as {row.baseline} with {times}"
            )
        parts.append(words)
    return f"By how much: {'; '.join(parts)}."


def _no_difference(winner: str, baseline: str | None) -> str:
    """Say why a winner has no difference to the baseline."""
    if baseline is None:
        return "there is no baseline"
    if winner == baseline:
        return f"the winner is {baseline}, the baseline itself"
    return f"the winner has no run in common with {baseline}, the baseline"


def _how_surely(winners: pd.DataFrame) -> str:
    parts = []
    for row in winners.itertuples():
        if pd.isna(row.difference):
            words = "there is no difference to test"
        elif row.n_pairs < FEWEST_PAIRS:
            words = (
                "1 run tells nothing" if row.n_pairs == 1 else f"{row.n_pairs:.0f} runs are too few to tell"
            )
        else:
            clear = clear_of_zero(row.difference_low, row.difference_high, row.p_holm)
            interval = f"95 % interval {cell(row.difference_low)} to {cell(row.difference_high)}"
            words = f"the difference is {'clear' if clear else 'not clear'} of 0 ({interval}, "
            words += f"Holm-adjusted p {cell(row.p_holm)}, {row.n_pairs:.0f} runs)"
        parts.append(f"in {row.dataset} {words}")
    best_of = f"each winner is the best of {_strategies(winners)} by the scores shown, which flatters it"
    return f"How surely: {'; '.join(parts)}; {best_of}."


def _strategies(winners: pd.DataFrame) -> str:
    numbers = sorted(set(winners["n_strategies"].dropna().astype(int)))
    return " or ".join(map(str, numbers)) + (" strategy" if numbers == [1] else " strategies")


def _simple_model(
    rows: pd.DataFrame, judged: pd.DataFrame, simple: Collection[str], network: str | None
) -> str:
    parts = []
    for dataset in judged["dataset"].unique():
        of_dataset = rows[rows["dataset"] == dataset].sort_values("loss", kind="stable")
        plain = of_dataset[of_dataset["model"].isin(list(simple))].head(1)
        own = of_dataset[of_dataset["model"] == network]
        if plain.empty:
            parts.append(f"in {dataset} none was run")
            continue
        best = plain.iloc[0]
        words = f"in {dataset} {best['model']} reaches {cell(float(best['mean']))}"
        if len(own):
            verdict = "better than" if best["loss"] < own["loss"].iloc[0] else "not better than"
            words += f", {verdict} the network {network} ({cell(float(own['mean'].iloc[0]))})"
        parts.append(words)
    return f"The best simple model, with its best strategy: {'; '.join(parts)}."


def _what_it_cost(winners: pd.DataFrame, laboratory: pd.DataFrame) -> str:
    parts = []
    for row in winners.itertuples():
        of_budget = laboratory[
            (laboratory["dataset"] == row.dataset) & (laboratory["budget"] == row.budget)
        ].sort_values("rounds")
        if of_budget.empty:
            continue
        once, last = of_budget.iloc[0], of_budget.iloc[-1]
        words = f"{once['perturbations']:.0f} perturbations of {row.dataset} take {_price(once)} at once"
        if last["rounds"] > once["rounds"]:
            words += f", {_price(last)} in {last['rounds']:.0f} rounds"
        parts.append(words)
    return f"What it costs, as the config assumes: {'; '.join(parts) or 'nothing was picked'}."


def _price(row: pd.Series) -> str:
    return f"{row['days']:.0f} days and USD {row['cost']:,.0f}"
