"""Read a kernel's expression, such as ``0.7 * jaccard(go) + 0.3 * random_walk(string, restart=0.5)``.

Imports nothing heavy: the workflow asks `inputs_of` which files a kernel needs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from perturbselect.errors import InputError
from perturbselect.registry import suggestion

INFINITE = float("inf")
# Functions of a graph, with their options, defaults and (exclusive) bounds.
OF_GRAPH: dict[str, dict[str, tuple[float, float, float]]] = {
    "propagation": {"layers": (1, 0, 10)},
    "jaccard": {},
    "random_walk": {"restart": (0.5, 0, 1)},
    "laplacian": {"delta": (1.0, 0, INFINITE)},
    "heat": {"time": (1.0, 0, INFINITE)},
    "spectral": {"dimensions": (64, 0, INFINITE), "window": (10, 0, 100)},
}
# Functions of another dataset, of all others, and of a user's matrix.
OF_SCREEN = ("screen", "screen_linear", "effect_size")
OF_SCREENS = ("other_screens", "other_screens_linear", "other_effect_sizes")
OF_MATRIX = ("matrix",)
OF_KERNELS = ("mean", "product")
WHOLE = ("layers", "dimensions", "window")


@dataclass(frozen=True)
class Term:
    """One call of an expression, or a weighted sum.

    Attributes
    ----------
    function : str
    source : str
        Key of the graph, dataset or matrix it is computed from; empty for a mixture.
    options : dict of str to float
        All options of the function, defaults filled in.
    parts : tuple of Term
        What a mixture mixes.
    weights : tuple of float
        Of the parts of a sum or mean.
    along : Term, or None
        The kernel along which another screen is continued to what it did not measure.
    """

    function: str
    source: str
    options: dict[str, float]
    parts: tuple[Term, ...] = ()
    weights: tuple[float, ...] = ()
    along: Term | None = None


class Inputs(NamedTuple):
    """The keys that an expression names, each list sorted and unique.

    ``jaccard`` reads a GO graph's source (annotations), not its edges (graphs).
    """

    graphs: list[str]
    annotations: list[str]
    screens: list[str]
    matrices: list[str]


def parse(expression: str) -> Term:
    """Parse an expression of calls, keys and numbers.

    Raises
    ------
    InputError
        If it holds anything else, or a function is given what it does not take.
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"kernel '{expression}': cannot be read ({error}); write e.g. mean(jaccard(go), …)"
        ) from error
    return _term(tree, expression)


def _term(node: ast.expr, expression: str) -> Term:
    def refuse(why: str) -> InputError:
        return InputError(f"kernel '{expression}': {why}")

    known = [*OF_GRAPH, *OF_SCREEN, *OF_SCREENS, *OF_MATRIX, *OF_KERNELS]
    if isinstance(node, ast.BinOp):
        return _sum(node, expression)
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise refuse(f"'{ast.unparse(node)}' is no kernel; write a call of one of {', '.join(known)}")
    function = node.func.id
    if function in OF_KERNELS:
        if not node.args or node.keywords:
            raise refuse(f"{function}(…) takes kernels, at least one, and nothing else")
        parts = tuple(_term(part, expression) for part in node.args)
        return Term(function, "", {}, parts, (1 / len(parts),) * len(parts))
    if function in OF_SCREENS:
        if len(node.args) > 1 or node.keywords:
            raise refuse(
                f"{function}(…) takes a kernel to continue the screens along, or nothing: it is the mean "
                "over all other datasets of the study"
            )
        return Term(function, "", {}, along=_term(node.args[0], expression) if node.args else None)
    if function not in known:
        raise refuse(f"unknown function '{function}'; {suggestion(function, known)}")
    along = None
    if function in OF_SCREEN and len(node.args) == 2:
        along = _term(node.args.pop(), expression)
    takes = "dataset" if function in OF_SCREEN else "matrix" if function in OF_MATRIX else "graph"
    if len(node.args) != 1 or not isinstance(node.args[0], ast.Name):
        raise refuse(f"{function}(…) takes one {takes}, by its key in the config, then options by name")
    allowed = OF_GRAPH.get(function, {})
    options = {name: default for name, (default, _, _) in allowed.items()}
    for keyword in node.keywords:
        if keyword.arg not in allowed:
            there = ", ".join(allowed) or "none"
            raise refuse(f"{function} has no option '{keyword.arg or '**'}'; its options: {there}")
        _, low, high = allowed[keyword.arg]
        value = _number(keyword.value)
        if value is None or not low < value < high:
            raise refuse(
                f"{function}: {keyword.arg} must be a number between {low:g} and {high:g} (both excluded)"
            )
        if keyword.arg in WHOLE and value != int(value):
            raise refuse(f"{function}: {keyword.arg} must be a whole number")
        options[keyword.arg] = value
    return Term(function, node.args[0].id, options, along=along)


def _sum(node: ast.expr, expression: str) -> Term:
    """Parse ``weight * kernel + weight * kernel + …``; a weight may be left out where it is 1."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _sum(node.left, expression), _sum(node.right, expression)
        return Term("sum", "", {}, left.parts + right.parts, left.weights + right.weights)
    weight = 1.0
    if isinstance(node, ast.BinOp):
        number = _number(node.left)
        if not isinstance(node.op, ast.Mult) or number is None or not 0 < number < INFINITE:
            raise InputError(
                f"kernel '{expression}': '{ast.unparse(node)}' is no weighted kernel; write a number above "
                "0, times a kernel, and + between"
            )
        weight, node = number, node.right
    return Term("sum", "", {}, (_term(node, expression),), (weight,))


def _number(node: ast.expr) -> float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return None if isinstance(value, bool) or not isinstance(value, int | float) else value


def inputs_of(expression: str | Term, others: Iterable[str] = ()) -> Inputs:
    """Return the keys of everything that an expression needs.

    Parameters
    ----------
    expression : str, or Term
    others : iterable of str
        The datasets that ``other_screens()`` stands for.
    """
    found: dict[str, set[str]] = {kind: set() for kind in Inputs._fields}
    pending = [parse(expression) if isinstance(expression, str) else expression]
    while pending:
        term = pending.pop()
        pending.extend(term.parts if term.along is None else [term.along])
        if term.function in OF_SCREENS:
            found["screens"].update(others)
        elif term.function in OF_SCREEN:
            found["screens"].add(term.source)
        elif term.function in OF_MATRIX:
            found["matrices"].add(term.source)
        elif term.source:
            found["annotations" if term.function == "jaccard" else "graphs"].add(term.source)
    return Inputs(*(sorted(found[kind]) for kind in Inputs._fields))
