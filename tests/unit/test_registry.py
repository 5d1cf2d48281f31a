"""Strategies and models are found by their files and checked by their fields."""

import pickle
import subprocess
import sys

import pytest
from pydantic import TypeAdapter

from perturbselect.errors import InputError
from perturbselect.models import MODELS
from perturbselect.models.model import is_network
from perturbselect.registry import Registry, suggestion
from perturbselect.rounds import ACQUISITIONS
from perturbselect.selection import STRATEGIES

MEMBER = """
from dataclasses import dataclass
from typing import Annotated, Literal
from pydantic import Field
from {package} import MEMBERS

@MEMBERS.register
@dataclass(frozen=True)
class {name}:
    graph: str
    hops: Annotated[int, Field(ge=1, le=3)] = 1
    direction: Literal["in", "out"] = "in"
"""


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A package with two members in files and shared machinery in a folder."""
    package = tmp_path / "some_strategies"
    (package / "engine").mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from perturbselect.registry import Registry\nMEMBERS = Registry(__name__, 'strategy')\n"
    )
    (package / "near.py").write_text(MEMBER.format(package="some_strategies", name="Near"))
    (package / "far.py").write_text(MEMBER.format(package="some_strategies", name="Far"))
    (package / "helper.py").write_text("VALUE = 1\n")
    (package / "engine" / "__init__.py").write_text("raise RuntimeError('not to be imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    import some_strategies

    yield some_strategies.MEMBERS
    for name in [name for name in sys.modules if name.startswith("some_strategies")]:
        del sys.modules[name]


def test_members_are_found_by_file_name(registry):
    assert list(registry) == ["far", "near"]
    assert len(registry) == 2
    assert registry["near"].__name__ == "Near"


def test_the_package_holds_what_the_issue_names():
    assert {"random", "degree", "graphreach"} <= set(STRATEGIES)
    assert {"training_mean", "kernel_ridge", "gears"} <= set(MODELS)


def test_build_fills_in_defaults(registry):
    name, member = registry.build("near", {"graph": "go"})
    assert (name, member.graph, member.hops, member.direction) == ("near", "go", 1, "in")


def test_a_label_of_its_own(registry):
    name, member = registry.build("mine", {"strategy": "far", "graph": "go", "hops": 2})
    assert (name, member.hops) == ("far", 2)
    assert type(member).__name__ == "Far"


def test_build_leaves_the_config_alone(registry):
    entry = {"strategy": "far", "graph": "go"}
    registry.build("mine", entry)
    assert entry == {"strategy": "far", "graph": "go"}


@pytest.mark.parametrize(
    ("label", "entry", "message"),
    [
        ("neer", {}, r"^strategies\.neer: unknown strategy 'neer'; did you mean 'near'\? known: far, near$"),
        ("mine", {"strategy": "xyz"}, r"^strategies\.mine: unknown strategy 'xyz'; known: far, near$"),
        ("near", {}, r"^strategies\.near\.graph: is required$"),
        (
            "near",
            {"graph": "go", "hop": 2},
            r"^strategies\.near\.hop: unknown option; did you mean 'hops'\? known: direction, graph, hops$",
        ),
        ("near", {"graph": "go", "hops": 4}, r"^strategies\.near\.hops: .*less than or equal to 3.*given: 4"),
        ("near", {"graph": "go", "direction": "up"}, r"^strategies\.near\.direction: .*'in' or 'out'.*'up'"),
        ("near", {"hops": 4, "x": 1}, r"near\.graph: is required; .*|near\.hops.*; .*near\.x"),
    ],
)
def test_messages_name_the_key(registry, label, entry, message):
    with pytest.raises(InputError, match=message):
        registry.build(label, entry)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
@pytest.mark.parametrize("registry", [STRATEGIES, ACQUISITIONS, MODELS], ids=lambda registry: registry.kind)
def test_numbers_have_to_be_finite(registry, value):
    refused = set()
    for name, member in registry.items():
        options = TypeAdapter(member).json_schema().get("properties", {})
        for option, what in options.items():
            if "number" in {kind.get("type") for kind in [what, *what.get("anyOf", [])]}:
                with pytest.raises(InputError, match=rf"{name}\.{option}.*finite number"):
                    registry.build(name, {option: value})
                refused.add(option)
    assert refused & {"noise", "sigma", "learning_rate"}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "graphreach",
            {"graph": "go", "hops": True},
            r"strategies\.graphreach\.hops: True is a truth value",
        ),
        ("v_optimal", {"kernel": "prior", "noise": True}, r"\.noise: True is a truth value, not a number"),
        ("pagerank", {"graph": "go", "damping": 0.999999999999}, r"\.damping: .*less than or equal to 0\.99"),
    ],
)
def test_values_that_would_mean_something_else_or_take_for_ever(name, options, message):
    with pytest.raises(InputError, match=message):
        STRATEGIES.build(name, options)


def test_truth_values_where_they_belong():
    assert STRATEGIES.build("graphreach", {"graph": "go", "exact": True})[1].exact is True


def test_models_are_called_models():
    with pytest.raises(
        InputError, match=r"^models\.kernel: unknown model 'kernel'; did you mean 'kernel_ridge'"
    ):
        MODELS.build("kernel", {})


def test_all_models_but_these_are_simple():
    """The report says where a simple model beats the network."""
    networks = {name for name in MODELS if is_network(MODELS[name])}
    assert networks == {"gears", "graphnet", "histogram_network"}


def test_suggestion():
    assert suggestion("sed", ["seed", "title"]) == "did you mean 'seed'? known: seed, title"
    assert suggestion("qqq", ["b", "a"]) == "known: a, b"


def test_unknown_kind_has_no_members(tmp_path, monkeypatch):
    (tmp_path / "nothing_here").mkdir()
    (tmp_path / "nothing_here" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert list(Registry("nothing_here", "model")) == []


def test_another_process_finds_the_same_members():
    """As a parallel benchmark sends it: without what this process has found."""
    assert pickle.loads(pickle.dumps(STRATEGIES)) is STRATEGIES
    code = "import pickle, sys; print(sorted(pickle.load(sys.stdin.buffer))[0])"
    found = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(MODELS), capture_output=True)
    assert found.stdout.decode().strip() == "additive", found.stderr
