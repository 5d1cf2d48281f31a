"""Floors and ceiling in a panel of scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from perturbselect.report.style import REFERENCE_GREY
from perturbselect.scores.score import CEILING, REFERENCES

REFERENCE_LINES: dict[str, Any] = {"control_mean": (0, (2, 2)), "training_mean": (0, (6, 2)), CEILING: ":"}


def draw_references(
    axis: Axes,
    references: pd.DataFrame | pd.Series,
    drawn: tuple[float, float] | None = None,
) -> None:
    """Draw floors and ceiling into a panel; name at its edge those that are far outside.

    Parameters
    ----------
    axis : Axes
        The panel, after all else is drawn.
    references : Series or DataFrame
        Scores by the keys of `REFERENCES`, others and missing ones left out: one each for the whole panel,
        or a column each, whose rows are steps at the places 0, 1, ... of the x axis.
    drawn : tuple of float, optional
        Ends of the y axis without the references; default: the panel's. Panels that share this axis
        need it from before the first of them got its references.
    """
    ends = axis.get_ylim()
    low, high = drawn or ends
    reach, margin = 0.35 * (high - low), 0.04 * (high - low)
    bottom, top = low, high
    far: dict[str, np.ndarray] = {}
    for model, label in REFERENCES.items():
        values = np.atleast_1d(np.asarray(references.get(model, np.nan), dtype=float))
        near = values[(values > low - reach) & (values < high + reach)]
        if not near.size:
            far |= {model: values[np.isfinite(values)]} if np.isfinite(values).any() else {}
            continue
        bottom, top = min(bottom, near.min() - margin), max(top, near.max() + margin)
        look = {"color": REFERENCE_GREY, "linestyle": REFERENCE_LINES[model], "linewidth": 1.2, "zorder": 1}
        if isinstance(references, pd.Series):
            axis.axhline(values[0], label=label, **look)
        else:
            places = np.arange(len(values))
            axis.hlines(values, places - 0.45, places + 0.45, label=label, **look)
    lines, line = {}, 0.09 * (top - bottom)  # the height of a line of words
    for above in (True, False):
        lines[above] = [
            f"{REFERENCES[model]} {_from_to(values)} {'↑' if above else '↓'}"
            for model, values in far.items()
            if (values[0] > high) == above
        ]
        axis.text(
            0.985,
            0.98 if above else 0.02,
            "\n".join(lines[above]),
            transform=axis.transAxes,
            ha="right",
            va="top" if above else "bottom",
            fontsize=7,
            color="#555555",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5} if lines[above] else None,
        )
    bottom, top = bottom - line * len(lines[False]), top + line * len(lines[True])
    axis.set_ylim(min(ends[0], bottom), max(ends[1], top))


def _from_to(values: np.ndarray) -> str:
    """Write the least and the largest value, or the one there is."""
    return " to ".join(dict.fromkeys(f"{value:.3g}" for value in (values.min(), values.max())))
