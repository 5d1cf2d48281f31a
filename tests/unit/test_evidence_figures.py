"""Figures of statistics and predictions: what is drawn, and that nothing overlaps with 20 strategies."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hand_made_scores import study
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from test_figures import STRATEGIES, assert_apart

from perturbselect.report import (
    critical_difference,
    data_saving,
    error_by_distance,
    predicted_true,
    selected,
    stability,
)
from perturbselect.report.style import apart, strategy_styles, title
from perturbselect.scores.data_saving import data_saving as savings
from perturbselect.scores.rankings import rankings
from perturbselect.scores.score import REFERENCES

RUNS = [(split, seed) for split in range(4) for seed in range(2)]
METRICS = ["mse"]


def noisy(count, runs=RUNS, dataset="d"):
    """Scores of strategies that are better one by one, with noise, of two models."""
    generator = np.random.default_rng(0)
    curves = {name: np.array([3.0, 2.5, 2.2]) + 0.05 * i for i, name in enumerate(STRATEGIES[:count])}
    parts = [
        study({name: values + generator.normal(0, 0.02, 3)}, runs=[run], model=model)
        for model in ("gears", "kernel_ridge")
        for name, values in curves.items()
        for run in runs
    ]
    return pd.concat(parts, ignore_index=True).assign(dataset=dataset)


@pytest.mark.parametrize("count", [3, 20])
def test_data_saving(count):
    table = savings(noisy(count))
    figure = data_saving.plot(table, "d", strategies=STRATEGIES[:count], metrics=METRICS, simulated=True)
    assert_apart(figure)
    assert [axis.get_title() for axis in figure.axes] == ["gears", "kernel_ridge"]
    line = next(line for line in figure.axes[0].lines if line.get_label() == "strategy_00")
    expected = table.query("model == 'gears' and strategy == 'strategy_00'")
    np.testing.assert_allclose(line.get_ydata(), expected["factor"])
    assert to_hex(line.get_color()) == strategy_styles(STRATEGIES)["strategy_00"]["color"].lower()
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["random (baseline)", *STRATEGIES[1:count], "hollow: only a bound"]


def test_bounds_are_hollow():
    """Twice as good as random at its end is a bound; a little better at the start is none."""
    table = savings(study({"random": [1.0, 0.5], "good": [0.9, 0.2]}, runs=RUNS))
    assert table["bound"].notna().tolist() == [False, True]
    figure = data_saving.plot(table, "d", strategies=["random", "good"], metrics=METRICS)
    hollow = [line for line in figure.axes[0].lines if to_hex(line.get_markerfacecolor()) == "#ffffff"]
    assert [len(line.get_xdata()) for line in hollow] == [1, 0]  # the bound, and the legend's
    assert hollow[0].get_xdata()[0] == 20


def bars(axis):
    """Vertical bars of groups: the strategies from first to last."""
    names = [tick.get_text() for tick in axis.get_yticklabels()]
    vertical = [line.get_ydata() for line in axis.lines if len(line.get_ydata()) == 2]
    return [names[round(low + 0.3) : round(high - 0.3) + 1] for low, high in vertical]


@pytest.mark.parametrize("count", [3, 20])
def test_critical_difference(count):
    found = rankings(noisy(count))
    figure = critical_difference.plot(
        found.ranks, found.tests, "d", strategies=STRATEGIES[:count], metrics=METRICS, simulated=True
    )
    assert_apart(figure)
    axis = figure.axes[0]
    ranks = found.ranks.query("model == 'gears'")
    ranks = ranks[ranks["budget"].isna()].sort_values("mean_rank", kind="stable")
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ranks["strategy"].tolist()
    points = [line.get_xdata()[0] for line in axis.lines if len(line.get_xdata()) == 1]
    np.testing.assert_allclose(points, ranks["mean_rank"])
    letters = "".join(sorted(set("".join(ranks["group"]))))
    assert bars(axis) == [
        ranks.loc[ranks["group"].str.contains(letter), "strategy"].tolist() for letter in letters
    ]
    assert "8 blocks, Friedman p < 0.001" in axis.get_xlabel() or count == 3
    assert axis.get_title() == "gears"


def test_critical_difference_without_a_test_has_no_bars_and_says_why():
    found = rankings(noisy(3, RUNS[:2]))
    figure = critical_difference.plot(
        found.ranks, found.tests, "d", strategies=STRATEGIES[:3], metrics=METRICS
    )
    assert bars(figure.axes[0]) == []
    assert figure.axes[0].get_xlabel() == "no test: 2 runs that all strategies have;\na test needs 6"


def test_critical_difference_over_datasets_and_of_nothing():
    found = rankings(pd.concat([noisy(3, RUNS[:1], dataset=f"d{i}") for i in range(6)]))
    options = {"strategies": STRATEGIES[:3], "metrics": METRICS}
    figure = critical_difference.plot(found.ranks, found.tests, None, **options)
    assert "6 blocks" in figure.axes[0].get_xlabel()
    assert "over all datasets" in figure._suptitle.get_text()
    nothing = critical_difference.plot(found.ranks.iloc[:0], found.tests.iloc[:0], "d", **options)
    assert "nothing to rank" in nothing.texts[0].get_text()
    assert "nothing to save" in data_saving.plot(savings(noisy(1)), "d", **options).texts[0].get_text()


def stability_table(count):
    """Of every strategy but the baseline also with dropped edges."""
    changes = [("ties", np.nan), ("seeds", np.nan), ("drop", 0.2), ("drop", 0.05), ("other", np.nan)]
    rows = [
        ("d", name, change, share, "20", 20.0, 0.25 + 0.5 * (change == "ties"), 0.1)
        for name in STRATEGIES[:count]
        for change, share in changes
        if name != "random" or change == "seeds"
    ]
    columns = ["dataset", "strategy", "change", "share", "budget", "n_selected", "jaccard", "expected"]
    return pd.DataFrame(rows, columns=columns)


@pytest.mark.parametrize("count", [3, 20])
def test_stability(count):
    shown = STRATEGIES[:count]
    figure = stability.plot(stability_table(count), "d", strategies=shown, budget="20", simulated=True)
    assert_apart(figure)
    axis = figure.axes[0]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == shown
    changes = [tick.get_text().replace("\n", " ") for tick in axis.get_xticklabels()]
    words = ["other seed", "other order of ties", "5% of edges dropped", "20% of edges dropped"]
    assert changes == [f"{change} (random: 0.10)" for change in [*words, "other instead"]]
    values = axis.images[0].get_array()
    assert values[1].tolist() == [0.25, 0.75, 0.25, 0.25, 0.25]
    assert values.mask[0].tolist() == [False, True, True, True, True]
    assert len(axis.texts) == values.count()
    assert (
        "nothing to compare"
        in stability.plot(stability_table(3), "d", strategies=shown, budget="9").texts[0].get_text()
    )


def of_run(values, model="gears", metric="mse"):
    names = [f"P{i}" for i in range(len(values))]
    return pd.DataFrame({"perturbation": names, "value": values, "metric": metric, "model": model})


def test_best_median_and_worst():
    scores = pd.concat([of_run([3.0, 1, 2, 5, 4]), of_run([9.0, 0, 0, 0, 0], "training_mean")])
    assert predicted_true.best_median_worst(scores, "mse") == {"best": "P1", "median": "P0", "worst": "P3"}
    higher = of_run([0.1, 0.3, 0.2], metric="pearson_delta")
    found = predicted_true.best_median_worst(higher, "pearson_delta")
    assert found == {"best": "P1", "median": "P2", "worst": "P0"}
    floor_only = predicted_true.best_median_worst(of_run([2.0, 1], "training_mean"), "mse")
    assert floor_only == {"best": "P1", "worst": "P0"}
    assert predicted_true.best_median_worst(of_run([]), "mse") == {}


def test_predicted_against_true():
    generator = np.random.default_rng(0)
    names = [f"P{i}" for i in range(3)]
    true = AnnData(generator.normal(size=(3, 50)).astype(np.float32), obs=pd.DataFrame(index=names))
    true.layers["de_rank"] = np.argsort(np.argsort(-np.abs(true.X))).astype(np.uint16)
    models = {name: true[names].copy() for name in ("training_mean", "gears", "kernel_ridge")}
    models["gears"].X = -true.X
    figure = predicted_true.plot(
        true, models, {"best": "P2", "worst": "P0"}, what="20 picked", dataset="d", simulated=True
    )
    assert_apart(figure)
    assert [axis.get_title() for axis in figure.axes] == ["best: P2", "worst: P0", "", ""]
    assert [axis.texts[0].get_text() for axis in figure.axes] == ["r = -1.00"] * 2 + ["r = 1.00"] * 2
    points = np.vstack([dots.get_offsets() for dots in figure.axes[0].collections])
    assert len(figure.axes[0].collections[1].get_offsets()) == 20
    np.testing.assert_allclose(np.sort(points[:, 0]), np.sort(true["P2"].X.ravel()), rtol=1e-6)
    np.testing.assert_allclose(points[:, 1], -points[:, 0], rtol=1e-6)
    nothing = predicted_true.plot(true, {}, {}, what="", dataset="d")
    assert "no prediction" in nothing.texts[0].get_text()


@pytest.mark.parametrize("count", [3, 20])
def test_error_by_distance(count):
    rows = [
        ("d", graph, model, name, "20", "mse", distance, float(place), 4, weight, floor, np.nan, count / 2)
        for graph in ("go", "interactions")
        for model in ("training_mean", "gears")
        for place, name in enumerate(STRATEGIES[:count])
        for distance, weight, floor in (
            ("1 edge", 1 + 2 * (place == 0), 0.5 + (place == 0)),
            ("4 edges or more", 1, 0.7),
            ("not in graph", 1, 99.0),
        )
    ]
    columns = ["dataset", "graph", "model", "strategy", "budget", "metric", "distance"]
    table = pd.DataFrame(rows, columns=[*columns, "mean", "n_perturbations", "n_values", *REFERENCES])
    figure = error_by_distance.plot(
        table, strategies=STRATEGIES[:count], metric="mse", dataset="d", simulated=True
    )
    assert_apart(figure)
    assert len(figure.axes) == 2  # the floor is no model
    axis = figure.axes[0]
    ticks = [tick.get_text().replace("\n", " ") for tick in axis.get_xticklabels()]
    assert ticks == [f"1 ({count + 2})", f"4+ ({count})", f"not in graph ({count})"]
    pooled = axis.lines[0].get_ydata()
    np.testing.assert_allclose(pooled, [sum(range(count)) / (count + 2), *[(count - 1) / 2] * 2])
    steps = {lines.get_label(): lines.get_segments() for lines in axis.collections}
    assert set(steps) == {"floor: control mean", "ceiling: split half"}  # none of the training mean
    np.testing.assert_allclose(
        [step[0] for step in steps["floor: control mean"]],
        [[-0.45, (3 * 1.5 + 0.5 * (count - 1)) / (count + 2)], [0.55, 0.7], [1.55, 99]],
    )
    assert axis.get_ylim()[1] < 2 * count  # one step is far outside
    far = error_by_distance.plot(
        table.assign(split_half=[-300.0, -200.0, -200.0] * (len(table) // 3)),
        strategies=STRATEGIES[:count], metric="mse", dataset="d",
    )  # fmt: skip
    assert_apart(far)
    assert "ceiling: split half -300 to -200 ↓" in [text.get_text() for text in far.axes[0].texts]
    none = error_by_distance.plot(table.iloc[:0], strategies=["random"], dataset="d")
    assert "No graph" in none.texts[0].get_text()


def picked(count):
    """Table ``selected``: strategy number i has i hundredths more; random has no gain."""
    rows = [
        (name, split, seed, str(n), n, None if i == 0 else 0.01 * i, n / 100 + 0.01 * i, 0.1 * split, n / 100)
        for i, name in enumerate(STRATEGIES[:count])
        for split, seed in RUNS
        for n in (10, 20, 40)
    ]
    columns = ["strategy", "split", "seed", "budget", "n_selected", "zero_gain_share", "hits_recovered"]
    table = pd.DataFrame(rows, columns=[*columns, "hub_share", "expected_hits_recovered"])
    return table.assign(expected_hub_share=0.1)


@pytest.mark.parametrize("count", [3, 20])
def test_selected(count):
    about = {"strategies": STRATEGIES[:count], "marks": ["strategy_01"], "dataset": "d", "simulated": True}
    figure = selected.plot(picked(count), **about)
    assert_apart(figure)
    assert figure._suptitle.get_text() == "What was picked, d (simulated data)"
    hits, hubs, gains = figure.axes
    lines = {line.get_label(): line for line in hits.lines}
    assert list(lines) == [
        *(f"{name} (knows the responses)" if name == "strategy_01" else name for name in STRATEGIES[:count]),
        "random picks, in expectation",
    ]
    np.testing.assert_allclose(lines["strategy_00"].get_ydata(), [0.11, 0.21, 0.41])
    expected = lines["random picks, in expectation"]
    np.testing.assert_allclose(expected.get_ydata(), [0.1, 0.2, 0.4])
    assert expected.get_linestyle() == "--"
    np.testing.assert_allclose(hubs.lines[0].get_ydata(), 0.15)
    np.testing.assert_allclose(hubs.lines[-1].get_ydata(), 0.1)
    band = hubs.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (0, pytest.approx(0.3))
    assert gains.lines[0].get_label() == "strategy_00"
    assert len(gains.lines) == count - 1  # nothing is expected, and random has no gain
    assert all(
        label in axis.get_ylabel() for axis, label in zip(figure.axes, ("hits", "hubs", "gain"), strict=True)
    )
    assert all("number" in axis.get_xlabel() for axis in figure.axes)


def test_labels_of_near_budgets_do_not_touch():
    assert apart(np.array([25, 50, 100, 200, 400]), ["25", "50", "100", "200", "400"])[:3] == [
        "",
        "50",
        "100",
    ]
    assert apart(np.array([4.0, 9.0]), ["4", "9"]) == ["4", "9"]
    assert apart(np.array([7.0]), ["7"]) == ["7"]
    figure = selected.plot(
        picked(3).replace({"n_selected": {20: 11}}), strategies=STRATEGIES[:3], dataset="d"
    )
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    for axis in figure.axes:
        labels = [tick for tick in axis.get_xticklabels() if tick.get_text()]
        assert [label.get_text() for label in labels] == ["11", "40"]
        extents = [label.get_window_extent(renderer) for label in labels]
        assert extents[0].x1 < extents[1].x0


def test_selected_leaves_out_what_nobody_has():
    table = picked(1).assign(hub_share=None)
    figure = selected.plot(table, strategies=["random"], dataset="d")
    assert len(figure.axes) == 1
    assert "hits" in figure.axes[0].get_ylabel()
    none = selected.plot(table.assign(hits_recovered=None), strategies=["random"], dataset="d")
    assert "No hits" in none.texts[0].get_text()


def test_a_long_title_takes_two_lines():
    figure = predicted_true.plot(AnnData(np.ones((1, 1))), {}, {}, what="", dataset="d")
    title(figure, "word " * 30, True)
    lines = figure._suptitle.get_text().split("\n")
    assert len(lines) == 3
    assert lines[-1].endswith("(simulated data)")
