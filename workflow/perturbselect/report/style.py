"""One look for all figures: fonts, a strategy's colour, and files without dates."""

from __future__ import annotations

import gc
import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from fontTools.subset import Options
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from perturbselect.files import replacing

# PDF viewers read no rules of how letters join: to cut these to a figure's letters is most of a PDF's time.
Options._drop_tables_default = [*Options._drop_tables_default, "GDEF", "GPOS", "GSUB", "MATH"]

FORMATS = ("svg", "pdf", "png")
POOL_GREY, REFERENCE_GREY = "#BBBBBB", "#777777"
# Okabe and Ito's colours without black (the baseline's) and yellow (too faint for lines), and three of
# Paul Tol's muted ones: apart from each other with every common form of colour blindness.
COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#999933", "#332288",
)  # fmt: skip
LINES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
MARKERS = ("s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")

_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "figure.titlesize": 11,
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "svg.hashsalt": "perturbselect",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
}
_CANVASES = {"svg": FigureCanvasSVG, "pdf": FigureCanvasPdf, "png": FigureCanvasAgg}
# No dates and versions; PNGs are compressed less: 5 % more bytes in two thirds of the time.
_OPTIONS: dict[str, dict[str, Any]] = {
    "svg": {"metadata": {"Date": None, "Creator": None}},
    "png": {"metadata": {"Software": None}, "pil_kwargs": {"compress_level": 3}},
    "pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
}


def styled() -> AbstractContextManager[None]:
    """Context in which figures are drawn: matplotlib's defaults and the project's settings."""
    return matplotlib.rc_context({**matplotlib.rcParamsDefault, **_SETTINGS, "backend": "agg"})


def strategy_styles(strategies: Sequence[str], baseline: str | None = "random") -> dict[str, dict[str, Any]]:
    """Give each strategy of a study its colour, line and marker.

    The baseline is black with a round marker. The others take colours in the order given, so every
    figure of a study must pass all its strategies, in the config's order. Up to 36 can be told
    apart: 9 colours, each with 4 kinds of line.

    Parameters
    ----------
    strategies : sequence of str
        All strategies of the study.
    baseline : str or None
        Label of the strategy that others are compared with; None: the study has none.

    Returns
    -------
    dict of str to dict
        Arguments ``color``, ``linestyle`` and ``marker`` for ``Axes.plot``.
    """
    styles: dict[str, dict[str, Any]] = {}
    others = [name for name in strategies if name != baseline]
    for name in strategies:
        if name == baseline:
            styles[name] = {"color": "black", "linestyle": "-", "marker": "o"}
        else:
            place = others.index(name)
            styles[name] = {
                "color": COLOURS[place % len(COLOURS)],
                "linestyle": LINES[place // len(COLOURS) % len(LINES)],
                "marker": MARKERS[place % len(MARKERS)],
            }
    return styles


def panels(
    rows: int, columns: int, strategies: Sequence[str], size: tuple[float, float] = (3.4, 2.9), **sharing: Any
) -> tuple[Figure, np.ndarray]:
    """Return a figure with a grid of panels, and room below them for a legend of all strategies.

    Parameters
    ----------
    rows, columns : int
        Number of panels.
    strategies : sequence of str
        What the legend will name.
    size : tuple of float
        Width and height of a panel, inches.
    **sharing
        ``sharex`` and ``sharey`` of `Figure.subplots`.

    Returns
    -------
    Figure
    ndarray of Axes, shape (rows, columns)
    """
    width = max(6.4, size[0] * columns + 0.8)
    legend = 0.17 * len(strategies) / max(1, width // 2)
    figure = Figure(figsize=(width, size[1] * rows + 1.1 + legend), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **sharing)


def limits(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of an axis that shows these values (NaN left out), with matplotlib's own margin.

    For panels that share an axis: without limits matplotlib finds those of all panels again for whatever
    is drawn in one of them.
    """
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
    return low - margin, high + margin


def draw_curves(
    axis: Axes,
    table: pd.DataFrame,
    value: str,
    styles: Mapping[str, Mapping[str, Any]],
    marks: Sequence[str] = (),
) -> None:
    """Draw a line and a band for each strategy against the number of perturbations picked.

    Parameters
    ----------
    axis : Axes
        The panel.
    table : DataFrame
        ``strategy``, ``n_selected``, the column `value` and its interval, ``low`` to ``high``.
    value : str
        Column of the line.
    styles : mapping of str to mapping
        From `strategy_styles`.
    marks : sequence of str
        Strategies that read the responses: upper marks, which the legend says.
    """
    for strategy, style in styles.items():
        curve = table[table["strategy"] == strategy].sort_values("n_selected")
        if curve.empty:
            continue
        label = f"{strategy} (knows the responses)" if strategy in marks else strategy
        axis.plot(curve["n_selected"], curve[value], label=label, markersize=4, linewidth=1.4, **style)
        axis.fill_between(
            curve["n_selected"], curve["low"], curve["high"], color=style["color"], alpha=0.13, lw=0
        )
    budgets = np.sort(table["n_selected"].unique())
    if 0 < len(budgets) <= 6:
        axis.set_xticks(budgets, apart(budgets, [f"{budget:.4g}" for budget in budgets]))
    axis.margins(x=0.04)
    axis.grid(axis="y", color="#EEEEEE")
    axis.set_axisbelow(True)


def apart(places: np.ndarray, labels: Sequence[str]) -> list[str]:
    """Empty the labels of ticks that would touch the next one on the right, in a panel of the usual width.

    Parameters
    ----------
    places : ndarray of float, shape (n,)
        Of the ticks, rising.
    labels : sequence of str, length n

    Returns
    -------
    list of str
        The last is always kept.
    """
    shown, free = list(labels), np.inf
    for tick in reversed(range(len(shown))):
        if places[tick] > free:
            shown[tick] = ""
        else:  # a digit takes 3 % of a panel
            free = places[tick] - (0.03 * len(shown[tick]) + 0.02) * (places[-1] - places[0])
    return shown


def title(figure: Figure, words: str, simulated: bool) -> None:
    """Head a figure, in as many lines as its width asks for, and say so if its data are simulated."""
    lines = (words + (" (simulated data)" if simulated else "")).split("\n")
    letters = int(figure.get_figwidth() * 72 / 7.2)  # points: the mean width of a bold letter
    text = "\n".join(textwrap.fill(line, letters) for line in lines)
    figure.suptitle(text, x=0.01, ha="left", weight="bold")


def wrapped(label: str) -> str:
    """Break a long label of an axis in two or three lines."""
    return label.replace(", ", ",\n", 1).replace(" (", "\n(", 1) if len(label) > 26 else label


def message(heading: str, words: str, simulated: bool) -> Figure:
    """Return a figure that says why there is nothing to draw."""
    figure = Figure(figsize=(6.4, 1.4), layout="constrained")
    figure.text(0.02, 0.4, words)
    title(figure, heading, simulated)
    return figure


def legend_below(figure: Figure, axes: Iterable[Axes]) -> Legend:
    """Put one legend for all panels under them; each label once."""
    entries: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    widest = max(map(len, entries))
    columns = int(figure.get_figwidth() * 72 // (4.7 * widest + 44))  # points: letters, line, gap
    return figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower left",
        ncols=max(1, min(columns, len(entries))),
        handlelength=3.2,
    )


def arrange(figure: Figure) -> None:
    """Give panels, title and legends their places, once for all formats; no drawing moves them after."""
    engine = figure.get_layout_engine()
    if engine and figure.axes:
        with styled():
            engine.execute(figure)
        figure.set_layout_engine("none")


def save(figure: Figure, stem: str | os.PathLike, formats: Sequence[str] = FORMATS) -> None:
    """Write a figure as ``stem.svg``, ``stem.pdf`` and ``stem.png``.

    The same figure gives the same bytes: no dates, no versions, fixed identifiers.

    Parameters
    ----------
    figure : Figure
        Not registered with pyplot, so nothing need be closed.
    stem : path
        Path without ending.
    formats : sequence of str
        Endings.
    """
    # To look among a drawing's many objects for garbage, of which it makes little, took a tenth of its time.
    collects = gc.isenabled()
    gc.disable()
    try:
        arrange(figure)
        for ending in formats:
            # The canvas itself: `Figure.savefig` would arrange everything once more for each format.
            with replacing(f"{os.fspath(stem)}.{ending}") as partial, styled():
                figure.set_dpi(matplotlib.rcParams["savefig.dpi"])
                canvas = _CANVASES[ending](figure)
                getattr(canvas, f"print_{ending}")(partial, **_OPTIONS[ending])
    finally:
        if collects:
            gc.enable()
