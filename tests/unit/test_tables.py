"""What the tables of a study have in common: their schemas, one run, no baseline."""

import json

import numpy as np
import pytest
from hand_made_scores import study
from jsonschema import Draft202012Validator

from perturbselect.errors import InputError
from perturbselect.scores.comparisons import comparisons
from perturbselect.scores.curves import area_under_curve, learning_curves
from perturbselect.scores.data_saving import data_saving
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.score import PREDICTED_VARIANCE
from perturbselect.table_schema import FOLDER, check_table, table_schema


def test_one_run_has_no_interval():
    one = study({"random": [0.8, 0.6], "degree": [0.9, 0.7]}, runs=[(0, 0)])
    for table in (learning_curves(one), comparisons(one), data_saving(one)):
        assert table["low"].isna().all()
        assert table["high"].isna().all()
    check_table(comparisons(one), table_schema("comparisons"))


def test_without_the_baseline_there_is_nothing_to_compare(whole):
    without = whole[whole["strategy"] != "random"]
    for table, name in (
        (comparisons(without), "comparisons"),
        (data_saving(without), "data_saving"),
    ):
        assert table.empty
        check_table(table, table_schema(name))


def test_made_tables_fit_their_schemas(whole):
    check_table(whole, table_schema("scores"))
    for name, table in {
        "learning_curves": learning_curves(whole),
        "comparisons": comparisons(whole),
        "areas": area_under_curve(whole),
        "data_saving": data_saving(whole),
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
        beside = [PREDICTED_VARIANCE] if path.stem == "perturbation_scores" else []
        assert schema["properties"]["metric"]["enum"] == [*METRICS, *beside]


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
