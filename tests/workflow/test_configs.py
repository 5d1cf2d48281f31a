"""Every study in config/: it loads, its files and names are right, and the workflow can plan it."""

from pathlib import Path

import jsonschema
import pytest
import yaml
from command_line import Workflow

from perturbselect.config import REPOSITORY
from perturbselect.config_page import PAGE, schema
from perturbselect.load_config import load_config
from perturbselect.models import MODELS
from perturbselect.models.model import is_network

CONFIGS = sorted((REPOSITORY / "config").rglob("*.yaml"))
every_config = pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
# Sections whose keys the user chooses.
NAMED = {"simulations", "datasets", "graphs", "kernels", "strategies", "models"}


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


@pytest.fixture
def data_of(request):
    """Options that put `data_root` where the real data are; skips if they are needed and absent."""

    def options(path: Path) -> list[str]:
        needed = "{data_root}" in path.read_text()
        return ["--config", f"data_root={request.getfixturevalue('data_root')}"] if needed else []

    return options


def keys(section: object, named: bool = False):
    """Yield every key of a config that is not a name of the user's choice."""
    if isinstance(section, dict):
        for key, value in section.items():
            if not named:
                yield key
            yield from keys(value, named=key in NAMED and not named)


def test_there_are_the_studies_of_the_issue():
    assert {path.stem for path in CONFIGS} >= {"config", "papalexi2021", "replogle2022", "adamson2016"}


@every_config
def test_fits_the_schema(path):
    jsonschema.validate(read(path), schema())
    load_config(read(path), path.name)


@every_config
def test_every_key_is_explained(path):
    page = PAGE.read_text()
    for key in keys(read(path)):
        assert f"\n| `{key}` |" in page, key


@every_config
def test_is_large_enough_to_compare_strategies(path):
    study = load_config(read(path), path.name)
    assert len(study.strategies) >= 3
    assert study.splits.count >= 3
    assert len(study.budgets) >= 4
    assert {"training_mean", "kernel_ridge", "gears"} <= set(study.models)


@every_config
def test_can_be_planned(path, data_of, deployed, tmp_path):
    """Names, files and headers are checked too, before the plan."""
    study = Workflow(deployed, tmp_path)
    study.config.write_text(path.read_text())
    config = load_config(read(path), path.name)
    scored = len(config.datasets) * len(config.strategies)
    runs = config.splits.count * config.seeds
    planned = study.planned(*data_of(path))
    for model, entry in config.models.items():
        together = not is_network(MODELS[entry.get("model", model)])
        assert planned[f"train_{model}"] == scored * (1 if together else runs)
    assert planned["score"] == scored * len(config.models)
    assert planned["report"] == 1
    assert not study.results.exists()
