"""The interactive page: learning curves and their numbers, chosen by the reader; one file, no network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from perturbselect.report.html_tables import page
from perturbselect.report.style import REFERENCE_GREY, strategy_styles
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.score import FLOORS, REFERENCES
from perturbselect.scores.summary import HEADLINE

# Only what it takes to hand the chosen rows to Vega and to the table.
_SCRIPT = """
(function () {
  const get = id => document.getElementById(id);
  const data = JSON.parse(get("data").textContent), spec = JSON.parse(get("spec").textContent);
  const boxes = [...document.querySelectorAll("#strategies input")];
  const number = v => Math.abs(v) >= 1000 || Number.isInteger(v) ? v.toFixed(0) : v.toPrecision(3);
  const interval = (low, high) => low === null ? "" : ` [${number(low)}, ${number(high)}]`;

  function cell(tag, text) {
    const made = document.createElement(tag);
    made.textContent = text;
    return made;
  }

  function fill(select, entries, otherwise) {
    const wanted = select.value || otherwise;
    select.replaceChildren(...entries.map(([value, label]) => new Option(label, value)));
    if (entries.some(([value]) => value === wanted)) select.value = wanted;
  }

  function offer() {  // only metrics and models that the dataset has
    const curves = data.curves[get("dataset").value];
    const metrics = data.metrics.filter(metric => metric.name in curves);
    fill(get("metric"), metrics.map(metric => [metric.name, metric.label]), data.headline);
    fill(get("model"), Object.keys(curves[get("metric").value]).map(model => [model, model]));
  }

  function chosen() {
    const [dataset, metric, model] = ["dataset", "metric", "model"].map(id => get(id).value);
    const all = data.curves[dataset][metric][model];
    const wanted = boxes.filter(box => box.checked && box.value in all).map(box => box.value);
    const curves = wanted.map(strategy => [strategy, all[strategy]]);
    const references = Object.entries((data.references[dataset] || {})[metric] || {});
    return {metric, curves, references: get("floors").checked ? references : []};
  }

  function rows({curves, references}) {
    return {
      curves: curves.flatMap(([strategy, points]) => points.map(
        ([n_selected, mean, low, high, n_runs]) => ({strategy, n_selected, mean, low, high, n_runs}))),
      references: references.map(([label, mean]) => ({label, mean})),
    };
  }

  function table({metric, curves, references}) {
    get("caption").textContent = data.metrics.find(known => known.name === metric).words;
    const sizes = [...new Set(curves.flatMap(([, points]) => points.map(point => point[0])))];
    sizes.sort((one, other) => one - other);
    const line = (first, cells) => {
      const made = cell("tr", "");
      made.append(first, ...cells);
      return made;
    };
    const body = curves.map(([strategy, points]) => {
      const at = new Map(points.map(([n, mean, low, high]) => [n, number(mean) + interval(low, high)]));
      const runs = [...new Set(points.map(point => point[4]))].join(", ");
      const cells = sizes.map(n => at.get(n) || "–");
      return line(cell("th", strategy), [...cells, runs].map(text => cell("td", text)));
    });
    for (const [label, mean] of sizes.length ? references : []) {  // the same whatever was picked
      const cells = [...sizes.map(() => number(mean)), "–"];
      body.push(line(cell("th", label), cells.map(text => cell("td", text))));
    }
    const heads = [...sizes.map(n => number(n) + " picked"), "runs"].map(text => cell("th", text));
    get("table").replaceChildren(line(cell("th", "strategy"), heads), ...body);
  }

  if (!Object.keys(data.curves).length) {
    get("caption").textContent = "No scores to show.";
    return;
  }
  fill(get("dataset"), Object.keys(data.curves).map(name => [name, data.names[name]]));
  offer();
  table(chosen());
  // Level 1: errors only; an empty plot is none.
  const actions = {export: true, source: false, compiled: false, editor: false};
  vegaEmbed("#plot", {...spec, datasets: rows(chosen())}, {actions, logLevel: 1}).then(({view}) => {
    function draw() {
      const now = chosen(), {curves, references} = rows(now);
      table(now);
      view.data("curves", curves).data("references", references).run();
    }
    for (const control of document.querySelectorAll("select, input"))
      control.addEventListener("change", () => { offer(); draw(); });
    for (const [id, checked] of [["all", true], ["none", false]])
      get(id).addEventListener("click", () => { boxes.forEach(box => { box.checked = checked; }); draw(); });
    document.body.dataset.ready = "yes";
  });
})();
"""
_LAYOUT = """
#controls { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; align-items: center; }
#strategies { display: flex; flex-wrap: wrap; gap: .1rem .9rem; margin: .6rem 0; }
#strategies label { white-space: nowrap; } #plot { width: 100%; }
.swatch { display: inline-block; width: 1.6rem; height: 0; vertical-align: middle; margin: 0 .3rem; }
#numbers { overflow-x: auto; }
"""


def explorer_page(
    curves: pd.DataFrame,
    title: str,
    *,
    strategies: Sequence[str],
    baseline: str | None = "random",
    names: Mapping[str, str] | None = None,
    simulated: Sequence[str] = (),
) -> str:
    """Write a page that shows curves and numbers of the dataset, metric, model and strategies one picks.

    Vega, Vega-Lite and Vega-Embed stand in the page (0.9 MB, from vl-convert; plotly's script takes 4.8).

    Parameters
    ----------
    curves : DataFrame
        Table ``learning_curves``.
    title : str
        Title of the study.
    strategies : sequence of str
        All strategies of the study, in the config's order (they fix the colours).
    baseline : str or None
        Label of the strategy that others are compared with: it is black.
    names : mapping of str to str, optional
        What to call the datasets.
    simulated : sequence of str
        Datasets whose data are simulated: their names say so.

    Returns
    -------
    str
        HTML; the same table gives the same text. Without scores, a page that says so.
    """
    from vl_convert import javascript_bundle

    names = {name: (names or {}).get(name) or name for name in curves["dataset"].unique()}
    names |= {name: f"{names[name]} (simulated)" for name in simulated if name in names}
    shown = [name for name in strategies if (curves["strategy"] == name).any()]
    data = {
        "names": names,
        "headline": HEADLINE,
        "metrics": [
            {"name": name, "label": metric.label, "words": f"{metric.label}: {metric.direction}"}
            for name, metric in METRICS.items()
        ],
        "curves": _nested(curves),
        "references": _references(curves),
    }
    styles = strategy_styles(strategies, baseline)
    boxes = "\n".join(_box(name, styles[name]) for name in shown)
    vega = javascript_bundle()  # type: ignore[call-arg]  # its stub lacks the default
    body = f"""<style>{_LAYOUT}</style>
<p class="note">Means over runs (split and seed) with 95 % bootstrap intervals; a single run has none.</p>
<div id="controls">
<label>Dataset <select id="dataset"></select></label>
<label>Metric <select id="metric"></select></label>
<label>Model <select id="model"></select></label>
<label><input type="checkbox" id="floors" checked> floors and ceiling</label>
</div>
<div id="strategies">
<button id="all" type="button">all</button> <button id="none" type="button">none</button>
{boxes}
</div>
<h2 id="caption"></h2>
<div id="plot"></div>
<div id="numbers"><table id="table"></table></div>
<script id="data" type="application/json">{_embedded(data)}</script>
<script id="spec" type="application/json">{_embedded(_chart(shown, styles))}</script>
<script>{vega}</script>
<script>{_SCRIPT}</script>"""
    return page(f"{title}: curves to choose from", body)


def _chart(strategies: Sequence[str], styles: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the chart's Vega-Lite specification; the page's script hands it its rows."""
    import altair as alt

    colours = [styles[name]["color"] for name in strategies]
    dashes = [_dash(styles[name]) for name in strategies]
    curves = alt.Chart(alt.NamedData(name="curves"))
    x = alt.X(
        "n_selected:Q",
        title="perturbations picked (number)",
        scale=alt.Scale(zero=False, nice=False, padding=12),
    )
    y = alt.Y("mean:Q", title="score", scale=alt.Scale(zero=False))
    colour = alt.Color("strategy:N", scale=alt.Scale(domain=list(strategies), range=colours), legend=None)
    dash = alt.StrokeDash("strategy:N", scale=alt.Scale(domain=list(strategies), range=dashes), legend=None)
    tips = [
        "strategy:N",
        "n_selected:Q",
        *[alt.Tooltip(f"{key}:Q", format=".3~g") for key in ("mean", "low", "high")],
        "n_runs:Q",
    ]
    references = alt.Chart(alt.NamedData(name="references"))
    grey = alt.value(REFERENCE_GREY)
    layers = alt.layer(
        curves.mark_area(opacity=0.13).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour),
        curves.mark_line().encode(x=x, y=y, color=colour, strokeDash=dash),
        curves.mark_point(filled=True, size=45, opacity=1).encode(x=x, y=y, color=colour, tooltip=tips),
        references.mark_rule(strokeDash=[6, 3]).encode(y="mean:Q", color=grey),
        # On the right, where curves have mostly left the floors behind.
        references.mark_text(align="right", dx=-4, dy=-5).encode(
            x=alt.value("width"), y="mean:Q", text="label:N", color=grey
        ),
    )
    return layers.properties(width="container", height=380).to_dict()


def _dash(style: Mapping[str, Any]) -> list[float]:
    """Return a matplotlib line style as dashes in pixels."""
    return [1, 0] if style["linestyle"] == "-" else [2.0 * length for length in style["linestyle"][1]]


def _box(name: str, style: Mapping[str, Any]) -> str:
    line = {1: "solid", 2: "dashed", 4: "dashed"}[
        1 if style["linestyle"] == "-" else len(style["linestyle"][1])
    ]
    return (
        f'<label><input type="checkbox" value="{escape(name, quote=True)}" checked>'
        f'<span class="swatch" style="border-top: 3px {line} {style["color"]}"></span>{escape(name)}</label>'
    )


def _nested(curves: pd.DataFrame) -> dict:
    """Nest the curves: dataset, metric, model, strategy, then [n_selected, mean, low, high, n_runs]."""
    rows = curves[curves["strategy"].notna()].dropna(subset=["mean"])
    nested: dict = {}
    for row in rows.sort_values("n_selected", kind="stable").itertuples():
        of_metric = nested.setdefault(row.dataset, {}).setdefault(row.metric, {})
        points = of_metric.setdefault(row.model, {}).setdefault(row.strategy, [])
        points.append(
            [_short(value) for value in (row.n_selected, row.mean, row.low, row.high)] + [int(row.n_runs)]
        )
    trained = {model for of in nested.values() for metric in of.values() for model in metric} - set(FLOORS)
    # The floors as models of their own are at the end of the list, unless there is nothing else.
    return {
        dataset: {
            metric: dict(sorted(models.items(), key=lambda entry: (entry[0] not in trained, entry[0])))
            for metric, models in of.items()
        }
        for dataset, of in sorted(nested.items())
    }


def _references(curves: pd.DataFrame) -> dict:
    rows = curves[curves["strategy"].isna() & curves["model"].isin(list(REFERENCES))].dropna(subset=["mean"])
    rows = rows.sort_values("model", key=lambda models: models.map(list(REFERENCES).index), kind="stable")
    nested: dict = {}
    for row in rows.itertuples():
        of_metric = nested.setdefault(row.dataset, {}).setdefault(row.metric, {})
        of_metric[REFERENCES[row.model]] = _short(row.mean)
    return nested


def _short(value: float) -> float | None:
    """Four significant digits, enough for a picture and half the page; None if missing."""
    return None if pd.isna(value) else float(f"{value:.4g}")


def _embedded(value: Any) -> str:
    """Write JSON that can neither end the script element it stands in nor begin one (``<!--<script>``)."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
