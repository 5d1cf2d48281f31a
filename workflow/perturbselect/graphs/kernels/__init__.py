"""Kernels over perturbations: how alike two perturbations are, judged by prior knowledge.

Every kernel here is symmetric and positive semidefinite; those of graphs have a unit
diagonal. The definitions are ours. A combination ``A+B`` is the sum of its genes' features,
``M K Mᵀ`` with M the membership, brought back to a unit diagonal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from perturbselect.errors import InputError
from perturbselect.graphs.go import Annotation
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.kernel_expression import OF_SCREEN, OF_SCREENS, Term, inputs_of, parse
from perturbselect.graphs.kernels.features import jaccard, propagation, spectral
from perturbselect.graphs.kernels.given import given
from perturbselect.graphs.kernels.scaling import unit_diagonal
from perturbselect.graphs.kernels.screens import continued_screen, screen
from perturbselect.graphs.kernels.walks import heat, laplacian, random_walk
from perturbselect.graphs.membership import membership, perturbed_genes


@dataclass(frozen=True)
class Prior:
    """What kernels are computed from, each by its key in the config.

    Attributes
    ----------
    graphs : mapping of str to Graph
        Every perturbed gene must be a node.
    annotations : mapping of str to Annotation
        Of GO graphs.
    screens : mapping of str to DataFrame
        Responses of other screens.
    matrices : mapping of str to DataFrame
        Kernels that the user gives.
    """

    graphs: Mapping[str, Graph] = field(default_factory=dict)
    annotations: Mapping[str, Annotation] = field(default_factory=dict)
    screens: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    matrices: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def kernel(expression: str, perturbations: Sequence[str] | np.ndarray, prior: Prior) -> pd.DataFrame:
    """Compute the kernel that an expression names.

    Parameters
    ----------
    expression : str
        E.g. ``mean(jaccard(go), random_walk(string, restart=0.5))``; mixtures work entry by
        entry and may be nested.
    perturbations : sequence of str, length P
        ``A`` or ``A+B``.
    prior : Prior

    Returns
    -------
    DataFrame of float64, shape (P, P)
        Perturbations in the order given, as index and columns.

    Raises
    ------
    InputError
        If the expression cannot be read, what it names is not given, or an option is so extreme
        that the equations cannot be solved.
    """
    term = parse(expression)
    needed = inputs_of(expression, prior.screens)
    for called, keys, there in (
        ("graph", needed.graphs, prior.graphs),
        ("GO graph", needed.annotations, prior.annotations),
        ("other screen", needed.screens, prior.screens),
        ("matrix", needed.matrices, prior.matrices),
    ):
        for key in sorted({*keys} - {*there}):
            raise InputError(f"kernel '{expression}': there is no {called} '{key}'")
    names = np.asarray(perturbations, dtype=str)
    return pd.DataFrame(_evaluate(term, names, prior), index=names, columns=names)


def _evaluate(term: Term, perturbations: np.ndarray, prior: Prior) -> np.ndarray:
    if term.parts:
        parts = [_evaluate(part, perturbations, prior) for part in term.parts]
        if term.function == "product":
            return np.prod(parts, axis=0)
        return sum(weight * part for weight, part in zip(term.weights, parts, strict=True))  # type: ignore[return-value]
    if term.function in OF_SCREEN:
        return _of_screen(term, term.source, perturbations, prior)
    if term.function in OF_SCREENS:
        kernels = [_of_screen(term, name, perturbations, prior) for name in sorted(prior.screens)]
        if not kernels:
            raise InputError(f"{term.function}(): the study has no other screen; add one to datasets")
        return np.mean(kernels, axis=0)
    if term.function == "matrix":
        return given(prior.matrices[term.source], perturbations, term.source)
    genes = perturbed_genes(perturbations)
    hits = membership(perturbations, genes)
    return unit_diagonal(hits @ (hits @ _of_graph(term, genes, prior)).T)


def _of_screen(term: Term, name: str, perturbations: np.ndarray, prior: Prior) -> np.ndarray:
    """Return a kernel of another screen, continued to what it did not measure if the term says so.

    ``effect_size`` is of rank one, the product of two perturbations' effect sizes: the square
    roots of the diagonal of ``screen_linear``. In a product it says how far each one goes.
    """
    if "effect_size" in term.function:
        sizes = np.sqrt(np.diag(_inner_products(term, name, perturbations, prior, linear=True)))
        return np.outer(sizes, sizes) / np.mean(sizes**2)
    return _inner_products(term, name, perturbations, prior, linear=term.function.endswith("_linear"))


def _inner_products(
    term: Term, name: str, perturbations: np.ndarray, prior: Prior, *, linear: bool
) -> np.ndarray:
    responses = prior.screens[name]
    if term.along is None:
        return screen(responses, perturbations, linear=linear, name=name)
    there = responses.index.astype(str)
    placed = _placed(term.along, there, perturbations, prior)
    if placed.sum() < 2:
        raise InputError(
            f"screen({name}, …): the kernel along which to continue it knows {placed.sum()} of its "
            f"{len(there)} perturbations; its graphs need `nodes: all`"
        )
    if not placed.all():
        print(
            f"screen({name}): left out, unknown to the kernel along which it is continued: "
            f"{(~placed).sum()} of {len(there)}, e.g. {there[~placed][0]}"
        )
    responses = responses[placed].set_axis(there[placed])
    both = np.unique(np.concatenate([responses.index.to_numpy(str), perturbations]))
    along = pd.DataFrame(_evaluate(term.along, both, prior), both, both)
    return continued_screen(responses, perturbations, along, linear=linear, name=name)


def _placed(term: Term, there: pd.Index, perturbations: np.ndarray, prior: Prior) -> np.ndarray:
    """Say which perturbations of another screen a kernel can be computed for."""
    needed = inputs_of(term, prior.screens)
    placed = np.ones(len(there), dtype=bool)
    for genes in (set(prior.graphs[key].genes) for key in needed.graphs):
        placed &= [genes.issuperset(row.split("+")) for row in there]
    for key in needed.matrices:
        rows = set(prior.matrices[key].index.astype(str))
        # As `given` reads it: by whole names if it has those of this screen, else by genes.
        whole = rows.issuperset(perturbations)
        placed &= [row in rows if whole else rows.issuperset(row.split("+")) for row in there]
    return placed


def _of_graph(term: Term, genes: np.ndarray, prior: Prior) -> np.ndarray:
    """Return a kernel between genes."""
    name, options = term.source, term.options
    if term.function == "jaccard":
        return jaccard(prior.annotations[name], genes)
    graph = prior.graphs[name]
    match term.function:
        case "propagation":
            return propagation(graph, genes, int(options["layers"]))
        case "random_walk":
            return random_walk(graph, genes, options["restart"], name)
        case "laplacian":
            return laplacian(graph, genes, options["delta"], name)
        case "heat":
            return heat(graph, genes, options["time"])
        case _:
            return spectral(graph, genes, int(options["dimensions"]), int(options["window"]))
