"""Wrong keys of the config, each in one line with its path."""

import copy

import pytest

from perturbselect.errors import InputError
from perturbselect.load_config import load_config

GOOD = {
    "datasets": {"demo": {"type": "cells", "source": {"path": "x"}}},
    "graphs": {"go": {"type": "go", "source": {"path": "y"}}},
    "budgets": [5],
    "strategies": {"random": {}},
    "models": {"control_mean": {}},
}


def message(change):
    raw = copy.deepcopy(GOOD)
    change(raw)
    with pytest.raises(InputError) as caught:
        load_config(raw, "study.yaml")
    return str(caught.value)


def test_good():
    assert load_config(GOOD, "config").datasets["demo"].source.path == "x"


@pytest.mark.parametrize(
    ("change", "start"),
    [
        (lambda c: c.update(budgts=3), "budgts: unknown key; did you mean 'budgets'?"),
        (
            lambda c: c["datasets"]["demo"]["source"].update(contrls=[]),
            "datasets.demo.source.contrls: unknown key; did you mean 'controls'?",
        ),
        (
            lambda c: c["datasets"]["demo"].update(preprocess={"filters": {"min_gene": 1}}),
            "datasets.demo.preprocess.filters.min_gene: unknown key; did you mean 'min_genes'?",
        ),
        (
            lambda c: c["datasets"]["demo"]["source"].update(cells={"pth": "x"}),
            "datasets.demo.source.cells.pth: unknown key; did you mean 'path'?",
        ),
        (
            lambda c: c["graphs"]["go"].update(thresold=1),
            "graphs.go.thresold: unknown key; did you mean 'threshold'?",
        ),
        (
            lambda c: c["graphs"]["go"].update(type="got"),
            "graphs.go.type: unknown type 'got'; did you mean 'go'?",
        ),
        (lambda c: c["graphs"]["go"].pop("type"), "graphs.go.type: this key is missing"),
        (lambda c: c["graphs"]["go"].pop("source"), "graphs.go.source: this key is missing"),
        (lambda c: c.pop("models"), "models: this key is missing"),
        (lambda c: c.update(budgets=[0]), "budgets: '0' is neither"),
        (lambda c: c.update(seed="many"), "seed: input should be a valid integer"),
        (
            lambda c: c.update(simulations={"demo": {"depth": float("inf")}}),
            "simulations.demo.depth: input should be a finite number",
        ),
        (lambda c: c["datasets"].update({"a b": c["datasets"]["demo"]}), "datasets.a b: string should match"),
        (
            lambda c: c["datasets"]["demo"].update(source={"path": "x", "url": "y"}),
            "datasets.demo.source: give exactly one of path, url and preset",
        ),
        (lambda c: c.update(seeds=True), "seeds: True is a truth value, not a number"),
        (lambda c: c.update(budgets=[5, True]), "budgets.1: True is a truth value"),
        (lambda c: c.update(stability={"draws": True}), "stability.draws: True is a truth value"),
        (lambda c: c["graphs"]["go"].update(neighbours=True), "graphs.go.neighbours: True is a truth value"),
    ],
)
def test_one_wrong_key(change, start):
    assert message(change).startswith(f"study.yaml: {start}")


def test_truth_values_where_they_belong():
    raw = copy.deepcopy(GOOD)
    raw["datasets"]["prior"] = raw["datasets"]["demo"] | {"prior_only": True}
    assert load_config(raw, "config").datasets["prior"].prior_only


def test_several_wrong_keys_in_one_message():
    def change(raw):
        raw["budgts"] = 3
        raw["datasets"]["demo"]["source"]["pth"] = 3

    lines = message(change).splitlines()
    assert lines[0] == "study.yaml: 2 keys are wrong"
    assert sorted(line.partition(":")[0] for line in lines[1:]) == ["  budgts", "  datasets.demo.source.pth"]
