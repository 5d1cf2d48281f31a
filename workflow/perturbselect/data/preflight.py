"""Everything about a study that can be checked before any job runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perturbselect.config import Config
from perturbselect.data.check_constraints import check_constraints
from perturbselect.data.check_datasets import Perturbations, check_dataset
from perturbselect.data.check_graphs import check_graph
from perturbselect.data.local_files import local_file, require_header
from perturbselect.errors import InputError
from perturbselect.graphs.kernel_expression import inputs_of
from perturbselect.models import MODELS
from perturbselect.models.model import needs_histograms
from perturbselect.registry import Registry, require_key, suggestion
from perturbselect.rounds.plan import Plan, check_end, plans
from perturbselect.scores.iterpert_runs import COLUMNS as RECORDED_COLUMNS
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.score import CEILING
from perturbselect.selection import STRATEGIES


def preflight(config: Config) -> None:
    """Stop before any work if a job of this study could not succeed.

    Checks the options and labels of strategies and models, the metrics that are shown, every
    name that refers to another section, that files exist and hold the named columns, labels and
    controls, and that the largest budget fits into the pool. Files that the workflow makes or
    downloads are not looked into. The numbers are checked when a file is imported.

    Parameters
    ----------
    config : Config

    Raises
    ------
    InputError
        With one message that names the key or file and says what to do.
    """
    chosen_in_rounds = plans(config)
    for label, plan in chosen_in_rounds.items():
        _check_references(config, f"strategies.{label}", plan.acquisition)
    one_shot = {label: entry for label, entry in config.strategies.items() if label not in chosen_in_rounds}
    for label, entry in one_shot.items():
        _check_references(config, f"strategies.{label}", STRATEGIES.build(label, entry)[1])
    for label, entry in config.models.items():
        member = MODELS.build(label, entry)[1]
        _check_references(config, f"models.{label}", member)
        if needs_histograms(member):
            _require_cells(config, label)
    _check_labels("strategies", config.strategies, STRATEGIES, acquisitions=chosen_in_rounds)
    _check_labels("models", config.models, MODELS, reserved=(CEILING,))
    _check_metrics(config.figures.metrics)
    for label, expression in config.kernels.items():
        _check_kernel(config, label, expression)
    if config.gene_names.aliases is not None:
        path = local_file(config, config.gene_names.aliases, "gene_names.aliases")
        if path is not None:
            require_header(path, ("ensembl_gene_id", "symbol", "synonyms"), "gene_names.aliases")
    if config.reference_runs.iterpert is not None:
        key = "reference_runs.iterpert"
        path = local_file(config, config.reference_runs.iterpert, key)
        if path is not None:
            require_header(path, RECORDED_COLUMNS, key)
    for label, graph in config.graphs.items():
        check_graph(config, label, graph)
    for label, matrix in config.matrices.items():
        local_file(config, matrix, f"matrices.{label}")
    for label, dataset in config.datasets.items():
        found = check_dataset(config, label, dataset)
        if dataset.prior_only:
            continue
        if found is not None:
            _check_budgets(config, label, found)
            for strategy, plan in chosen_in_rounds.items():
                pool = found.pool(config.splits.test_share)
                check_end(f"strategies.{strategy}", plan.rounds, config.budgets, pool)
        check_constraints(config, found)


def _check_labels(
    section: str,
    entries: Mapping[str, Mapping[str, Any]],
    registry: Registry,
    reserved: Sequence[str] = (),
    acquisitions: Mapping[str, Plan] | None = None,
) -> None:
    """Raise InputError for a label that tables would take for something else."""
    for label, entry in entries.items():
        name = entry.get(registry.kind, label)
        if acquisitions and label in acquisitions:
            name = f"{acquisitions[label].name} in rounds"
        if label in reserved:
            raise InputError(f"{section}.{label}: the name is reserved for a reference; choose another label")
        if label != name and label in list(registry):
            raise InputError(
                f"{section}.{label}: is the name of another {registry.kind}, but this one is '{name}'; "
                "choose another label"
            )


def _require_cells(config: Config, model: str) -> None:
    """Raise InputError unless a model that predicts distributions has cells to learn them from."""
    for label, dataset in config.datasets.items():
        if dataset.type != "cells" and not dataset.prior_only:
            raise InputError(
                f"models.{model}: predicts distributions of cells, but datasets.{label} is of type "
                f"{dataset.type}: it has no cells; leave out one of them"
            )
    for strategy, plan in plans(config).items():
        if plan.features and plan.rounds.model == model:
            raise InputError(
                f"strategies.{strategy}: rounds.model: '{model}' predicts distributions and does not train "
                "between rounds; choose another"
            )


def _check_metrics(metrics: Sequence[str]) -> None:
    """Raise InputError for a metric that is unknown or named twice."""
    for place, name in enumerate(metrics):
        if name not in METRICS:
            raise InputError(f"figures.metrics: unknown metric '{name}'; {suggestion(name, list(METRICS))}")
        if name in metrics[:place]:
            raise InputError(f"figures.metrics: '{name}' stands there twice; name each metric once")


def _check_references(config: Config, key: str, member: Any) -> None:
    """Check the graphs and kernels that a strategy or model names."""
    for graph in _names(member, "graph"):
        require_key(graph, config.graphs, f"{key}.graph", "graphs")
        _require_perturbations(config, graph, f"{key}.graph")
    coexpression = getattr(member, "coexpression", None)
    if coexpression is not None:
        require_key(coexpression, config.graphs, f"{key}.coexpression", "graphs")
        if config.graphs[coexpression].type != "coexpression":
            raise InputError(
                f"{key}.coexpression: '{coexpression}' is of type {config.graphs[coexpression].type}; "
                "name a graph of type coexpression, or leave the option out"
            )
    for option in ("kernel", "priors"):
        for kernel in _names(member, option):
            require_key(kernel, config.kernels, f"{key}.{option}", "kernels")


def _names(member: Any, option: str) -> list[str]:
    """Return the names under an option: it may be absent, null, one name or a list."""
    value = getattr(member, option, None) or []
    return [value] if isinstance(value, str) else list(value)


def _check_kernel(config: Config, label: str, expression: str) -> None:
    """Check a kernel's expression, and the graphs, screens and matrices in it."""
    key = f"kernels.{label}"
    evaluated = [name for name, dataset in config.datasets.items() if not dataset.prior_only]
    try:
        graphs, annotations, screens, matrices = inputs_of(expression)
        elsewhere = set(inputs_of(expression, config.datasets).screens) - {*screens}
    except InputError as error:
        raise InputError(f"{key}: {error}") from None
    for graph in (*graphs, *annotations):
        require_key(graph, config.graphs, key, "graphs")
        _require_perturbations(config, graph, key)
    for matrix in matrices:
        require_key(matrix, config.matrices, key, "matrices")
    for screen in screens:
        require_key(screen, config.datasets, key, "datasets")
        if screen in evaluated:
            raise InputError(
                f"{key}: screen({screen}) would read {screen}'s own responses where its perturbations are "
                f"selected; set datasets.{screen}.prior_only: true, or write other_screens()"
            )
    if elsewhere and len(config.datasets) < 2:
        raise InputError(f"{key}: other_screens() needs another screen in datasets")
    for graph in annotations:
        if config.graphs[graph].type != "go":
            raise InputError(
                f"{key}: jaccard({graph}) needs a graph of type go, but '{graph}' is of type "
                f"{config.graphs[graph].type}"
            )


def _require_perturbations(config: Config, graph: str, key: str) -> None:
    """Raise InputError if the nodes of a graph are not perturbed genes."""
    if config.graphs[graph].type == "coexpression":
        raise InputError(
            f"{key}: '{graph}' is a co-expression graph: its nodes are the genes to predict, not the "
            "perturbed ones; name a graph of type go, string or edges"
        )


def _check_budgets(config: Config, label: str, found: Perturbations) -> None:
    """Check that every budget fits into the pool (at the best; the selection checks again)."""
    pool = found.pool(config.splits.test_share)
    if pool < 1:
        raise InputError(
            f"datasets.{label}: has {found.count} perturbations, too few to hold out a share of "
            f"{config.splits.test_share} (splits.test_share) and keep any"
        )
    largest = max((budget for budget in config.budgets if isinstance(budget, int)), default=0)
    if largest > pool:
        raise InputError(
            f"budgets: {largest} is more than the pool of datasets.{label} can hold: of its {found.count} "
            f"perturbations, {found.count - pool} or more are held out (splits.test_share: "
            f"{config.splits.test_share}), which leaves {pool}; lower the budget, or give a share like 20%"
        )
