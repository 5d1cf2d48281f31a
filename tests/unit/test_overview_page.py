"""The report's first page and its tables as HTML."""

import numpy as np
import pandas as pd

from perturbselect.report.html_tables import table_page
from perturbselect.report.overview import missing_notice, overview_page
from perturbselect.report.plain_text import text_summary
from perturbselect.scores.comparisons import comparisons
from perturbselect.scores.curves import learning_curves
from perturbselect.scores.runs import missing_runs
from perturbselect.scores.summary import summary


def test_table_page():
    table = pd.DataFrame(
        {"gene_name": ["<b>", None], "r": [0.123456, np.nan], "n": [12345, 2], "ok": [True, False]}
    )
    html = table_page(table, "A & B", "note")
    for piece in ("A &amp; B", "&lt;b&gt;", "0.123<", "–", "12345", "gene name", "yes", 'class="number"'):
        assert piece in html
    assert "http" not in html
    assert "<b>" not in html
    assert "No rows." in table_page(table.iloc[:0], "Empty")


def test_overview_page(whole):
    best = summary(learning_curves(whole), comparisons(whole))
    empty = pd.DataFrame()
    page = overview_page(
        "Study",
        sentences=["Best <of> all."],
        ran={"splits": 2},
        datasets=pd.DataFrame({"dataset": ["d"], "simulated": [True]}),
        summary=best,
        names=empty,
        graphs=pd.DataFrame({"dataset": ["d"], "graph": ["go"], "nodes": [12]}),
        left_out=pd.DataFrame({"dataset": ["d"], "perturbation": ["GENE7"], "reason": ["3 cells"]}),
        network="gears",
    )
    for piece in (
        "All data are simulated",
        "<li>Best &lt;of&gt; all.</li>",
        "A simple model beats the network",
        "GENE7",
        "picked by the same test scores",
        "No names were reconciled",
        "floor: training mean",
        "ceiling: split half",
        '<td class="number">0.01</td>',
    ):
        assert piece in page
    # Tables scroll by themselves: the widest does not make the page wider than the window.
    assert page.count('<div class="wide"><table>') == page.count("<thead>") > 2
    assert ".wide { overflow-x: auto; }" in page
    real = overview_page(
        "Study",
        sentences=[],
        ran={},
        datasets=pd.DataFrame({"dataset": ["d"], "simulated": [False]}),
        summary=best.iloc[:0],
        names=empty,
        graphs=empty,
        left_out=empty,
        network=None,
    )
    assert "simulated.</b>" not in real
    assert "Nothing to compare" in real
    assert "Nothing was left out" in real


def test_missing_runs_are_counted_before_all_else(whole):
    runs = [{"dataset": "d", "model": "gears", "strategy": "far", "split": i, "seed": 0} for i in range(2)]
    missing = missing_runs([*runs, runs[0] | {"strategy": "random"}])
    (notice,) = missing_notice(missing, 18)
    assert notice.startswith("3 of 18 runs are missing (d, gears, far: 2; d, gears, random: 1)")
    assert missing_notice(missing.iloc[:0], 18) == []
    curves = learning_curves(whole)
    best = summary(curves, comparisons(whole))
    told = {"notices": [notice], "sentences": ["It won.", "By far."]}
    text = text_summary("S", curves, best, ["mse"], network="gears", **told)
    assert "\n1. It won.\n2. By far.\n\n" in text
    assert text.index(f"! {notice}") < text.index("! A simple model")
