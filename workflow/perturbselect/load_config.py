"""Read a study's config: every wrong key in one message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from perturbselect.config import Config
from perturbselect.errors import InputError
from perturbselect.registry import suggestion
from perturbselect.truth_values import truth_values_read_as_numbers


def load_config(raw: Mapping[str, Any], where: str) -> Config:
    """Check a raw config, as read from YAML, against every key's meaning.

    Parameters
    ----------
    raw : mapping
        What the YAML file says.
    where : str
        What the config is called in the message.

    Returns
    -------
    Config

    Raises
    ------
    InputError
        One message with a line for every wrong key: its path, what is wrong, and for an unknown
        key the one that was probably meant; truth values read as numbers once all else is right.
    """
    try:
        config = Config.model_validate(dict(raw))
        lines = list(truth_values_read_as_numbers(raw, config))
    except ValidationError as error:
        lines = [_explained(problem, raw) for problem in error.errors()]
    if not lines:
        return config
    if len(lines) == 1:
        raise InputError(f"{where}: {lines[0]}")
    raise InputError(f"{where}: {len(lines)} keys are wrong\n" + "\n".join(f"  {line}" for line in lines))


def _explained(problem: ErrorDetails, raw: Any) -> str:
    """Say in one line which key is wrong and why."""
    path = _key_path(problem["loc"], raw)
    match problem["type"]:
        case "extra_forbidden":
            known = list(_model_at(problem["loc"][:-1]).model_fields)
            what = "unknown key; " + suggestion(str(problem["loc"][-1]), known)
        case "missing":
            what = "this key is missing"
        case "value_error":
            what = str(problem["ctx"]["error"])
        case "union_tag_invalid":
            kinds = [kind.strip(" '") for kind in problem["ctx"]["expected_tags"].split(",")]
            path, what = f"{path}.type", f"unknown type '{problem['ctx']['tag']}'; "
            what += suggestion(problem["ctx"]["tag"], kinds)
        case "union_tag_not_found":
            path, what = f"{path}.type", "this key is missing"
        case _:
            what = f"{problem['msg'][0].lower()}{problem['msg'][1:]} (given: {problem['input']!r})"
    return f"{path}: {what}" if path else what


def _key_path(location: tuple[int | str, ...], raw: Any) -> str:
    """Return the dotted path of a key; pydantic's names of union members are no keys and go."""
    keys, value = [], raw
    for position, item in enumerate(location):
        is_key = isinstance(value, Mapping) and item in value
        is_entry = isinstance(value, list | tuple) and isinstance(item, int) and item < len(value)
        if is_key or is_entry:
            value = value[item]
        elif item == "[key]" or position < len(location) - 1 or not isinstance(value, Mapping):
            continue
        keys.append(str(item))
    return ".".join(keys)


def _model_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the section whose keys stand at a location of the config."""
    kind: Any = Config
    for item in location:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(item)].annotation
        elif get_origin(kind) is dict:
            kind = get_args(kind)[1]
        else:
            members = [member for member in get_args(kind) if member is not type(None)]
            kind = next(m for m in members if get_args(m.model_fields["type"].annotation) == (item,))
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        optional = [member for member in get_args(kind) if member is not type(None)]
        if type(None) in get_args(kind) and len(optional) == 1:
            kind = optional[0]
    return kind
