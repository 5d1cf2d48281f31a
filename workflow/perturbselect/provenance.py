"""Digest of the source code that a script really uses.

Snakemake reruns a rule when its script file changes, but does not see the
modules the script imports. The workflow gives each rule this digest as a
parameter, so that a changed module, or another version of a package in the
lock, reruns what uses it and nothing else.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parent

# What cannot change a result: classes that only carry options, whose resolved values are parameters of
# the rules themselves, and the record of a job.
UNSEEN = {"perturbselect.config", "perturbselect.records.record"}

LOCK = PACKAGE.parents[1] / "envs" / "requirements.txt"
# Distributions that are not named as the module they hold.
DISTRIBUTIONS = {"sklearn": "scikit-learn", "vl_convert": "vl-convert-python", "yaml": "pyyaml"}


def source_digest(script: Path, *modules: str) -> str:
    """Digest a script, further modules, and every package module they import, transitively.

    Comments, docstrings and formatting do not count; imports under
    ``TYPE_CHECKING`` are not followed. Nothing is executed. Of other packages that are
    imported anywhere in these files, the version in the lock counts.

    Parameters
    ----------
    script : Path
        A Python file.
    *modules : str
        Dotted names of modules that the script loads by name.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    sources = {"": _source(Path(script).resolve())}
    waiting = [*modules, *sources[""].imports]
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if name in sources or path is None or (_unseen(name) and name not in modules):
            continue
        sources[name] = _source(path)
        waiting.extend([*sources[name].imports, name.rpartition(".")[0]])
    versions = locked_versions(LOCK)
    used = {distribution(name) for source in sources.values() for name in source.imports} & set(versions)
    text = "\n".join(
        [f"{name}:{sources[name].digest}" for name in sorted(sources)]
        + [f"{name}=={versions[name]}" for name in sorted(used)]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _unseen(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in UNSEEN)


def file_digest(path: Path) -> str:
    """Digest a file's content: 16 hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


@cache
def distribution(module: str) -> str:
    """Name in the lock of the distribution that holds a module."""
    name = module.partition(".")[0]
    return DISTRIBUTIONS.get(name, _normal(name))


@cache
def locked_versions(lock: Path = LOCK) -> dict[str, str]:
    """Read a lock's pins: distribution to version; empty if there is no lock."""
    lines = lock.read_text().splitlines() if lock.exists() else []
    pins = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {_normal(name): version.strip() for name, version in pins}


def _normal(name: str) -> str:
    """Spell a distribution's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _file(module: str) -> Path | None:
    """Find a module's file, or None if it is not the package's."""
    if module.partition(".")[0] != PACKAGE.name:
        return None
    stem = PACKAGE.parent.joinpath(*module.split("."))
    candidates = (stem.with_suffix(".py"), stem / "__init__.py")
    return next((path for path in candidates if path.exists()), None)


class _Source(NamedTuple):
    """A file's syntax tree as a digest, and the dotted names it may import."""

    digest: str
    imports: frozenset[str]


@cache
def _source(path: Path) -> _Source:
    """Parse a file and take its docstrings out; once for all rules, since it takes the most time."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return _Source(hashlib.sha256(ast.dump(tree).encode()).hexdigest(), frozenset(_imports(tree)))


def _imports(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted names a syntax tree may import (names of functions among them)."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from _imports(node)
