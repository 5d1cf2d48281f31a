"""Tables for a publication: digits, marks, HTML and LaTeX; the README of columns."""

import re

import numpy as np
import pandas as pd
import pytest
from hand_made_scores import REFERENCES, rounded_study, study

from perturbselect.report.columns import columns_page
from perturbselect.report.publication import decimals, marked, publication_latex, publication_page, table
from perturbselect.scores.curves import learning_curves
from perturbselect.scores.rankings import rankings
from perturbselect.table_schema import FOLDER

RUNS = [(split, 0) for split in range(8)]


def tables(scores):
    return learning_curves(scores), rankings(scores).pairs


def scores(runs=RUNS):
    """`near` differs from the best in half of the runs only, `far` in every one."""
    best, far = study({"best": [1.0]}, runs=runs, jitter=0.01), study({"far": [2.0]}, runs=runs, jitter=0.01)
    near = study({"near": [1.001]}, runs=runs, jitter=0.01)
    near.loc[near.index[::2], "value"] -= 0.0015
    return pd.concat([best, near, far, REFERENCES], ignore_index=True)


@pytest.mark.parametrize(
    ("mean", "low", "high", "count"),
    [
        (0.12, 0.1, 0.14, 3),
        (0.2, 0.1, 0.3, 2),
        (20, 1, 40, 0),
        (-1, -1 - 1e-9, -1 + 1e-9, 5),
        (3e-6, 2e-6, 4e-6, 7),
    ],
)
def test_digits_are_what_the_interval_supports(mean, low, high, count):
    """Half the width 0.02: its second digit is the third decimal. Never more than 6 significant digits."""
    assert decimals(mean, low, high) == count


@pytest.mark.parametrize(
    ("mean", "text"),
    [
        (0.00265, "0.00265"),
        (-0.5, "-0.500"),
        (12.34, "12.3"),
        (4321.0, "4321"),
        (4e-7, "0.000000400"),
        (0, "0.000"),
    ],
)
@pytest.mark.parametrize("width", [np.nan, 0.0])
def test_without_an_interval_three_significant_digits(mean, text, width):
    assert f"{mean:.{decimals(mean, mean - width, mean + width)}f}" == text


def test_small_scores_of_one_run_differ():
    values = study({"a": [0.00265], "b": [0.00291]}, runs=RUNS[:1])
    rows = marked(*tables(values), "d", "mse").set_index("strategy")["text"]
    assert rows.to_dict() == {"a": "**0.00265**", "b": "0.00291"}


def test_best_and_not_significantly_worse():
    rows = marked(*tables(scores()), "d", "mse").set_index("strategy")
    assert rows.index[rows["best"]].tolist() == ["best"]
    assert rows.loc["best", "text"].startswith("**")
    assert rows.loc["near", "text"].endswith("†")
    assert rows.loc["far", "text"] == "2.035"
    assert not rows.loc["best", "alike"]


def test_p_against_the_best_is_adjusted_for_the_number_of_strategies():
    """Six runs, all worse: p is 2 / 2⁶ = 0.031, twice that with two strategies beside the best."""
    rows = marked(*tables(scores(RUNS[:6])), "d", "mse").set_index("strategy")
    assert rows.loc["far", "alike"]
    alone = scores(RUNS[:6])
    alone = alone[alone["strategy"] != "near"]
    assert not marked(*tables(alone), "d", "mse").set_index("strategy").loc["far", "alike"]


def test_with_too_few_runs_nothing_is_called_alike():
    rows = marked(*tables(scores(RUNS[:5])), "d", "mse")
    assert not rows["alike"].any()
    assert rows["best"].sum() == 1


def test_minus_is_a_minus_and_the_best_is_the_highest():
    values = study({"a": [-0.25], "b": [-0.5]}, runs=RUNS[:1], metric="pearson_delta")
    rows = marked(*tables(values), "d", "pearson_delta").set_index("strategy")["text"]
    assert rows.to_dict() == {"a": "**−0.250**", "b": "−0.500"}


def test_html_and_latex():
    made = table(*tables(scores()), "d", "A & B", "mse")
    page = publication_page([made], "Scores")
    assert page == publication_page([table(*tables(scores()), "d", "A & B", "mse")], "Scores")
    assert re.search(r"<strong>1\.0\d+</strong>", page)
    for words in ("A &amp; B", "lower is better", "floor: control mean", "ceiling: split half", "†", "Holm"):
        assert words in page, words
    assert "http" not in page
    latex = publication_latex([made])
    assert latex.count(r"\begin{table}") == 1
    assert re.search(r"\\textbf\{1\.0\d+\}", latex)
    for words in (r"A \& B", r"$\dagger$", r"95 \% bootstrap"):
        assert words in latex, words
    assert latex.isascii()


def test_a_study_without_scores():
    assert table(*tables(scores().iloc[:0]), "d", "D", "mse") is None
    assert table(*tables(scores()), "d", "D", "calibration") is None
    assert "No scores." in publication_page([], "Scores")
    assert r"\begin" not in publication_latex([])


def test_every_column_is_described():
    page = columns_page({f"results/{path.stem}": path.stem for path in sorted(FOLDER.glob("*.json"))})
    assert page.count("\n## ") == len(list(FOLDER.glob("*.json")))
    for path in FOLDER.glob("*.json"):
        assert f"## `results/{path.stem}`" in page
    row = next(line for line in page.splitlines() if line.startswith("| `effect_size` "))
    assert "| number, may be empty |" in row
    assert row.endswith("-1 to 1. |")
    assert all(line.count(" | ") == 2 for line in page.splitlines() if line.startswith("| `"))


def test_both_are_bold_where_rounding_parts_them():
    rows = marked(*tables(rounded_study()), "d", "mse")
    assert rows["best"].all()


def test_the_readme_of_columns_has_every_kind_of_table():
    rules = (FOLDER.parents[1] / "rules" / "evidence.smk").read_text()
    listed = rules.partition("TABLE_FILES = {")[2].partition("\n}\n")[0]
    assert [path.stem for path in FOLDER.glob("*.json") if f'"{path.stem}"' not in listed] == []
