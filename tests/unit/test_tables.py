"""Tables of a study: hand-made scores with known answers, and the tables' schemas."""

import json

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from perturbselect.errors import InputError
from perturbselect.files import write_tsv
from perturbselect.report.html_tables import table_page
from perturbselect.report.overview import best_strategies, overview_page, statements, warnings
from perturbselect.report.plain_text import text_summary
from perturbselect.scores import tables
from perturbselect.scores.metrics import METRICS
from perturbselect.table_schema import FOLDER, check_table, table_schema

KEYS = ["dataset", "model", "strategy", "split", "seed", "budget", "n_selected", "metric", "value"]


def scores_of(rows):
    """Table ``scores`` from rows of KEYS."""
    table = pd.DataFrame(rows, columns=KEYS).assign(n_perturbations=9, undefined=0)
    integers = ["split", "seed", "n_selected", "n_perturbations", "undefined"]
    return table.astype(dict.fromkeys(integers, "Int64"))


def study(curves, *, runs=((0, 0), (1, 0)), metric="mse", model="gears", jitter=0.0):
    """Scores of strategies with given values at budgets 10, 20, 40, ... ; each run shifted by jitter·run."""
    return scores_of(
        [
            ("d", model, strategy, split, seed, str(10 * 2**i), 10 * 2**i, metric, value + jitter * run)
            for strategy, values in curves.items()
            for run, (split, seed) in enumerate(runs)
            for i, value in enumerate(values)
        ]
    )


REFERENCES = scores_of(
    [
        ("d", model, None, split, None, None, None, metric, value)
        for model, value in [("control_mean", 0.9), ("training_mean", 0.5), ("split_half", 0.01)]
        for split in (0, 1)
        for metric in ("mse",)
    ]
)


@pytest.fixture
def whole():
    curves = {"random": [0.8, 0.6, 0.4], "degree": [0.9, 0.7, 0.5], "graphreach": [0.6, 0.4, 0.3]}
    simple = {"random": [0.5, 0.3, 0.2], "degree": [0.5, 0.4, 0.3], "graphreach": [0.4, 0.3, 0.1]}
    return pd.concat(
        [
            study(curves, jitter=0.1),
            study(simple, model="kernel_ridge", jitter=0.1),
            study({k: [0.1, 0.2, 0.3] for k in curves}, metric="pearson_delta_perturbed_ref"),
            study({k: [0.1, 0.2, 0.3] for k in curves}, metric="spread_ratio"),
            REFERENCES,
        ],
        ignore_index=True,
    )


def frame(values, undefined, **run):
    """What `score` returns, for one metric of level perturbation and one of level set."""
    columns = {
        "dataset": "d",
        "model": "m",
        "strategy": "s",
        "split": 0,
        "seed": 0,
        "budget": "5",
        "n_selected": 5,
    } | run
    names = [f"P{i}" for i in range(len(values))]
    table = pd.DataFrame(
        {
            **{k: [v] * (len(values) + 1) for k, v in columns.items()},
            "perturbation": [*names, None],
            "metric": ["mse"] * len(values) + ["spread_ratio"],
            "value": [*values, 0.5],
            "undefined": [*undefined, 0],
        }
    )
    return table


def test_run_scores_average_each_run_of_each_frame():
    both_budgets = pd.concat(
        [frame([1.0, 3.0], [0, 0]), frame([2.0, np.nan, 4.0], [0, 1, 0], budget="10", n_selected=10)]
    )
    floors = frame([7.0], [0], model="control_mean", strategy=None, seed=None, budget=None, n_selected=None)
    table = tables.run_scores(iter([both_budgets, floors, floors.iloc[:0]]))
    check_table(table, table_schema("scores"))
    mse = table[table["metric"] == "mse"].set_index("n_selected")
    assert mse.loc[5, "value"] == 2
    assert mse.loc[5, "n_perturbations"] == 2
    assert mse.loc[10, "value"] == 3
    assert mse.loc[10, "n_perturbations"] == 3
    assert mse.loc[10, "undefined"] == 1
    of_set = table[table["metric"] == "spread_ratio"]
    assert len(of_set) == 3
    assert (of_set["value"] == 0.5).all()
    assert sorted(of_set["n_perturbations"]) == [1, 2, 3]
    assert table.loc[table["model"] == "control_mean", "strategy"].isna().all()


def test_an_empty_study_is_refused():
    with pytest.raises(InputError, match="no scores"):
        tables.run_scores([])


def test_scores_survive_the_file(whole, tmp_path):
    write_tsv(whole, tmp_path / "scores.tsv")
    pd.testing.assert_frame_equal(
        tables.read_scores(tmp_path / "scores.tsv").fillna({"strategy": "", "budget": ""}),
        whole.fillna({"strategy": "", "budget": ""}),
    )


def test_learning_curves(whole):
    curves = tables.learning_curves(whole)
    row = curves.query(
        "model == 'gears' and strategy == 'random' and budget == '20' and metric == 'mse'"
    ).iloc[0]
    assert row["mean"] == pytest.approx(0.65)
    assert row["n_runs"] == 2
    assert row["n_selected"] == 20
    assert (row["low"], row["high"]) == (pytest.approx(0.6), pytest.approx(0.7))
    ceiling = curves[curves["model"] == "split_half"].iloc[0]
    assert ceiling["mean"] == pytest.approx(0.01)
    assert pd.isna(ceiling["budget"])
    assert pd.isna(ceiling["n_selected"])
    same = tables.learning_curves(whole.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(curves, same)


def test_one_run_has_no_interval():
    one = study({"random": [0.8, 0.6], "degree": [0.9, 0.7]}, runs=[(0, 0)])
    for table in (tables.learning_curves(one), tables.comparisons(one), tables.data_saving(one)):
        assert table["low"].isna().all()
        assert table["high"].isna().all()
    check_table(tables.comparisons(one), table_schema("comparisons"))


def test_comparisons_pair_by_run():
    """The strategy is 0.1 better in every run, though runs differ by far more than that."""
    runs = [(split, seed) for split in range(3) for seed in range(2)]
    compared = tables.comparisons(study({"random": [0.8], "graphreach": [0.7]}, runs=runs, jitter=1.0))
    row = compared.iloc[0]
    assert row["difference"] == pytest.approx(-0.1)
    assert row["low"] == pytest.approx(-0.1)
    assert row["high"] == pytest.approx(-0.1)
    assert row["effect_size"] == -1
    assert row["n_pairs"] == 6
    assert row["better"] == "lower"
    assert row["p"] == pytest.approx(2 / 2**6)
    assert row["p_holm"] == row["p"]


def test_comparisons_use_the_runs_in_common_and_say_how_many():
    scores = study({"random": [0.8], "degree": [0.7], "graphreach": [0.6]}, runs=[(0, 0), (1, 0), (2, 0)])
    scores = scores[~((scores["strategy"] == "degree") & (scores["split"] == 2))]
    pairs = tables.comparisons(scores).set_index("strategy")["n_pairs"]
    assert pairs.to_dict() == {"degree": 2, "graphreach": 3}
    assert tables.comparisons(scores)["p"].isna().all()


def test_holm_runs_over_strategies_of_one_budget():
    runs = [(split, 0) for split in range(6)]
    compared = tables.comparisons(study({"random": [1, 1], "a": [2, 2], "b": [3, 3], "c": [4, 4]}, runs=runs))
    np.testing.assert_allclose(compared["p_holm"], 3 * compared["p"])


def test_comparison_of_a_metric_with_a_target():
    """A spread of 1.2 is nearer to 1 than one of 0.5, and as far as one of 0.8."""
    compared = tables.comparisons(study({"random": [0.5], "a": [1.2], "b": [1.5]}, metric="spread_ratio"))
    difference = compared.set_index("strategy")["difference"]
    assert difference["a"] == pytest.approx(-0.3)
    assert difference["b"] == pytest.approx(0)


def test_without_the_baseline_there_is_nothing_to_compare(whole):
    without = whole[whole["strategy"] != "random"]
    for table, name in (
        (tables.comparisons(without), "comparisons"),
        (tables.data_saving(without), "data_saving"),
    ):
        assert table.empty
        check_table(table, table_schema(name))


def test_area_is_the_mean_over_budgets_of_complete_runs():
    scores = study({"random": [0.9, 0.6, 0.3]}, jitter=0.2)
    area = tables.area_under_curve(scores).iloc[0]
    assert area["area"] == pytest.approx(0.7)
    assert area["n_budgets"] == 3
    assert area["n_runs"] == 2
    lacking = scores[~((scores["split"] == 1) & (scores["budget"] == "10"))]
    area = tables.area_under_curve(lacking).iloc[0]
    assert area["area"] == pytest.approx(0.6)
    assert area["n_runs"] == 1


@pytest.mark.parametrize(
    ("values", "factors", "bounds"),
    [
        # random: .8 at 10, .6 at 20, .4 at 40
        ([0.7, 0.5, 0.3], [15 / 10, 30 / 20, 40 / 40], ["", "", ">"]),
        ([0.9, 0.8, 0.4], [10 / 10, 10 / 20, 40 / 40], ["<", "", ""]),
        # A worse score at a later budget does not confuse: values are read as they are.
        ([0.35, 0.65, 0.45], [40 / 10, 17.5 / 20, 35 / 40], [">", "", ""]),
    ],
)
@pytest.mark.parametrize("metric", ["mse", "pearson_delta"])
def test_data_saving_by_hand(values, factors, bounds, metric):
    sign = 1 if metric == "mse" else -1
    curves = {"random": [0.8, 0.6, 0.4], "graphreach": values}
    scores = study({k: [sign * x for x in v] for k, v in curves.items()}, metric=metric)
    saving = tables.data_saving(scores)
    np.testing.assert_allclose(saving["factor"], factors)
    assert saving["bound"].fillna("").tolist() == bounds
    np.testing.assert_allclose(saving["low"], factors)  # all runs alike


def test_data_saving_makes_the_random_curve_monotone():
    """.8, .5, .6, .4 becomes .8, .55, .55, .4: .55 is first reached at 20, .475 halfway from 40 to 80."""
    saving = tables.data_saving(study({"random": [0.8, 0.5, 0.6, 0.4], "a": [0.55, 0.475, 0.4, 0.4]}))
    np.testing.assert_allclose(saving["factor"], [20 / 10, 60 / 20, 80 / 40, 80 / 80])


def test_data_saving_interval_contains_the_factor():
    generator = np.random.default_rng(0)
    runs = [(split, 0) for split in range(8)]
    scores = study({"random": [0.8, 0.6, 0.4], "a": [0.7, 0.5, 0.45]}, runs=runs)
    scores["value"] += generator.normal(0, 0.03, size=len(scores))
    saving = tables.data_saving(scores)
    assert (saving["low"] <= saving["factor"]).all()
    assert (saving["factor"] <= saving["high"]).all()
    assert (saving["low"] < saving["high"]).any()
    pd.testing.assert_frame_equal(saving, tables.data_saving(scores))


def test_summary_names_the_best_and_the_simple_model_that_beats_the_network(whole):
    summary = tables.summary(tables.learning_curves(whole), tables.comparisons(whole))
    check_table(summary, table_schema("summary"))
    mse = summary[summary["metric"] == "mse"].set_index("model")
    assert mse.loc["gears", "strategy"] == "graphreach"
    assert mse.loc["gears", "budget"] == "40"
    assert mse.loc["gears", "difference"] == pytest.approx(-0.1)
    assert mse.loc["gears", "beaten_by"] == "kernel_ridge"
    assert "control_mean" in mse.index
    assert pd.isna(mse.loc["kernel_ridge", "beaten_by"])
    assert mse.loc["training_mean", "mean"] == pytest.approx(0.5)
    (warning,) = warnings(summary, "gears")
    assert "kernel_ridge (0.15) against gears (0.35)" in warning
    (sentence,) = statements(summary)
    assert "gears, 40 perturbations measured: degree is best" in sentence  # all alike: the first by name
    assert "best of 3 strategies" in sentence
    assert "(2 runs: too few to tell)" in sentence
    assert "clear of 0" not in sentence


@pytest.mark.parametrize(
    ("runs", "others", "words"),
    [
        (1, 1, "1 run: too few to tell"),
        (5, 1, "5 runs: too few to tell"),
        (6, 1, "; clear of 0, Holm-adjusted p 0.0312)"),
        (6, 2, "; not clear of 0, Holm-adjusted p 0.0625)"),  # interval apart from 0, but two tests
    ],
)
def test_a_difference_is_clear_only_with_enough_runs(runs, others, words):
    curves = {"random": [0.1], "a": [0.3], "b": [0.2]}
    curves = dict(list(curves.items())[: 1 + others])
    pairs = [(split, 0) for split in range(runs)]
    scores = study(curves, runs=pairs, metric="pearson_delta_perturbed_ref", jitter=0.01)
    summary = tables.summary(tables.learning_curves(scores), tables.comparisons(scores))
    check_table(summary, table_schema("summary"))
    assert summary["n_pairs"].tolist() == [runs]
    assert summary["n_strategies"].tolist() == [1 + others]
    (sentence,) = statements(summary.astype({"n_strategies": float, "n_pairs": float}))  # as read from TSV
    assert words in sentence
    assert f"best of {1 + others} strategies" in sentence
    assert best_strategies(summary)["clear of 0"].tolist() == [
        "too few runs" if runs < 6 else {1: "yes", 2: "no"}[others]
    ]


def test_labels_of_the_users_choice(whole):
    """`rand: {strategy: random}`, `net: {model: gears}`, `ridge: {model: kernel_ridge}`."""
    labels = {"random": "rand", "gears": "net", "kernel_ridge": "ridge"}
    renamed = whole.replace({"strategy": labels, "model": labels})
    compared = tables.comparisons(renamed, "rand")
    assert set(compared["baseline"]) == {"rand"}
    assert len(compared) == len(tables.comparisons(whole))
    assert len(tables.data_saving(renamed, "rand")) == len(tables.data_saving(whole))
    curves = tables.learning_curves(renamed)
    models = {"net": "gears", "ridge": "kernel_ridge"}
    summary = tables.summary(curves, compared, network="net", simple=tables.simple_models(models))
    assert summary.dropna(subset="beaten_by").set_index("model")["beaten_by"].to_dict() == {"net": "ridge"}
    (warning,) = warnings(summary, "net")
    assert "ridge (0.15) against net (0.35)" in warning
    assert "ridge (0.15) against net (0.35)" in text_summary("S", curves, summary, ["mse"], network="net")
    for table in (tables.comparisons(renamed, None), tables.data_saving(renamed, None)):
        assert table.empty
    assert tables.summary(curves, compared, network=None)["beaten_by"].isna().all()


def test_text_of_a_metric_that_no_model_has():
    scores = study({"random": [0.8]}, runs=[(0, 0)])
    curves = tables.learning_curves(scores)
    summary = tables.summary(curves, tables.comparisons(scores))
    text = text_summary("S", curves, summary, ["calibration", "mse"], network="gears")
    assert f"d: {METRICS['calibration'].label}: no model of this study has it" in text
    assert "(mean of 1 run)" in text


def test_the_floors_training_mean_can_beat_the_network():
    scores = pd.concat([study({"random": [0.9, 0.7]}), REFERENCES])
    summary = tables.summary(tables.learning_curves(scores), tables.comparisons(scores))
    assert summary.set_index("model").loc["gears", "beaten_by"] == "training_mean"


def test_made_tables_fit_their_schemas(whole):
    check_table(whole, table_schema("scores"))
    for name, table in {
        "learning_curves": tables.learning_curves(whole),
        "comparisons": tables.comparisons(whole),
        "areas": tables.area_under_curve(whole),
        "data_saving": tables.data_saving(whole),
    }.items():
        assert len(table), name
        check_table(table, table_schema(name))
        assert list(table.columns) == list(table_schema(name)["properties"]), name


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_schemas_are_json_schemas_of_a_row(path):
    schema = json.loads(path.read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["title"] == path.stem
    assert schema["description"]
    for rule in schema["properties"].values():
        assert rule["description"]
        assert rule["type"]
    if "metric" in schema["properties"]:
        assert schema["properties"]["metric"]["enum"] == list(METRICS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="seed"), "column 'seed' is missing"),
        (lambda t: t.assign(extra=1), "unknown column 'extra'"),
        (lambda t: t.assign(split=-1), "column 'split': '-1' is not allowed; it takes integer .minimum 0"),
        (lambda t: t.assign(split=0.5), "column 'split': '0.5'"),
        (lambda t: t.assign(metric="mze"), "column 'metric': 'mze'"),
        (lambda t: t.assign(model=None), "column 'model': row 0 is empty"),
        (lambda t: t.assign(value=np.inf), "column 'value': 'inf'"),
        (lambda t: t.assign(dataset=3), "column 'dataset': '3'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(whole, change, message):
    with pytest.raises(InputError, match=message):
        check_table(change(whole), table_schema("scores"))


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
    summary = tables.summary(tables.learning_curves(whole), tables.comparisons(whole))
    empty = pd.DataFrame()
    page = overview_page(
        "Study",
        ran={"splits": 2},
        datasets=pd.DataFrame({"dataset": ["d"], "simulated": [True]}),
        summary=summary,
        names=empty,
        graphs=pd.DataFrame({"dataset": ["d"], "graph": ["go"], "nodes": [12]}),
        left_out=pd.DataFrame({"dataset": ["d"], "perturbation": ["GENE7"], "reason": ["3 cells"]}),
        network="gears",
    )
    for piece in (
        "All data are simulated",
        "A simple model beats the network",
        "GENE7",
        "picked by the same test scores",
        "No names were reconciled",
    ):
        assert piece in page
    real = overview_page(
        "Study",
        ran={},
        datasets=pd.DataFrame({"dataset": ["d"], "simulated": [False]}),
        summary=summary.iloc[:0],
        names=empty,
        graphs=empty,
        left_out=empty,
        network=None,
    )
    assert "simulated.</b>" not in real
    assert "Nothing to compare" in real
    assert "Nothing was left out" in real
