"""Grain: influence over the graph plus diversity of what is influenced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from perturbselect.graphs.membership import membership
from perturbselect.graphs.propagation import propagated_rows
from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.greedy import greedy
from perturbselect.selection.engine.influence import BallDiversity, NearestDiversity, reached
from perturbselect.selection.engine.reach import GraphKey, Hops
from perturbselect.selection.strategy import Problem, Selection


@STRATEGIES.register
@dataclass(frozen=True)
class Grain:
    """Greedy maximisation of ``|σ(S)| / |σ(pool)| + γ D(S) / D(pool)``, after Grain.

    A gene u is activated by S if a pick has more than a share θ of the influence on it:
    ``σ(S) = {u : max_{v ∈ S} B[u, v] / Σ_w B[u, w] > θ}``, ``B = P_hat^hops``. D counts the genes
    within a radius of an activated one (``ball``), or adds up for every gene how near the
    nearest activated one is, ``d_max - d`` (``nearest``). The genes have no features here: d is
    the distance of their rows of B at unit length. The definitions are those of the paper
    as we read it; θ, γ and the radius are our choices. Both terms are monotone submodular: greedy
    has at least 1 - 1/e of the best value.

    The products of all rows of B are O(Σ_w c_w²), c_w the entries of a column: up to O(N³) of time
    and N² entries. ``ball`` is coverage: the union of the balls of each σ(v) takes
    O(Σ_v Σ_{u ∈ σ(v)} size of u's ball), and the run less. ``nearest`` writes down the distances of
    all genes, O(N²) of memory; the nearest of each σ(v) to every gene take O(N Σ_v |σ(v)|), and the
    run about O(n N log k).

    References
    ----------
    Zhang et al. 2021, "Grain: improving data efficiency of graph neural networks via
    diversified influence maximization", PVLDB 14(11), arXiv 2108.00219.
    """

    graph: GraphKey
    hops: Hops = 2
    theta: Annotated[
        float, Field(ge=0, lt=1, description="θ: the share of a gene's influence that activates it.")
    ] = 0.01
    gamma: Annotated[float, Field(ge=0, description="γ: how much diversity counts.")] = 1.0
    diversity: Annotated[
        Literal["ball", "nearest"],
        Field(description="Count genes within `radius` of an activated one, or add up how near it is."),
    ] = "ball"
    radius: Annotated[
        float, Field(gt=0, le=2, description="For `diversity: ball`: the distance of rows of unit length.")
    ] = 0.5

    def select(self, problem: Problem, budget: int, generator: np.random.Generator) -> Selection:
        """Choose `budget` candidates."""
        graph = problem.graph
        assert graph is not None
        rows = propagated_rows(graph, graph.genes, self.hops)
        share = sp.diags_array(1 / rows.sum(axis=1)) @ rows
        hits = membership(problem.candidates, graph.genes)
        activated = sp.csr_array(hits.astype(bool) @ sp.csr_array(self.theta < share.T))
        unit = sp.csr_array(sp.diags_array(1 / np.sqrt(rows.multiply(rows).sum(axis=1))) @ rows)
        cosine = sp.csr_array(unit @ unit.T)
        if self.diversity == "ball":
            near = sp.csr_array(cosine > 1 - self.radius**2 / 2)
            picks = greedy(lambda: BallDiversity(activated, near, self.gamma), problem, budget, generator)
        else:
            distance = np.sqrt((2 - 2 * cosine.toarray()).clip(min=0))
            nearness = distance.max() - distance
            picks = greedy(
                lambda: NearestDiversity(activated, nearness, self.gamma), problem, budget, generator
            )
        activated_by_picks = activated[picks.order].sum(axis=0) > 0
        return Selection.of(
            problem,
            picks,
            hops=self.hops,
            activated=int(activated_by_picks.sum()),
            activated_by_pool=reached(activated),
        )
