"""Read a kernel's expression, such as ``mean(jaccard(go), random_walk(string, restart=0.5))``.

Imports nothing heavy: the workflow asks `inputs_of` which files a kernel needs.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from perturbselect.errors import InputError
from perturbselect.registry import suggestion

# Functions of a graph, with their options, defaults and (exclusive) bounds.
OF_GRAPH: dict[str, dict[str, tuple[float, float, float]]] = {
    "propagation": {"layers": (1, 0, 10)},
    "jaccard": {},
    "random_walk": {"restart": (0.5, 0, 1)},
    "laplacian": {"delta": (1.0, 0, float("inf"))},
}
OF_KERNELS = ("mean", "product")
WHOLE = ("layers",)


@dataclass(frozen=True)
class Term:
    """One call of an expression.

    Attributes
    ----------
    function : str
    graph : str
        Key of the graph it is computed from; empty for a mixture.
    options : dict of str to float
        All options of the function, defaults filled in.
    parts : tuple of Term
        What a mixture mixes.
    """

    function: str
    graph: str
    options: dict[str, float]
    parts: tuple[Term, ...] = ()


def parse(expression: str) -> Term:
    """Parse an expression of calls, graph names and numbers.

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

    known = [*OF_GRAPH, *OF_KERNELS]
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise refuse(f"'{ast.unparse(node)}' is no kernel; write a call of one of {', '.join(known)}")
    function = node.func.id
    if function in OF_KERNELS:
        if not node.args or node.keywords:
            raise refuse(f"{function}(…) takes kernels, at least one, and nothing else")
        return Term(function, "", {}, tuple(_term(part, expression) for part in node.args))
    if function not in OF_GRAPH:
        raise refuse(f"unknown function '{function}'; {suggestion(function, known)}")
    if len(node.args) != 1 or not isinstance(node.args[0], ast.Name):
        raise refuse(f"{function}(…) takes one graph, by its key in the config, then options by name")
    options = {name: default for name, (default, _, _) in OF_GRAPH[function].items()}
    for keyword in node.keywords:
        if keyword.arg not in options:
            takes = ", ".join(options) or "none"
            raise refuse(f"{function} has no option '{keyword.arg or '**'}'; its options: {takes}")
        _, low, high = OF_GRAPH[function][keyword.arg]
        value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not low < value < high:
            raise refuse(
                f"{function}: {keyword.arg} must be a number between {low:g} and {high:g} (both excluded)"
            )
        if keyword.arg in WHOLE and value != int(value):
            raise refuse(f"{function}: {keyword.arg} must be a whole number")
        options[keyword.arg] = value
    return Term(function, node.args[0].id, options)


def inputs_of(expression: str) -> tuple[list[str], list[str]]:
    """Return the keys of the graphs whose edges, and of those whose annotation, an expression needs.

    Returns
    -------
    graphs, annotations : list of str
        Sorted, unique. ``jaccard`` reads a GO graph's source, not its edges.
    """
    graphs: set[str] = set()
    annotations: set[str] = set()
    pending = [parse(expression)]
    while pending:
        term = pending.pop()
        pending.extend(term.parts)
        if term.graph:
            (annotations if term.function == "jaccard" else graphs).add(term.graph)
    return sorted(graphs), sorted(annotations)
