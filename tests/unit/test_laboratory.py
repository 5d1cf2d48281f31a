"""Days and money in the laboratory, against numbers computed by hand."""

import numpy as np
import pandas as pd
import pytest
from test_figures import STRATEGIES, assert_apart

from perturbselect.config import Laboratory
from perturbselect.report import laboratory_scores
from perturbselect.report.laboratory import plot
from perturbselect.scores.laboratory import costs, days, experiments, laboratory_table, rounds_until
from perturbselect.scores.score import FLOORS
from perturbselect.table_schema import check_table, table_schema

ROUND = Laboratory(
    capacity=40,
    cells_per_perturbation=50,
    reads_per_cell=1000,
    price_per_cell=0.1,
    price_per_million_reads=2,
    price_per_experiment=7,
    library_days=10,
    cells_days=5,
    sequencing_days=3,
    selection_days=0.25,
    training_days=0.5,
    max_rounds=3,
)
SCORES = pd.DataFrame(
    {
        "dataset": "a",
        "model": ["gears"] * 5 + ["training_mean"],
        "strategy": ["random", "random", "waits", "waits", "upper", None],
        "budget": ["20", "100", "20", "100", "20", None],
        "n_selected": [20.0, 100.0, 20.0, 100.0, 20.0, np.nan],
        "metric": "mse",
        "mean": [0.5, 0.3, 0.5, 0.2, 0.1, 0.9],
        "low": [0.4, 0.2, 0.4, 0.1, 0.1, 0.9],
        "high": [0.6, 0.4, 0.6, 0.3, 0.1, 0.9],
        "n_runs": 4,
    }
)
CURVES = pd.DataFrame(
    {
        "dataset": ["a", "a", "a", "b", "b"],
        "budget": ["2", "50pct", "50pct", "50pct", None],
        "n_selected": [2.0, 99.5, 99.5, 30.0, np.nan],
    }
)


@pytest.mark.parametrize(
    ("perturbations", "rounds", "expected"),
    [(40, 1, 1), (41, 1, 2), (120, 1, 3), (120, 3, 3), (121, 3, 4), (100, 2, 3), (100, 5, 5), (10, 10, 10)],
)
def test_experiments(perturbations, rounds, expected):
    assert experiments(perturbations, rounds, 40) == expected


def test_days_and_costs_by_hand():
    assert days(100, 1, ROUND) == 3 * 18 + 0.75
    assert days(100, 4, ROUND) == 4 * 18 + 3
    assert costs(100, 4, ROUND) == pytest.approx(
        {"cost_cells": 500, "cost_reads": 10, "cost_experiments": 28}
    )


def test_table_has_every_budget_and_its_assumptions():
    table = laboratory_table(CURVES, ROUND)
    check_table(table, table_schema("laboratory"))
    assert table[["dataset", "perturbations", "rounds"]].to_numpy().tolist() == [
        ["a", 2, 1], ["a", 2, 2], ["a", 100, 1], ["a", 100, 2], ["a", 100, 3],
        ["b", 30, 1], ["b", 30, 2], ["b", 30, 3],
    ]  # fmt: skip
    row = table.iloc[3]
    assert row["cost"] == pytest.approx(531)
    assert row["days"] == 3 * 18 + 1.5
    for key, value in ROUND.model_dump(exclude={"max_rounds"}).items():
        assert (table[key] == value).all()


def test_the_price_of_cells_and_reads_is_the_source_s():
    defaults = Laboratory()
    assert (defaults.price_per_cell, defaults.price_per_million_reads) == (0.086, 0.374)
    assert costs(1000, 1, defaults)["cost_cells"] == pytest.approx(8600)
    assert costs(1000, 1, defaults)["cost_reads"] == pytest.approx(748)


def test_figure_prints_its_assumptions():
    figure = plot(laboratory_table(CURVES, ROUND), "a", simulated=True, name="Screen")
    assert figure.get_suptitle() == "Time and money in the laboratory, Screen (simulated data)"
    said = figure.get_supxlabel()
    for words in (
        *("50 cells", "1,000 reads", "USD 0.1 a cell", "2 a million", "7 an experiment", "40 perturbations"),
        *("10 days", "5 for cells", "3 to sequence", "0.25 days", "0.5 to train"),
    ):
        assert words in said.replace("\n", " ")
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert set(lines) == {"2 perturbations", "100 perturbations"}
    assert lines["100 perturbations"].get_ydata().tolist() == [54.75, 55.5, 56.25]


def test_figure_without_budgets_says_so():
    assert "No budget" in plot(laboratory_table(CURVES, ROUND), "c").texts[0].get_text()


@pytest.mark.parametrize("budgets", [4, 8])
def test_figure_of_days_is_readable(budgets):
    sizes = [25 * 2**place for place in range(budgets)]
    curves = pd.DataFrame({"dataset": "a", "budget": [str(size) for size in sizes], "n_selected": sizes})
    assert_apart(plot(laboratory_table(curves, Laboratory()), "a", simulated=True))


@pytest.mark.parametrize("count", [3, 20])
@pytest.mark.parametrize("capacity", [40, 1000])
def test_figure_of_scores_is_readable(count, capacity):
    """Also where all budgets fit one experiment: they take the same days and nearly the same money."""
    sizes, shown = [20, 50, 100, 200], STRATEGIES[:count]
    curves = pd.DataFrame(
        [
            ("a", model, name, str(size), size, "mse", 1 / size + place / 500, 0.0, 0.1, 4)
            for model in ("gears", "kernel_ridge")
            for place, name in enumerate(shown)
            for size in sizes
        ]
        + [
            ("a", name, None, None, np.nan, "mse", 0.05 + 9 * (name != "control_mean"), 0, 10, 4)
            for name in FLOORS
        ],
        columns=SCORES.columns,
    )
    table = laboratory_table(curves, Laboratory(capacity=capacity))
    rounds = {name: {"initial": 20, "batch": 20, "count": 9} for name in shown[10:]}
    figure = laboratory_scores.plot(
        curves, table, "a", strategies=shown, rounds=rounds, pool=400, metric="mse", simulated=True
    )
    assert_apart(figure)
    for axis in figure.axes:
        ends = axis.get_xlim()
        assert ends[0] == 0
        assert max(line.get_xdata().max() for line in axis.lines[:count]) < 0.96 * ends[1]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [*shown, "floor: control mean"]


def test_rounds_until_a_budget_is_measured():
    until = [rounds_until(size, 200, "10%", "5%", 4) for size in (20, 21, 30, 31, 60, 61)]
    assert until == [1, 2, 2, 3, 5, 5]  # 20 at the start, then 10 a round, four times
    assert rounds_until(7, 10, 2, 3, 5) == 3


def test_scores_against_what_the_budgets_take():
    """At once: 100 are three experiments of 18 days and a round; in rounds: five of 18.75 days."""
    options = {"strategies": ["random", "waits", "upper"], "marks": ["upper"], "metric": "mse", "pool": 200}
    rounds = {"waits": {"initial": 20, "batch": 20, "count": 6}}
    table = laboratory_table(SCORES, ROUND)
    figure = laboratory_scores.plot(SCORES, table, "a", rounds=rounds, simulated=True, **options)
    assert figure.get_suptitle() == "Score against time and money, a (simulated data)"
    time, money = ({line.get_label(): line for line in axis.lines} for axis in figure.axes)
    assert set(time) == {"random", "waits"}  # the floor is no line here: 0.9 is far above all scores
    assert [axis.get_ylim()[1] < 0.7 for axis in figure.axes] == [True, True]
    assert all("floor: training mean 0.9 ↑" in [t.get_text() for t in axis.texts] for axis in figure.axes)
    assert time["random"].get_xdata().tolist() == [18.75, 54.75]
    assert time["waits"].get_xdata().tolist() == [18.75, 93.75]
    assert money["waits"].get_xdata().tolist() == pytest.approx([109, 545])
    assert money["waits"].get_ydata().tolist() == [0.5, 0.2]
    assert "7 an experiment" in figure.legends[0].get_title().get_text().replace("\n", " ")
    near = laboratory_scores.plot(SCORES.replace(0.9, 0.65), table, "a", rounds=rounds, **options)
    for axis in near.axes:
        line = next(line for line in axis.lines if line.get_label() == "floor: training mean")
        assert set(line.get_ydata()) == {0.65}
        assert axis.get_ylim()[1] > 0.65
    assert "floor: training mean" in [text.get_text() for text in near.legends[0].get_texts()]
    nothing = laboratory_scores.plot(SCORES, table, "b", rounds={}, **options)
    assert "No strategy has a score" in nothing.texts[0].get_text()
