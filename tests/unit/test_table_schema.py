"""Tables are checked before they are written; the checks agree with a JSON schema validator."""

import jsonschema
import numpy as np
import pandas as pd
import pytest

from perturbselect.errors import InputError
from perturbselect.files import read_tsv
from perturbselect.table_schema import check_table, read_table, table_schema, write_table

SPLIT = pd.DataFrame({"perturbation": ["A", "A+B"], "part": ["pool", "test"], "unseen_genes": [0, 1]})
SCHEMA = {
    "title": "example",
    "additionalProperties": False,
    "required": ["name", "count"],
    "properties": {
        "name": {"type": "string", "enum": ["a", "b"]},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "share": {"type": ["number", "null"], "minimum": 0},
        "tied": {"type": "boolean"},
        "note": {"type": ["string", "null"]},
    },
}
ROW = {"name": "a", "count": 3, "share": 0.5, "tied": True, "note": "x"}


@pytest.mark.parametrize("ending", ["tsv", "tsv.gz", "parquet"])
def test_write(tmp_path, ending):
    path = tmp_path / "new" / f"split.{ending}"
    write_table(SPLIT, "splits", path)
    read = pd.read_parquet if ending == "parquet" else read_tsv
    pd.testing.assert_frame_equal(read(path), SPLIT)


@pytest.mark.parametrize("name", ["NA", "007", "1e5", "2021"])
def test_names_of_digits_stay_names(tmp_path, name):
    write_table(SPLIT.assign(perturbation=name), "splits", tmp_path / "split.tsv")
    read = read_table("splits", tmp_path / "split.tsv")
    assert read["perturbation"].tolist() == [name, name]
    assert read["unseen_genes"].tolist() == [0, 1]


def test_empty_text_is_missing(tmp_path):
    ranks = pd.DataFrame({"dataset": [None, "7"], "n_blocks": [3, 4], "group": None})
    ranks.to_csv(tmp_path / "ranks.tsv", sep="\t", index=False)
    read = read_table("ranks", tmp_path / "ranks.tsv")
    assert read["dataset"].isna().tolist() == [True, False]
    assert read["dataset"][1] == "7"
    assert read["group"].isna().all()
    check = {"title": "ranks", "properties": {"dataset": {"type": ["string", "null"]}}}
    check_table(read, check)


def test_what_does_not_fit_is_not_written(tmp_path):
    path = tmp_path / "split.tsv"
    path.write_text("old")
    with pytest.raises(InputError, match=r"table splits, column 'part': 'pol' is not allowed.*pool.*test"):
        write_table(SPLIT.replace("pool", "pol"), "splits", path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"share": None, "note": None}, None),
        ({"share": 0}, None),
        ({"count": 9}, None),
        ({"count": 10}, r"column 'count': '10' is not allowed; it takes integer \(minimum 1, maximum 9\)"),
        ({"count": 0}, r"column 'count': '0' is not allowed"),
        ({"count": 1.5}, r"column 'count': '1.5' is not allowed"),
        ({"count": "many"}, r"column 'count': 'many' is not allowed"),
        ({"count": None}, r"column 'count': row 1 is empty"),
        ({"name": "c"}, r"column 'name': 'c' is not allowed"),
        ({"name": None}, r"column 'name': row 1 is empty"),
        ({"share": -0.1}, r"column 'share': '-0.1' is not allowed; it takes number or null \(minimum 0\)"),
        ({"note": 3}, r"column 'note': '3' is not allowed; it takes string or null"),
        ({"tied": "yes"}, r"column 'tied': 'yes' is not allowed; it takes boolean"),
        ({"other": 1}, r"table example: unknown column 'other'; known: name, count, share, tied, note"),
    ],
)
def test_as_a_json_schema_validator(change, message):
    """The second of two rows is changed; a validator that goes row by row agrees."""
    row = ROW | change
    rows = [ROW, row] if row.keys() == ROW.keys() else [row, row]
    valid = jsonschema.Draft202012Validator(SCHEMA).is_valid(row)
    assert valid == (message is None)
    table = pd.DataFrame(rows, dtype=object)
    if valid:
        check_table(table, SCHEMA)
    else:
        with pytest.raises(InputError, match=message):
            check_table(table, SCHEMA)


def test_infinite_numbers_are_refused():
    with pytest.raises(InputError, match="column 'share': 'inf'"):
        check_table(pd.DataFrame([ROW, ROW | {"share": np.inf}]), SCHEMA)


def test_missing_column():
    with pytest.raises(InputError, match=r"table example: column 'count' is missing; it has name"):
        check_table(pd.DataFrame({"name": ["a"]}), SCHEMA)


def test_a_wrong_column_of_an_empty_table_is_found():
    with pytest.raises(InputError, match="unknown column"):
        check_table(pd.DataFrame(columns=[*ROW, "other"]), SCHEMA)
    check_table(pd.DataFrame(columns=list(ROW)), SCHEMA)


def test_schema_of_a_table():
    assert table_schema("splits")["properties"]["part"]["enum"] == ["pool", "test"]
