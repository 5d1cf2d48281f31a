"""Read a selection's problem from the workflow's files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from perturbselect.data.gene_names import read_aliases
from perturbselect.selection.engine.requirements import requirements
from perturbselect.selection.strategy import Problem
from perturbselect.table_schema import read_table

if TYPE_CHECKING:
    from perturbselect import config


def read_problem(
    split: str | os.PathLike,
    constraints: config.Constraints,
    tables: Mapping[str, str],
    aliases: str | os.PathLike | None,
) -> tuple[Problem, dict[str, Any]]:
    """Read names and constraints; graph and kernel are left to the caller.

    Parameters
    ----------
    split : path
        Table of perturbation and part.
    constraints : config.Constraints
    tables : mapping of str to path
        The constraints' tables, by their key.
    aliases : path or None

    Returns
    -------
    problem : Problem
    facts : dict
        As from `requirements`.
    """
    parts = read_table("splits", split)
    pool, test = (parts.loc[parts["part"] == part, "perturbation"].to_numpy(str) for part in ("pool", "test"))
    rules, facts = requirements(constraints, tables, pool, test, read_aliases(aliases))
    return Problem(pool, test, constraints=rules), facts
