"""Write what is generated from the config's models: its JSON schema and its page.

``python -m perturbselect.config_page`` (``make docs``) writes
``workflow/schemas/config.schema.json`` and ``config/README.md``; a test keeps them in step.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from perturbselect.config import REPOSITORY, Config
from perturbselect.files import write_bytes
from perturbselect.models import MODELS
from perturbselect.rounds import ACQUISITIONS
from perturbselect.selection import STRATEGIES

SCHEMA = REPOSITORY / "workflow" / "schemas" / "config.schema.json"
PAGE = REPOSITORY / "config" / "README.md"

INTRODUCTION = """\
# The config

A study is one YAML file: `config/config.yaml` (the simulated screen) is the default,
`config/real/*.yaml` are studies of real screens. Run one with
`make run CONFIG=config/real/papalexi2021.yaml`, which is
`snakemake --cores 8 --configfile config/real/papalexi2021.yaml --directory runs/papalexi2021`:
a study given with `--configfile` replaces the default one (it is not merged with it), single keys
are changed with `--config seed=1`, and `--directory` keeps the results apart.

This page is generated from `workflow/perturbselect/config/` by `make docs`. Unknown keys are errors.
"""


def schema() -> dict[str, Any]:
    """Return the JSON schema of the config, with the options of every strategy and model."""
    whole = Config.model_json_schema()
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    whole["title"] = "perturbselect config"
    whole["$defs"]["own_rounds"] = {**whole["$defs"]["Rounds"], "required": []}
    for key, registries in (("strategies", (STRATEGIES, ACQUISITIONS)), ("models", (MODELS,))):
        entries = []
        for registry in registries:
            for name, member in registry.items():
                options = TypeAdapter(member).json_schema()
                options["properties"] = options.get("properties", {}) | {registry.kind: {"const": name}}
                if registry is ACQUISITIONS:
                    options["properties"]["rounds"] = {"$ref": "#/$defs/own_rounds"}
                whole["$defs"][f"{registry.kind}_{name}"] = options
                entries.append({"$ref": f"#/$defs/{registry.kind}_{name}"})
        section = whole["properties"][key]
        (names,) = section.pop("patternProperties")
        section["patternProperties"] = {names: {"anyOf": entries}}
        section["additionalProperties"] = False
    return whole


def page() -> str:
    """Return ``config/README.md``."""
    parts = [INTRODUCTION, "## Keys of a study\n", *_table(_fields_of(Config))]
    for section in dict.fromkeys(_sections()):
        parts += [f"\n## {_heading(section)}\n", f"{inspect.getdoc(section)}\n", *_table(_fields_of(section))]
    for registry, title in (
        (STRATEGIES, "Strategies"),
        (ACQUISITIONS, "Strategies in rounds"),
        (MODELS, "Models"),
    ):
        parts.append(f"\n## {title}\n")
        for name, member in registry.items():
            summary = (inspect.getdoc(member) or "").partition("\n\n")[0].replace("\n", " ")
            parts += [f"\n### `{name}`\n", f"{summary}\n", *_table(_options_of(member))]
    return "\n".join(parts) + "\n"


def _sections(above: type[BaseModel] = Config) -> Iterator[type[BaseModel]]:
    """Yield the models below one, each where a key first names it; some more than once."""
    for field in above.model_fields.values():
        for section in _models_of(field.annotation):
            yield section
            yield from _sections(section)


def _models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_of(argument)


def _heading(section: type[BaseModel]) -> str:
    return f"`{section.__name__}`"


def _fields_of(section: type[BaseModel]) -> Iterator[tuple[str, str, str, str]]:
    for name, field in section.model_fields.items():
        yield name, _spell(field.annotation), _default(field), field.description or ""


def _options_of(member: type) -> Iterator[tuple[str, str, str, str]]:
    hints = typing.get_type_hints(member, include_extras=True)
    for option in dataclasses.fields(member):
        hint = hints[option.name]
        info = next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, FieldInfo)), None)
        default = "required" if option.default is dataclasses.MISSING else _value(option.default)
        yield option.name, _spell(hint), default, (info.description if info else None) or ""


def _default(field: FieldInfo) -> str:
    return "required" if field.is_required() else _value(field.default)


def _value(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "see there"
    return f"`{json.dumps(value)}`"


def _spell(annotation: Any) -> str:
    """Spell a type as a user of YAML would."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is None or annotation is type(None):
        return "null"
    if origin is typing.Annotated:
        return _spell(arguments[0])
    if origin is Literal:
        return ", ".join(f"`{argument}`" for argument in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_spell(argument) for argument in arguments)
    if origin is dict:
        return f"name → {_spell(arguments[1])}"
    if origin in (list, tuple):
        return f"list of {_spell(arguments[0])}"
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return {int: "whole number", float: "number", str: "text", bool: "true or false", Any: "any"}.get(
        annotation, str(annotation)
    )


def _table(rows: Iterator[tuple[str, str, str, str]]) -> Iterator[str]:
    rows = list(rows)  # type: ignore[assignment]
    if not rows:
        yield "No options."
        return
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for row in rows:
        yield "| `{}` | {} | {} | {} |".format(*(cell.replace("|", "\\|") for cell in row))


def main() -> None:
    """Write both files."""
    write_bytes((json.dumps(schema(), indent=2, ensure_ascii=False) + "\n").encode(), SCHEMA)
    write_bytes(page().encode(), PAGE)


if __name__ == "__main__":
    main()
