"""The conda environment and the pip lock hold the same versions, and both all that the workflow imports."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import yaml

from perturbselect.provenance import distribution, locked_versions

REPOSITORY = Path(__file__).parents[2]
# What conda-forge calls otherwise than PyPI.
PYPI = {"matplotlib-base": "matplotlib", "pytorch": "torch"}
# Parts of another package of the list.
WITHIN = {"pydantic-core"}


def conda_versions() -> dict[str, str]:
    """Versions in the conda environment, by PyPI's names; without Python's own."""
    listed = yaml.safe_load((REPOSITORY / "envs" / "perturbselect.yaml").read_text())["dependencies"]
    pins = dict(pin.split("=", 1) for pin in listed)
    assert pins.pop("python") == "3.11"  # the lock's
    return {PYPI.get(name, name): version for name, version in pins.items()}


def imported() -> set[str]:
    """Distributions that the package and the scripts import."""
    modules = set()
    for path in (REPOSITORY / "workflow").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.split(".")[0])
    return {
        distribution(name) for name in modules - set(sys.stdlib_module_names) - {"perturbselect"}
    } - WITHIN


def test_conda_and_pip_have_the_same_versions():
    conda, pip = conda_versions(), locked_versions()
    assert conda == {name: pip.get(name) for name in conda}


def test_conda_and_the_package_name_all_that_is_imported():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    named = {re.split(r"[<>=\[]", text)[0] for text in project["dependencies"]}
    assert imported() <= set(conda_versions())
    assert imported() <= named
    assert not {"statsmodels", "scikit-posthocs"} & (
        named | set(conda_versions())
    )  # the tests' (decision 0010)
    assert {"scikit-learn", "pyyaml", "torch"} <= imported()
