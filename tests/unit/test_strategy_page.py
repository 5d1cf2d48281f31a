"""The page of one strategy with one model."""

from xml.etree import ElementTree

import pandas as pd
import pytest

from perturbselect.report.strategy_page import strategy_page
from perturbselect.scores.comparisons import comparisons
from perturbselect.scores.curves import learning_curves
from perturbselect.scores.data_saving import data_saving

ONE = {"dataset": "d", "strategy": "graphreach", "model": "gears"}


@pytest.fixture
def tables(whole):
    return learning_curves(whole), comparisons(whole), data_saving(whole)


def table_in(html):
    """The page's first table, as text."""
    table = ElementTree.fromstring(html[html.index("<table>") : html.index("</table>") + 8])
    rows = [[cell.text for cell in row] for row in table.iter("tr")]
    return pd.DataFrame(rows[1:], columns=rows[0])


def test_a_row_for_each_budget_with_score_difference_and_factor(tables):
    html = strategy_page(*tables, metrics=["mse"], **ONE)
    table = table_in(html)
    assert table["budget"].tolist() == ["10", "20", "40"]
    # Two runs: 0.6 and 0.7; random's are 0.2 worse in both, and reach 0.65 with 20 perturbations.
    assert table["score"][0] == "0.65 [0.6, 0.7]"
    assert table["minus baseline"][0] == "-0.2 [-0.2, -0.2]"
    assert table["data-saving factor"][0].startswith("2 [")
    assert table["data-saving factor"][2].startswith(">1 [")
    assert "floor: control mean 0.9; floor: training mean 0.5; ceiling: split half 0.01" in html
    assert "<title>graphreach with gears, d</title>" in html


def test_the_baseline_is_not_compared_with_itself(tables):
    html = strategy_page(*tables, metrics=["mse"], **ONE | {"strategy": "random"})
    table = table_in(html)
    assert list(table.columns) == ["budget", "picked", "runs", "score"]


def test_metrics_without_a_score_are_left_out(tables):
    html = strategy_page(*tables, metrics=["mse", "e_distance"], name="Screen <1>", **ONE)
    assert html.count("<table>") == 1
    assert "Screen &lt;1&gt;" in html
    assert "No score by these metrics" in strategy_page(*tables, metrics=["e_distance"], **ONE)
