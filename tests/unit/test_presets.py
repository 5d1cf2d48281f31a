"""Presets of public archives (their addresses cannot be tried without a network)."""

import re

import pytest

from perturbselect.config import CellSource, Source
from perturbselect.data.presets import KINDS, PRESETS, find_preset, with_preset
from perturbselect.errors import InputError


@pytest.mark.parametrize("name", PRESETS)
def test_form(name):
    preset = PRESETS[name]
    assert preset.url.startswith("https://")
    assert "{" not in preset.url
    assert preset.kind in KINDS
    assert (preset.kind == "log_normalised") == ("log-normalised" in preset.what)
    assert preset.checksum is None or re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", preset.checksum)
    # every key that a preset sets is a key of the section
    assert with_preset(CellSource(preset=name)).preset == name
    Source(preset=name)


def test_every_study_of_the_issue_is_there():
    for study in (
        "norman2019",
        "adamson2016",
        "dixit2016",
        "replogle2022_k562_essential",
        "replogle2022_rpe1",
    ):
        assert {f"{study}_scperturb", f"{study}_gears"} <= set(PRESETS)
    assert all(PRESETS[name].checksum for name in PRESETS if name.endswith("_scperturb"))


def test_settings_lie_under_what_the_config_says():
    source = with_preset(CellSource(preset="norman2019_gears"))
    assert (source.naming, source.layer) == ("gears", "counts")
    source = with_preset(CellSource(preset="norman2019_gears", layer="raw", controls=["x"]))
    assert (source.naming, source.layer, source.controls) == ("gears", "raw", ["x"])
    source = with_preset(CellSource(preset="dixit2016_scperturb", columns={"guide": "g"}))
    assert (source.columns.perturbation, source.columns.guide) == ("target", "g")
    again = CellSource(**CellSource(preset="norman2019_gears").model_dump())
    assert with_preset(again).layer == "counts"
    assert with_preset(CellSource(path="x")) == CellSource(path="x")


def test_unknown_preset():
    with pytest.raises(InputError, match="unknown preset 'norman2019'; did you mean 'norman2019_gears'"):
        find_preset("norman2019")
