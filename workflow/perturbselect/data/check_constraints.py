"""What can be checked of a study's constraints before any job."""

from __future__ import annotations

from perturbselect.budgets import budget_size
from perturbselect.config import Config, Constraints
from perturbselect.data.check_datasets import Perturbations
from perturbselect.data.gene_names import Aliases, read_aliases
from perturbselect.data.local_files import local_file, require_header
from perturbselect.errors import InputError
from perturbselect.selection.engine import requirements


def check_constraints(config: Config, found: Perturbations | None) -> None:
    """Check the constraints against a screen's perturbations; None: these are not known yet.

    Raises
    ------
    InputError
        For a missing table or column, a name that the screen lacks, contradictions, a wrong
        price, or more to include than a budget holds.
    """
    tables = {}
    for name in ("cost", "expressed_above", "max_per_group"):
        table = getattr(config.constraints, name)
        path = None if table is None else local_file(config, table, f"constraints.{name}")
        if path is not None:
            require_header(path, table.columns, f"constraints.{name}.columns")
            tables[name] = path
    if found is not None:
        _check_included(config, found)
    names = None if found is None else found.names
    requirements.check_constraints(config.constraints, tables, names, _aliases(config))


def _aliases(config: Config) -> Aliases | None:
    """Return what the constraints' names are read with; None where the table is not here yet."""
    source = config.gene_names.aliases
    if source is None or config.constraints == Constraints():
        return Aliases()
    return None if source.path is None else read_aliases(config.resolve(source.path))


def _check_included(config: Config, found: Perturbations) -> None:
    """Check that what must be included fits into every budget."""
    pool = found.pool(config.splits.test_share)
    smallest = min(config.budgets, key=lambda budget: budget_size(budget, pool))
    if len(set(config.constraints.include)) > budget_size(smallest, pool):
        raise InputError(
            f"constraints.include: {len(set(config.constraints.include))} perturbations do not fit into the "
            f"budget {smallest} ({budget_size(smallest, pool)} perturbations); raise it, or include fewer"
        )
