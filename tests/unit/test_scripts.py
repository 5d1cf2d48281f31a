"""Snakemake puts the folder of the scripts on the path of every job: their names must shadow nothing."""

import sys
from importlib.metadata import packages_distributions

# Libraries look for these if they are there (numba imports coverage).
SOMETIMES_THERE = {"coverage"}


def test_no_script_is_named_like_a_module(repository):
    names = {path.stem for path in (repository / "workflow" / "scripts").glob("*.py")}
    assert names
    assert not names & (set(sys.stdlib_module_names) | set(packages_distributions()) | SOMETIMES_THERE)
