"""YAML's ``yes`` and ``true`` are no numbers, though Python counts them as 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def truth_values_read_as_numbers(given: Any, read: Any, key: str = "") -> Iterator[str]:
    """Yield, for every truth value of a config that was read as something else, its key and what is wrong.

    Parameters
    ----------
    given : object
        A value as the YAML file has it; mappings and lists are looked through.
    read : object
        What became of it: of mappings, an object with these attributes or a mapping.
    key : str
        Dotted path of the value.
    """
    pairs: Iterable[tuple[Any, Any, Any]] = ()
    if isinstance(given, Mapping):
        items = read if isinstance(read, Mapping) else vars(read)
        pairs = ((name, value, items[name]) for name, value in given.items())
    elif isinstance(given, list | tuple):
        pairs = zip(range(len(given)), given, read, strict=True)
    elif isinstance(given, bool) and not isinstance(read, bool):
        yield f"{key}: {given} is a truth value, not a number"
    for name, value, its in pairs:
        yield from truth_values_read_as_numbers(value, its, f"{key}.{name}" if key else str(name))
