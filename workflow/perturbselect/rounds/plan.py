"""Which strategies of a study choose in rounds, with which model, and from where they start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from perturbselect.budgets import budget_size, measured_after
from perturbselect.config import Config, Rounds
from perturbselect.errors import InputError
from perturbselect.models import MODELS
from perturbselect.models.model import features_given
from perturbselect.registry import require_key
from perturbselect.rounds import ACQUISITIONS
from perturbselect.selection import STRATEGIES
from perturbselect.truth_values import truth_values_read_as_numbers

if TYPE_CHECKING:
    from perturbselect.rounds.acquisition import Acquisition


@dataclass(frozen=True)
class Plan:
    """How a strategy chooses in rounds.

    Attributes
    ----------
    name : str
        The acquisition's registered name.
    acquisition : Acquisition
    rounds : Rounds
        The study's section, with the entry's own keys.
    features : str or None
        What is read of the trained model; None: no model trains in between.
    sees_measured : bool
        Whether the responses measured so far are read.
    """

    name: str
    acquisition: Acquisition
    rounds: Rounds
    features: str | None
    sees_measured: bool


def in_rounds(label: str, entry: Mapping[str, Any]) -> bool:
    """Say whether an entry of `strategies` is an acquisition."""
    by_name = "strategy" not in entry and label in ACQUISITIONS and label not in STRATEGIES
    return "acquisition" in entry or by_name


def plans(study: Config) -> dict[str, Plan]:
    """Return the plan of every strategy that chooses in rounds, by label.

    Raises
    ------
    InputError
        If an entry's options or rounds are wrong, there are no rounds, the start or the model is none of
        the study's, the model does not give the features, rounds exceed the pool or end before the
        largest budget (as far as shares tell), or the constraints hold prices or groups.
    """
    entries = {label: entry for label, entry in study.strategies.items() if in_rounds(label, entry)}
    return {label: _plan(label, entry, study) for label, entry in entries.items()}


def _plan(label: str, entry: Mapping[str, Any], study: Config) -> Plan:
    key = f"strategies.{label}"
    name, member = ACQUISITIONS.build(
        label, {option: value for option, value in entry.items() if option != "rounds"}, "strategies"
    )
    rounds = _rounds(key, entry.get("rounds", {}), study)
    features = getattr(member, "features", None)
    one_shot = [other for other, its in study.strategies.items() if not in_rounds(other, its)]
    require_key(rounds.start, one_shot, f"{key}: rounds.start", "strategies that choose all at once")
    if getattr(STRATEGIES.build(rounds.start, study.strategies[rounds.start])[1], "sees_responses", False):
        raise InputError(
            f"{key}: rounds.start: '{rounds.start}' reads responses nobody has yet; choose another"
        )
    if features is not None:
        _check_model(key, features, rounds.model, study)
    _check_sizes(key, rounds, study)
    for rule in ("cost", "max_per_group"):
        if getattr(study.constraints, rule) is not None:
            raise InputError(
                f"{key}: strategies that choose in rounds do not know constraints.{rule}; remove it, or them"
            )
    return Plan(name, member, rounds, features, getattr(member, "sees_measured", False))


def _rounds(key: str, own: Any, study: Config) -> Rounds:
    """Return the study's rounds with an entry's own keys."""
    if study.rounds is None and not own:
        raise InputError(
            f"{key}: chooses in rounds, but there are none; add "
            'rounds: {model: ..., initial: "10%", batch: "10%", count: 5}'
        )
    shared = {} if study.rounds is None else study.rounds.model_dump()
    try:
        rounds = Rounds.model_validate(shared | dict(own))
    except (ValidationError, TypeError, ValueError) as error:
        problems = error.errors() if isinstance(error, ValidationError) else [{"loc": (), "msg": str(error)}]
        lines = (".".join(map(str, ["rounds", *each["loc"]])) + f": {each['msg']}" for each in problems)
        raise InputError(f"{key}: " + "; ".join(lines)) from None
    if wrong := list(truth_values_read_as_numbers(own, rounds, "rounds")):
        raise InputError(f"{key}: " + "; ".join(wrong))
    return rounds


def _check_model(key: str, features: str, label: str | None, study: Config) -> None:
    """Raise InputError unless the model of the rounds gives the features."""
    if label is None:
        raise InputError(
            f"{key}: reads the features '{features}' of a trained model; name one in rounds.model"
        )
    require_key(label, study.models, f"{key}: rounds.model", "models")
    given = features_given(MODELS.build(label, study.models[label])[1])
    if features not in given:
        raise InputError(
            f"{key}: features: the model '{label}' gives no '{features}'; it gives: {', '.join(given)}. "
            "Choose one of those, or another model (rounds.model)"
        )


def _check_sizes(key: str, rounds: Rounds, study: Config) -> None:
    """Raise InputError if shares show that the rounds exceed the pool or end before the largest budget."""
    if isinstance(rounds.initial, int) or isinstance(rounds.batch, int):
        return
    check_end(key, rounds, [budget for budget in study.budgets if isinstance(budget, str)], 10**9)


def check_end(key: str, rounds: Rounds, budgets: list[int | str], pool: int) -> None:
    """Raise InputError if rounds exceed a pool of that size, or end before the largest budget."""
    end = measured_after(rounds.count, rounds.initial, rounds.batch, pool)
    sizes = {budget: budget_size(budget, pool) for budget in budgets}
    text = f"{rounds.initial} and {rounds.count} rounds of {rounds.batch}"
    if end > pool:
        raise InputError(
            f"{key}: {text} are more than the pool; lower rounds.count, rounds.batch or rounds.initial"
        )
    for budget, size in sizes.items():
        if size > end:
            raise InputError(
                f"{key}: {text} end before the budget {budget}; raise rounds.count or rounds.batch, "
                "or leave the budget out"
            )
