"""Find the strategies, or the models, that lie in a folder: one file each."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from perturbselect.errors import InputError
from perturbselect.truth_values import truth_values_read_as_numbers


def suggestion(word: str, known: list[str]) -> str:
    """Say which known word was probably meant, and list them all."""
    close = difflib.get_close_matches(word, known, n=1)
    return (f"did you mean '{close[0]}'? " if close else "") + "known: " + ", ".join(sorted(known))


def require_key(name: str, section: Iterable[str], key: str, called: str) -> None:
    """Raise InputError if an option names a key that its section lacks."""
    known = list(section)
    if name not in known:
        there = suggestion(name, known) if known else f"the section {called} is empty"
        raise InputError(f"{key}: there is no '{name}' in {called}; {there}")


def _of_package(package: str) -> Registry:
    """Return the registry that a package has."""
    values = vars(importlib.import_module(package)).values()
    return next(value for value in values if isinstance(value, Registry))


class Registry(Mapping[str, type]):
    """The classes that modules of a package register, by the name of their module.

    Options are the fields of the class, a frozen dataclass; pydantic checks them
    against the config. Modules that lie directly in the package are looked
    through; folders below it hold shared machinery and are not.

    Parameters
    ----------
    package : str
        Dotted name of the package.
    kind : str
        What its members are called in messages, e.g. ``"strategy"``.
    """

    def __init__(self, package: str, kind: str) -> None:
        self.package, self.kind = package, kind
        self._members: dict[str, type] = {}
        self._complete = False

    def __reduce__(self) -> tuple:
        # Another process finds the members by importing the package, as this one did.
        return _of_package, (self.package,)

    def register(self, member: type) -> type:
        """Class decorator: add `member` under the name of its module."""
        member.__pydantic_config__ = {"extra": "forbid", "allow_inf_nan": False}  # type: ignore[attr-defined]
        self._members[member.__module__.rpartition(".")[2]] = member
        return member

    def _discover(self) -> dict[str, type]:
        if not self._complete:
            folder = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(folder.__path__):
                if not module.ispkg:
                    importlib.import_module(f"{self.package}.{module.name}")
            self._complete = True
        return self._members

    def __getitem__(self, name: str) -> type:
        members = self._discover()
        if name not in members:
            raise InputError(f"unknown {self.kind} '{name}'; {suggestion(name, list(members))}")
        return members[name]

    def build(self, label: str, entry: Mapping[str, Any], section: str | None = None) -> tuple[str, Any]:
        """Make the member that an entry of the config describes.

        Parameters
        ----------
        label : str
            Key of the entry; it is the member's name, unless the entry says otherwise.
        entry : mapping
            Options, and perhaps the name under the registry's kind (``strategy: graphreach``).
        section : str or None
            Where the entry stands in the config, for messages; None: the kind's plural.

        Returns
        -------
        tuple of str and object
            Name of the member and the member itself, options checked, defaults filled in.

        Raises
        ------
        InputError
            If the name, an option or a value is unknown or wrong; names the key.
        """
        options = dict(entry)
        name = options.pop(self.kind, label)
        section = section or self.kind.removesuffix("y") + ("ies" if self.kind.endswith("y") else "s")
        try:
            member = self[name]
        except InputError as error:
            raise InputError(f"{section}.{label}: {error}") from None
        try:
            built: Any = TypeAdapter(member).validate_python(options)
        except ValidationError as error:
            known = [field.name for field in fields(member)]
            raise InputError(
                "; ".join(_explain(problem, f"{section}.{label}", known) for problem in error.errors())
            ) from None
        if wrong := list(truth_values_read_as_numbers(options, built, f"{section}.{label}")):
            raise InputError("; ".join(wrong))
        return name, built

    def __contains__(self, name: object) -> bool:
        return name in self._discover()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._discover()))

    def __len__(self) -> int:
        return len(self._discover())


def _explain(problem: Mapping[str, Any], where: str, known: list[str]) -> str:
    """Say in a line which option of a member is wrong, and how."""
    option = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "unexpected_keyword_argument":
        return f"{where}.{option}: unknown option; {suggestion(option, known)}"
    if problem["type"] == "missing":
        return f"{where}.{option}: is required"
    return f"{where}.{option}: {problem['msg']} (given: {problem['input']!r})"
