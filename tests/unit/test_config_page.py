"""The generated files agree with the code, and every key is explained."""

import dataclasses
import json
import typing

import jsonschema
import pytest
import yaml
from pydantic.fields import FieldInfo

from perturbselect import config_page
from perturbselect.config import Config
from perturbselect.models import MODELS
from perturbselect.rounds import ACQUISITIONS
from perturbselect.selection import STRATEGIES

CONFIGS = ("config/config.yaml", "config/real/papalexi2021.yaml", "config/real/replogle2022.yaml")


def test_generated_files_are_in_step():
    remedy = "run `make docs`"
    assert config_page.PAGE.read_text() == config_page.page(), remedy
    assert json.loads(config_page.SCHEMA.read_text()) == config_page.schema(), remedy


def test_main_writes_both(tmp_path, monkeypatch):
    monkeypatch.setattr(config_page, "PAGE", tmp_path / "README.md")
    monkeypatch.setattr(config_page, "SCHEMA", tmp_path / "schema.json")
    config_page.main()
    assert (tmp_path / "README.md").read_text() == config_page.page()
    assert json.loads((tmp_path / "schema.json").read_text()) == config_page.schema()


def test_every_key_has_a_meaning():
    for section in (Config, *config_page._sections()):
        for name, field in section.model_fields.items():
            assert field.description, f"{section.__name__}.{name}"
    for registry in (STRATEGIES, ACQUISITIONS, MODELS):
        for label, member in registry.items():
            hints = typing.get_type_hints(member, include_extras=True)
            for option in dataclasses.fields(member):
                infos = [
                    m for m in getattr(hints[option.name], "__metadata__", ()) if isinstance(m, FieldInfo)
                ]
                assert infos, f"{label}.{option.name}"
                assert infos[0].description, f"{label}.{option.name}"


def test_every_section_is_reached():
    """All models that a study can contain have a heading."""
    page = config_page.page()
    for name in Config.model_json_schema()["$defs"]:
        assert f"\n## `{name}`\n" in page
    for registry in (STRATEGIES, ACQUISITIONS, MODELS):
        for label in registry:
            assert f"\n### `{label}`\n" in page


@pytest.mark.parametrize(
    "row",
    [
        "| `seed` | whole number | `0` | Master seed; every random choice derives from it. |",
        "| `datasets` | name → [CellsDataset](#cellsdataset) or [ResponsesDataset](#responsesdataset) "
        "| required | The screens. |",
        '| `device` | `auto`, `cpu`, `cuda` | `"auto"` '
        "| Where networks train; `auto`: a GPU if there is one. |",
        "| `max_mito_share` | number or null | `null` | Share of mitochondrial UMIs, at most. |",
    ],
)
def test_rows_by_hand(row):
    assert row in config_page.page().splitlines()


def test_no_python_is_left_in_the_page():
    page = config_page.page()
    for word in ("typing.", "<class", "NoneType", "PydanticUndefined", "Annotated["):
        assert word not in page


@pytest.mark.parametrize("name", CONFIGS)
def test_the_schema_accepts_our_configs(name, repository):
    jsonschema.Draft202012Validator.check_schema(config_page.schema())
    jsonschema.validate(yaml.safe_load((repository / name).read_text()), config_page.schema())


def test_the_schema_knows_strategies_in_rounds(repository):
    study = yaml.safe_load((repository / CONFIGS[0]).read_text())
    study["rounds"] = {"model": "kernel_ridge", "initial": 15, "batch": "10%", "count": 3}
    study["strategies"] |= {"badge": {}, "few": {"acquisition": "bald", "rounds": {"count": 2}}}
    jsonschema.validate(study, config_page.schema())
    study["strategies"]["few"]["rounds"]["cuont"] = 2
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(study, config_page.schema())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sed", 1),
        ("seed", -1),
        ("strategies", {"graphreach": {"graph": "go", "hop": 2}}),
        ("models", {"gears": {"steps": "many"}}),
        ("datasets", {}),
        ("datasets", {"x": {"type": "cell", "source": {"path": "y"}}}),
    ],
)
def test_the_schema_refuses(key, value, repository):
    study = yaml.safe_load((repository / CONFIGS[0]).read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(study | {key: value}, config_page.schema())
