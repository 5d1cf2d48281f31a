"""Which strategies choose in rounds, and what in a config stops them before any job."""

import numpy as np
import pandas as pd
import pytest
from small_study import check

from perturbselect.errors import InputError
from perturbselect.load_config import load_config
from perturbselect.rounds.engine.so_far import continued, so_far
from perturbselect.rounds.plan import plans

ROUNDS = {"model": "kernel_ridge", "initial": 3, "batch": 2, "count": 3}


@pytest.fixture
def active(study):
    """A study with strategies in rounds."""
    study["rounds"] = ROUNDS
    study["strategies"] |= {
        "badge": {},
        "uncertain": {"acquisition": "bald", "features": "variance", "rounds": {"count": 2, "batch": 3}},
        "hybrid": {"acquisition": "iterpert", "priors": ["prior"], "rounds": {"start": "near"}},
        "v_optimal_rounds": {"kernel": ["prior"]},
    }
    return study


def test_plans_of_a_study(active):
    check(active)
    made = plans(load_config(active, "config"))
    assert list(made) == ["badge", "uncertain", "hybrid", "v_optimal_rounds"]
    assert {label: plan.name for label, plan in made.items()} == {
        "badge": "badge",
        "uncertain": "bald",
        "hybrid": "iterpert",
        "v_optimal_rounds": "v_optimal_rounds",
    }
    assert [plan.features for plan in made.values()] == ["effect", "variance", "effect", None]
    assert [plan.sees_measured for plan in made.values()] == [False, False, False, True]
    assert [plan.rounds.count for plan in made.values()] == [3, 2, 3, 3]
    assert [plan.rounds.start for plan in made.values()] == ["random", "random", "near", "random"]


def test_typiclust_without_acquisition_chooses_at_once(active):
    active["strategies"]["typiclust"] = {"kernel": "prior"}
    assert "typiclust" not in plans(load_config(active, "config"))


@pytest.mark.parametrize(
    ("strategy", "rounds", "words"),
    [
        ({}, None, r"strategies\.badge: chooses in rounds, but there are none; add rounds: "),
        ({"sigm": 1}, {}, r"strategies\.badge\.sigm: unknown option; did you mean 'sigma'"),
        ({"acquisition": "bagde"}, {}, r"strategies\.badge: unknown acquisition 'bagde'; did you mean"),
        ({"rounds": {"cuont": 1}}, {}, r"strategies\.badge: rounds\.cuont: Extra inputs are not permitted"),
        ({"rounds": {"count": True}}, {}, r"strategies\.badge: rounds\.count: True is a truth value"),
        ({"rounds": {"batch": 0}}, {}, r"strategies\.badge: rounds: .*'0' is neither a number"),
        ({"rounds": 5}, {}, r"strategies\.badge: rounds: "),
        ({"rounds": {"start": "v_optimal_rounds"}}, {}, r"badge: rounds\.start: .*choose all at once"),
        ({"rounds": {"start": "orcle"}}, {}, r"badge: rounds\.start: .*no 'orcle'"),
        ({"rounds": {"start": "oracle"}}, {}, r"badge: rounds\.start: 'oracle' reads responses nobody has"),
        ({"rounds": {"model": None}}, {}, r"badge: reads the features 'effect' of a trained model; name one"),
        ({"rounds": {"model": "graphnet"}}, {}, r"badge: rounds\.model: there is no 'graphnet' in models"),
        (
            {"features": "grad"},
            {},
            r"badge: features: the model 'kernel_ridge' gives no 'grad'; it gives: effect, variance\. Choose",
        ),
        ({"features": "gradient"}, {}, r"strategies\.badge\.features: "),
        ({}, {"initial": "50%", "batch": "30%", "count": 2}, r"50% and 2 rounds of 30% are more than the"),
        ({}, {"initial": "10%", "batch": "10%", "count": 3}, r"end before the budget 50%; raise rounds"),
        ({}, {"initial": 3, "batch": 4, "count": 3}, r"3 and 3 rounds of 4 are more than the pool"),
        ({}, {"initial": 2, "batch": 2, "count": 3}, r"2 and 3 rounds of 2 end before the budget 9"),
    ],
)
def test_wrong_rounds(active, strategy, rounds, words):
    active["strategies"]["badge"] = strategy
    active["strategies"]["oracle"] = {"kernel": "prior"}
    if rounds is None:
        active["strategies"] = {"random": {}, "badge": {}}
    active["rounds"] = None if rounds is None else ROUNDS | rounds
    with pytest.raises(InputError, match=words):
        check(active)


def test_prices_are_refused(active):
    active["constraints"] = {"cost": {"path": "x.tsv", "money": 3}}
    with pytest.raises(InputError, match=r"badge: strategies that choose in rounds do not know .*cost"):
        check(active)


def test_a_label_that_means_another_strategy_is_refused(active):
    active["strategies"]["degree"] = {"acquisition": "badge"}
    with pytest.raises(InputError, match=r"strategies\.degree: is the name of another strategy"):
        check(active)


def test_kernels_of_acquisitions_are_looked_up(active):
    active["strategies"]["hybrid"]["priors"] = ["piror"]
    with pytest.raises(InputError, match=r"strategies\.hybrid\.priors: .*did you mean 'prior'"):
        check(active)


def table(genes, decided_by="criterion", first=1):
    rank = np.arange(first, first + len(genes))
    return pd.DataFrame({"rank": rank, "gene": genes, "gain": 1.0, "tied": 1, "decided_by": decided_by})


def test_picks_so_far():
    """Measured before, the start's first two, then the batches; ranks go on."""
    start = table(list("MABC"), first=0)
    batch = continued(table(list("DE"), ["criterion", "fallback"]), after=2)
    picks = so_far(start, [batch], 2)
    assert list(picks["gene"]) == list("MABDE")
    assert list(picks["rank"]) == [0, 1, 2, 3, 4]
    assert list(batch["zero_gain"]) == [0, 1]


def test_a_start_that_is_too_short_or_too_full():
    with pytest.raises(InputError, match=r"rounds\.initial: 5 perturbations, but the start picked only 3"):
        so_far(table(list("ABC")), [], 5)
    included = table(list("ABC"), ["include", "include", "criterion"])
    with pytest.raises(InputError, match=r"constraints\.include: 2 perturbations do not fit into the 1 of"):
        so_far(included, [], 1)
