"""Every registered strategy with its options, and a problem for all of them."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from pydantic import TypeAdapter

from perturbselect.graphs.graph import Graph
from perturbselect.selection import STRATEGIES
from perturbselect.selection.strategy import Problem


def problem(names, seed=7):
    generator = np.random.default_rng(seed)
    count = len(names)
    adjacency = generator.random((count, count)) * (generator.random((count, count)) < 0.05)
    np.fill_diagonal(adjacency, 0)
    graph = Graph(np.array(names), sp.csr_array(adjacency.astype(np.float32)), np.ones(count, dtype=bool))
    order = generator.permutation(count)
    pool = [names[i] for i in order[: count // 2]]
    pool += [f"{min(a, b)}+{max(a, b)}" for a, b in zip(pool[:5], pool[5:10], strict=True)]
    pool, queries = np.sort(pool), np.sort([names[i] for i in order[count // 2 :]])
    everyone = np.sort(np.r_[pool, queries])
    features = generator.normal(size=(len(everyone), 8)) + 0.3
    features /= np.linalg.norm(features, axis=1)[:, None]
    return Problem(pool, queries, graph, pd.DataFrame(features @ features.T, everyone, everyone))


NAMES = [f"G{i:02d}" for i in range(60)]
PROBLEM = problem(NAMES)
POOL = len(PROBLEM.candidates)
EVERYONE = PROBLEM.kernel.index


def variants():
    """Every strategy with its defaults, and with each allowed word of each option."""
    for name, strategy in STRATEGIES.items():
        options = {field.name for field in dataclasses.fields(strategy)}
        required = {key: name for key, name in (("graph", "ppi"), ("kernel", "prior")) if key in options}
        schema = TypeAdapter(strategy).json_schema()["properties"]
        options = [required]
        options += [{**required, key: word} for key, what in schema.items() for word in what.get("enum", [])]
        for given in options:
            yield pytest.param(TypeAdapter(strategy).validate_python(given), id=f"{name}-{given}")


every_strategy = pytest.mark.parametrize("strategy", list(variants()))


def select(strategy, budget=POOL, seed=0, what=PROBLEM):
    if getattr(strategy, "sees_responses", False):
        what = dataclasses.replace(what, responses=what.kernel)  # any numbers will do
    return strategy.select(what, budget, np.random.default_rng(seed))
