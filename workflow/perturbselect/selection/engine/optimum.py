"""The best set of a coverage criterion, by integer programming (HiGHS)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, milp

from perturbselect.selection.engine.constraints import Constraints

SECONDS = 60.0


@dataclass(frozen=True)
class Optimum:
    """What integer programming found.

    Attributes
    ----------
    value : float
        Of the best set found.
    upper_bound : float
        No set has more.
    proved : bool
        Whether the two are equal, within HiGHS's tolerance.
    chosen : ndarray of int
        The set; those measured already are in it.
    """

    value: float
    upper_bound: float
    proved: bool
    chosen: np.ndarray


def best_cover(
    incidence: sp.csr_array,
    budget: int,
    constraints: Constraints | None = None,
    weights: np.ndarray | None = None,
    times: int = 1,
    seconds: float = SECONDS,
) -> Optimum:
    """Maximise ``Σ_u w_u min(r, #{v ∈ S : u ∈ R(v)})`` over sets of `budget` candidates.

    With x_v = 1 for those chosen: maximise ``Σ_u w_u y_u`` where ``y_u ≤ Σ_{v covers u} x_v``,
    ``0 ≤ y_u ≤ r`` and ``Σ_v x_v ≤ budget``. Integer x make the best y integer.

    Parameters
    ----------
    incidence : scipy.sparse.csr_array of bool, shape (n, m)
        Row v holds the elements that candidate v covers.
    budget : int
        Beyond those measured already.
    constraints : Constraints, optional
        All are kept.
    weights : ndarray of float, shape (m,), optional
        None: 1 each.
    times : int
        r.
    seconds : float
        HiGHS stops then, with the best set so far. NP-hard: for pools of some hundred.

    Returns
    -------
    Optimum
    """
    rules = constraints or Constraints()
    candidates, elements = incidence.shape
    weights = np.ones(elements) if weights is None else weights
    lower, upper = np.zeros(candidates), np.ones(candidates)
    upper[rules.exclude] = 0
    lower[rules.include] = lower[rules.measured] = 1
    link = sp.hstack([-incidence.T.astype(float), sp.eye_array(elements)], format="csr")
    free = np.ones(candidates)
    free[rules.measured] = 0
    no_elements = sp.csr_array((1, elements))
    limits = [
        LinearConstraint(link, -np.inf, 0),
        LinearConstraint(sp.hstack([sp.csr_array(free[None]), no_elements]), 0, budget),
    ]
    if rules.cost is not None:
        price = sp.csr_array((free * rules.cost)[None])
        limits.append(LinearConstraint(sp.hstack([price, no_elements]), 0, rules.money))
    if rules.groups is not None:
        members = sp.csr_array(rules.groups.T).astype(float)
        # who is measured already may fill a group beyond its limit
        most = np.maximum(rules.max_per_group, members @ (1 - free))
        padding = sp.csr_array((members.shape[0], elements))
        limits.append(LinearConstraint(sp.hstack([members, padding]), 0, most))
    found = milp(
        np.r_[np.zeros(candidates), -weights],
        integrality=np.r_[np.ones(candidates), np.zeros(elements)],
        bounds=Bounds(np.r_[lower, np.zeros(elements)], np.r_[upper, np.full(elements, times)]),
        constraints=limits,
        options={"time_limit": seconds, "mip_rel_gap": 0},
    )
    if found.x is None:
        return Optimum(float("nan"), float(weights.sum() * times), False, np.empty(0, dtype=np.int64))
    chosen = np.flatnonzero(found.x[:candidates] > 0.5)
    value = float(weights @ np.minimum(incidence[chosen].sum(axis=0), times))
    return Optimum(value, max(value, -float(found.mip_dual_bound)), found.status == 0, chosen)
