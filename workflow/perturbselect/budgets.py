"""Budgets: how many perturbations are measured, as numbers or as shares of the pool."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence


def budget_label(budget: int | str) -> str:
    """Return how paths spell a budget: ``40``, or ``20pct`` for ``20%``."""
    if isinstance(budget, int) and budget >= 1:
        return str(budget)
    if re.fullmatch(r"\d+(\.\d+)?%", str(budget)) and 0 < float(str(budget)[:-1]) <= 100:
        return str(budget)[:-1] + "pct"
    raise ValueError(
        f"budgets: '{budget}' is neither a number of perturbations (at least 1) nor a share like 20%"
    )


def budget_size(budget: int | str, pool: int) -> int:
    """Return a budget's number of perturbations (a share is rounded up)."""
    if isinstance(budget, int):
        return budget
    return math.ceil(pool * float(budget[:-1]) / 100 - 1e-9)


def measured_after(number: int, initial: int | str, batch: int | str, pool: int) -> int:
    """Return how many perturbations are measured after a round: ``initial + number * batch``.

    Shares are added before they are rounded up: three times 10 % are the budget ``30%``.
    """
    if isinstance(initial, str) and isinstance(batch, str):
        return budget_size(f"{float(initial[:-1]) + number * float(batch[:-1])}%", pool)
    return budget_size(initial, pool) + number * budget_size(batch, pool)


def largest_budgets(budgets: Sequence[int | str]) -> list[int | str]:
    """Return the largest number and the largest share: one of them is the largest budget of any pool."""
    numbers = [budget for budget in budgets if isinstance(budget, int)]
    shares = [budget for budget in budgets if isinstance(budget, str)]
    return [*sorted(numbers)[-1:], *sorted(shares, key=lambda share: float(share[:-1]))[-1:]]
