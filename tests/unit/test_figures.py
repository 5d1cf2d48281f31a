"""Figures: what is drawn, that panels do not overlap, and that files are the same each time."""

import io
import re
import zlib

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from fontTools.ttLib import TTFont
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from perturbselect.errors import InputError
from perturbselect.report import comparison, coverage, learning_curves, response_space, risk_coverage
from perturbselect.report.style import arrange, limits, save, strategy_styles, styled
from perturbselect.scores.comparisons import comparisons
from perturbselect.scores.curves import learning_curves as averaged

STRATEGIES = ["random", *(f"strategy_{i:02}" for i in range(19))]


@pytest.fixture(scope="module")
def scores():
    generator = np.random.default_rng(0)
    rows = [
        ("d", model, strategy, split, 0, str(n), n, metric, 0.1 * np.log(n) + generator.normal(0, 0.02), 9, 0)
        for model in ("gears", "kernel_ridge")
        for strategy in STRATEGIES
        for split in range(3)
        for n in (10, 20, 40)
        for metric in ("pearson_delta_perturbed_ref", "mse")
    ]
    references = [
        ("d", model, None, split, None, None, None, metric, value, 9, 0)
        for model, value in (("control_mean", 0.1), ("training_mean", 0.2), ("split_half", 9.0))
        for split in range(3)
        for metric in ("pearson_delta_perturbed_ref", "mse")
    ]
    columns = ["dataset", "model", "strategy", "split", "seed", "budget", "n_selected", "metric", "value"]
    table = pd.DataFrame(rows + references, columns=[*columns, "n_perturbations", "undefined"])
    return table.astype(dict.fromkeys(["split", "seed", "n_selected"], "Int64"))


def boxes(figure):
    """Extents of title, panels (with labels) and legends, in pixels, arranged as for a file."""
    arrange(figure)
    renderer = FigureCanvasAgg(figure).get_renderer()
    parts = [*figure.axes, *figure.legends, *filter(None, [figure._suptitle, figure._supxlabel])]
    with styled():
        return [part.get_tightbbox(renderer) for part in parts if part.get_visible()]


def assert_apart(figure):
    extents = boxes(figure)
    assert len(extents) > 1
    for i, one in enumerate(extents):
        assert one.x0 >= -1
        assert one.y0 >= -1
        assert one.x1 <= figure.bbox.x1 + 1
        assert one.y1 <= figure.bbox.y1 + 1
        for other in extents[i + 1 :]:
            width = min(one.x1, other.x1) - max(one.x0, other.x0)
            height = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert width < 1 or height < 1


def test_twenty_strategies_look_different():
    styles = strategy_styles(STRATEGIES)
    assert len({(s["color"], str(s["linestyle"])) for s in styles.values()}) == 20
    assert styles["random"]["color"] == "black"
    assert strategy_styles(STRATEGIES[:5]).items() <= styles.items()


def test_the_baseline_is_black_whatever_its_label(scores):
    labels = {"random": "coin", "strategy_00": "random"}
    styles = strategy_styles(["coin", "random"], baseline="coin")
    assert styles["coin"] == strategy_styles(STRATEGIES[:2])["random"]
    assert styles["random"] == strategy_styles(STRATEGIES[:2])["strategy_00"]
    renamed = averaged(scores[scores["strategy"].isin(labels)].replace({"strategy": labels}))
    figure = learning_curves.plot(renamed, "d", strategies=["coin", "random"], baseline="coin")
    colours = {line.get_label(): line.get_color() for line in figure.axes[0].lines}
    assert colours["coin"] == "black"
    assert colours["random"] != "black"


@pytest.mark.parametrize("count", [3, 20])
def test_learning_curves(scores, count):
    shown = STRATEGIES[:count]
    curves = averaged(scores)
    figure = learning_curves.plot(curves, "d", strategies=shown, simulated=True, name="Screen")
    assert_apart(figure)
    assert figure._suptitle.get_text() == "Learning curves, Screen (simulated data)"
    top = figure.axes[0]
    assert [axis.get_title() for axis in figure.axes] == ["gears", "kernel_ridge", "", ""]
    assert "higher is better" in top.get_ylabel()
    assert "number" in figure.axes[2].get_xlabel()
    line = next(line for line in top.lines if line.get_label() == "random")
    expected = curves.query(
        "model == 'gears' and strategy == 'random' and metric == 'pearson_delta_perturbed_ref'"
    )
    np.testing.assert_allclose(line.get_ydata(), expected["mean"])
    assert to_hex(line.get_color()) == "#000000"
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:count] == shown
    assert "floor: training mean" in labels
    # The ceiling, 9, is far outside: named at the edge, not drawn.
    assert top.get_ylim()[1] < 1
    assert any("ceiling: split half 9 ↑" in text.get_text() for text in top.texts)


def test_learning_curves_without_scores(scores):
    figure = learning_curves.plot(averaged(scores), "d", strategies=STRATEGIES, metrics=["de_overlap"])
    assert "No score by this metric" in figure.texts[0].get_text()


def test_learning_curves_of_a_study_of_floors_only(scores):
    only = scores[(scores["model"] == "gears") & (scores["strategy"] == "random")].assign(
        model="training_mean"
    )
    figure = learning_curves.plot(averaged(only), "d", strategies=["random"])
    assert figure.axes[0].get_title() == "training_mean"


@pytest.mark.parametrize("count", [3, 20])
def test_comparison(scores, count):
    shown = STRATEGIES[:count]
    compared = comparisons(scores[scores["strategy"].isin(shown)])
    figure = comparison.plot(compared, "d", strategies=shown, metric="mse")
    assert_apart(figure)
    assert "left of 0 is better" in figure._supxlabel.get_text()
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == shown[1:]
    row = compared.query(
        "model == 'gears' and budget == '10' and metric == 'mse' and strategy == 'strategy_00'"
    )
    points = figure.axes[0].collections[-1]
    assert points.get_offsets()[0, 0] == pytest.approx(row["difference"].iloc[0])
    assert {to_hex(colour) for colour in points.get_facecolor()} == {"#ffffff"}  # 3 runs: too few
    styles = strategy_styles(shown)
    edges = [to_hex(colour) for colour in points.get_edgecolor()]
    assert edges == [to_hex(styles[strategy]["color"]) for strategy in shown[1:]]


def test_comparison_fills_points_that_are_clear_of_0():
    table = pd.DataFrame(
        {
            "dataset": "d",
            "model": "gears",
            "strategy": ["a", "b", "c"],
            "baseline": "random",
            "budget": "10",
            "n_selected": 10,
            "metric": "mse",
            "difference": 0.2,
            "low": [0.1, 0.1, -0.1],
            "high": 0.3,
            "p_holm": [0.04, 0.06, 0.04],
        }
    )
    figure = comparison.plot(table, "d", strategies=["random", "a", "b", "c"], metric="mse")
    inside = figure.axes[0].collections[-1].get_facecolor()
    assert [to_hex(colour) != "#ffffff" for colour in inside] == [True, False, False]


def test_comparison_without_baseline(scores):
    compared = comparisons(scores[scores["strategy"] != "random"])
    figure = comparison.plot(compared, "d", strategies=STRATEGIES)
    assert "nothing to compare" in figure.texts[0].get_text()


@pytest.mark.parametrize("count", [3, 20])
def test_coverage(count):
    shown = STRATEGIES[:count]
    table = pd.DataFrame(
        [
            (s, split, 0, r, min(1, r * (0.01 + 0.01 * split)))
            for s in shown
            for split in range(3)
            for r in range(1, 31)
        ],
        columns=["strategy", "split", "seed", "rank", "coverage"],
    )
    figure = coverage.plot(table, strategies=shown, graph="go", dataset="d", simulated=True)
    assert_apart(figure)
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), np.arange(1, 31) * 0.02)
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(0.9)
    assert "share" in figure.axes[0].get_ylabel()
    assert "simulated" in figure._suptitle.get_text()


@pytest.fixture(scope="module")
def responses():
    generator = np.random.default_rng(0)
    values = generator.normal(size=(60, 3)) @ generator.normal(size=(3, 30))
    return AnnData(values.astype(np.float32), obs=pd.DataFrame(index=[f"P{i}" for i in range(60)]))


@pytest.mark.parametrize("count", [3, 12])
def test_response_space(responses, count):
    shown = STRATEGIES[:count]
    picks = {strategy: responses.obs_names[i : i + 10] for i, strategy in enumerate(shown)}
    figure = response_space.plot(
        responses, picks, responses.obs_names[40:], strategies=STRATEGIES, dataset="d", simulated=True
    )
    for axis in figure.axes:
        axis.set_visible(axis.axison)
    assert_apart(figure)
    points = [line.get_xydata() for line in figure.axes[1].lines]
    assert [len(group) for group in points] == [30, 20, 10]  # pool, test, picked
    centred = responses.X - responses.X.mean(axis=0)
    assert np.linalg.svd(centred)[1][:2] == pytest.approx(np.linalg.norm(np.vstack(points), axis=0), rel=1e-4)
    assert figure._suptitle.get_text() == "10 picks in response space, d (simulated data)"


def test_response_space_refuses_unknown_picks(responses):
    with pytest.raises(InputError, match="'NOBODY' has no response"):
        response_space.plot(responses, {"random": ["NOBODY"]}, [], strategies=["random"], dataset="d")


def test_limits_leave_a_margin_around_what_there_is():
    assert limits(np.array([[1.0, np.nan], [3.0, 2.0]])) == pytest.approx((0.9, 3.1))
    for values in ([0.0, 0.0], [-2.0]):
        low, high = limits(np.array(values))
        assert low < values[0] < high


def test_files_are_the_same_each_time(scores, tmp_path):
    curves = averaged(scores)
    for folder in ("one", "two"):
        figure = learning_curves.plot(curves, "d", strategies=STRATEGIES[:3])
        save(figure, tmp_path / folder / "curves", ("svg", "png", "pdf"))
    for ending in ("svg", "png", "pdf"):
        one, two = ((tmp_path / folder / f"curves.{ending}").read_bytes() for folder in ("one", "two"))
        assert one == two
        assert len(one) > 5000
    assert b"<dc:date>" not in (tmp_path / "one" / "curves.svg").read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [
        "curves.pdf",
        "curves.png",
        "curves.svg",
    ]


def test_pdf_has_letters_as_truetype_and_no_rules_of_joining_them(scores, tmp_path):
    save(
        learning_curves.plot(averaged(scores), "d", strategies=STRATEGIES[:3]), tmp_path / "curves", ("pdf",)
    )
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", (tmp_path / "curves.pdf").read_bytes(), re.S)
    contents = [zlib.decompress(stream) for stream in streams if stream.startswith(b"\x78")]
    fonts = [TTFont(io.BytesIO(content)) for content in contents if content.startswith(b"\0\1\0\0")]
    for font in fonts:
        assert {"glyf", "loca", "hmtx"} <= set(font.keys())
        assert not {"GDEF", "GPOS", "GSUB", "MATH"} & set(font.keys())
    assert set("random") <= {letter for font in fonts for letter in font.getGlyphOrder()}


@pytest.mark.parametrize(("count", "budgets"), [(1, 1), (3, 4), (20, 6)])
def test_risk_coverage(count, budgets):
    orders = {"predicted": np.linspace(0.5, 1, 10), "ideal": np.linspace(0.2, 1, 10), "random": np.ones(10)}
    rows = [
        ("kernel_ridge", strategy, str(10 * n), 10.0 * n, order, (i + 1) / 10, 0.3 * risk)
        for strategy in STRATEGIES[:count]
        for n in range(1, budgets + 1)
        for order, curve in orders.items()
        for i, risk in enumerate(curve)
    ]
    curves = pd.DataFrame(
        rows, columns=["model", "strategy", "budget", "n_selected", "order", "coverage", "risk"]
    )
    figure = risk_coverage.plot(curves, strategies=STRATEGIES[:count], name="Screen", simulated=True)
    assert_apart(figure)
    assert figure._suptitle.get_text() == "Error of the most certain predictions, Screen (simulated data)"
    titles = [axis.get_title() for axis in figure.axes]
    assert (titles[0], titles[-1], len(titles)) == (
        "10 picked",
        f"{10 * budgets} picked",
        min(budgets, 4),
    )
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert set(lines) == {*STRATEGIES[:count], "ideal order (mean)", "any order, in the mean"}
    np.testing.assert_allclose(lines["random"].get_ydata(), orders["predicted"])
    np.testing.assert_allclose(lines["ideal order (mean)"].get_ydata(), orders["ideal"])


def test_risk_coverage_without_a_variance():
    figure = risk_coverage.plot(pd.DataFrame(), strategies=STRATEGIES, name="Screen")
    assert "No model of this study" in figure.texts[0].get_text()
