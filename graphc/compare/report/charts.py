"""The charts as Vega-Lite specs; colours are the page's, shapes and dashes say the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from graphc.compare.record import EngineResult, StepCurve, Swell
from graphc.compare.report.numbers import count, digits

#: Ends of the digits axis: an exact result is drawn at the end of what a float64 can have.
_MOST_DIGITS = 17.0
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
_INK, _QUIET, _LINE = "var(--ink)", "var(--quiet)", "var(--line)"
_COLOURS = tuple(f"var(--series-{i})" for i in range(1, 8))
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 2], [1, 3], [10, 4])


def digits_chart(engines: Sequence[EngineResult]) -> dict[str, Any] | None:
    """Returns bars of the correct digits of each engine's worst element, with what is promised."""
    rows: list[dict[str, Any]] = []
    for engine in engines:
        if engine.status != "ok" or not engine.digits:
            continue
        got = _least(engine.digits.values())
        expected = _least(engine.digits_expected.values())
        rows.append(
            {
                "engine": engine.name,
                "digits": _clip(got),
                "expected": None if expected is None else _clip(expected),
                "label": f"{digits(got)} · {engine.verdict}",
                "kind": "defect" if engine.verdict == "defect" else "agreement",
            }
        )
    if not rows:
        return None
    top = max(_MOST_DIGITS, *(row["digits"] for row in rows))
    y = {"field": "engine", "type": "nominal", "sort": None, "axis": {"title": None}}
    x = {
        "field": "digits",
        "type": "quantitative",
        "scale": {"domain": [0, top]},
        "axis": {"title": "correct decimal digits of the worst element", "tickMinStep": 1},
    }
    bars = {
        "mark": {"type": "bar", "height": 16, "cornerRadiusEnd": 2},
        "encoding": {
            "x": x,
            "y": y,
            "color": {
                "field": "kind",
                "type": "nominal",
                "legend": None,
                "scale": {
                    "domain": ["agreement", "defect"],
                    "range": ["var(--bar)", "var(--bad)"],
                },
            },
        },
    }
    label = {
        "mark": {"type": "text", "align": "left", "dx": 7, "baseline": "middle", "color": _INK},
        "encoding": {"x": x, "y": y, "text": {"field": "label", "type": "nominal"}},
    }
    promised = {
        "transform": [{"filter": "datum.expected !== null"}],
        "mark": {"type": "tick", "thickness": 2, "size": 26, "color": _INK},
        "encoding": {"x": {**x, "field": "expected"}, "y": y},
    }
    return _spec({"data": {"values": rows}, "layer": [bars, promised, label]}, 34 * len(rows))


def step_chart(curves: Sequence[StepCurve]) -> dict[str, Any] | None:
    """Returns the U-curves: relative error against relative step, both logarithmic."""
    errors = [e for c in curves for e in (*c.errors, c.chosen_error) if _positive(e)]
    if not errors:
        return None
    floor = 10.0 ** (math.floor(math.log10(min(errors))) - 1)
    rows: list[dict[str, Any]] = []
    chosen: list[dict[str, Any]] = []
    for curve in curves:
        for step, error in zip(curve.steps, curve.errors, strict=False):
            if _positive(step) and math.isfinite(error):
                rows.append({"method": curve.method, "step": step, "error": max(error, floor)})
        if _positive(curve.chosen_step) and math.isfinite(curve.chosen_error):
            error = max(curve.chosen_error, floor)
            chosen.append({"method": curve.method, "step": curve.chosen_step, "error": error})
    methods = [curve.method for curve in curves if any(r["method"] == curve.method for r in rows)]
    x = {"field": "step", "type": "quantitative", "scale": {"type": "log", "nice": False},
         "axis": {"title": "relative step", **_POWERS}}  # fmt: skip
    y = {"field": "error", "type": "quantitative", "scale": {"type": "log", "nice": False},
         "axis": {"title": "relative error of the gradient", **_POWERS}}  # fmt: skip
    looks = _series("method", methods)
    line = {
        "mark": {"type": "line", "strokeWidth": 1.5},
        "encoding": {"x": x, "y": y, "color": looks["color"], "strokeDash": looks["dash"]},
    }
    points = {
        "mark": {"type": "point", "size": 26, "filled": True},
        "encoding": {"x": x, "y": y, "color": looks["color"], "shape": looks["shape"]},
    }
    ring = {
        "data": {"values": chosen},
        "mark": {
            "type": "point",
            "size": 260,
            "filled": False,
            "strokeWidth": 2,
            "shape": "circle",
        },
        "encoding": {"x": x, "y": y, "color": looks["color"]},
    }
    return _spec({"data": {"values": rows}, "layer": [line, points, ring]}, 380)


def swell_chart(swells: Sequence[Swell]) -> dict[str, Any] | None:
    """Returns nodes (with sharing) and tree size (without) of each engine against the problem's n.

    The counts are drawn by their logarithms, taken here: a tree size may be past any float.
    """
    rows: list[dict[str, Any]] = []
    for swell in swells:
        for kind, values in (("shared", swell.nodes), ("as a tree", swell.tree_sizes)):
            for n, value in zip(swell.sizes, values, strict=False):
                if value is not None and value > 0:
                    rows.append(
                        {
                            "engine": swell.engine,
                            "kind": kind,
                            "n": n,
                            "power": math.log10(value),
                            "count": count(value),
                        }
                    )
    if not rows:
        return None
    engines = [s.engine for s in swells if any(r["engine"] == s.engine for r in rows)]
    looks = _series("engine", engines)
    x = {"field": "n", "type": "quantitative", "scale": {"zero": False, "nice": False},
         "axis": {"title": "size n of the problem", "tickMinStep": 1, "format": "~d"}}  # fmt: skip
    label = "datum.value < 6 ? format(pow(10, datum.value), ',') : '1e' + datum.value"
    y = {"field": "power", "type": "quantitative", "scale": {"zero": True},
         "axis": {"title": "nodes", "tickMinStep": 1, "labelExpr": label}}  # fmt: skip
    dash = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": ["shared", "as a tree"], "range": [[1, 0], [5, 4]]},
        "legend": {"title": None, "symbolStrokeColor": _INK},
    }
    line = {
        "mark": {"type": "line", "strokeWidth": 1.5},
        "encoding": {"x": x, "y": y, "color": looks["color"], "strokeDash": dash},
    }
    points = {
        "mark": {"type": "point", "size": 40, "filled": True},
        "encoding": {
            "x": x,
            "y": y,
            "color": looks["color"],
            "shape": looks["shape"],
            "tooltip": [
                {"field": "engine", "type": "nominal"},
                {"field": "n", "type": "quantitative"},
                {"field": "count", "type": "nominal", "title": "nodes"},
                {"field": "kind", "type": "nominal", "title": "counted"},
            ],
        },
    }
    return _spec({"data": {"values": rows}, "layer": [line, points]}, 380)


def sharing_chart(engines: Sequence[EngineResult]) -> dict[str, Any] | None:
    """Returns stacked bars: of each gradient graph what is common, and what is its own alone."""
    kinds = ("with the forward graph", "with reverse", "with another engine", "its own alone")
    rows: list[dict[str, Any]] = []
    for engine in engines:
        if engine.status != "ok" or engine.nodes <= 0:
            continue
        common = min(engine.shared_nodes, engine.nodes)
        own = min(engine.own_nodes, engine.nodes - common)
        first = (common, 0) if engine.name == "reverse" else (0, common)
        for order, part in enumerate((*first, engine.nodes - common - own, own)):
            row = {"engine": engine.name, "kind": kinds[order], "order": order}
            rows.append(row | {"n": min(part, 2**53)})
    if not rows:
        return None
    bars = {
        "mark": {"type": "bar", "height": 16, "stroke": "var(--paper)", "strokeWidth": 1},
        "encoding": {
            "y": {"field": "engine", "type": "nominal", "sort": None, "axis": {"title": None}},
            "x": {
                "field": "n",
                "type": "quantitative",
                "stack": "zero",
                "axis": {"title": "nodes of the gradient graph", "tickMinStep": 1},
            },
            "order": {"field": "order", "type": "quantitative"},
            "color": {
                "field": "kind",
                "type": "nominal",
                "scale": {
                    "domain": list(kinds),
                    "range": ["var(--forward)", "var(--bar)", "var(--bar-light)", "var(--own)"],
                },
                "legend": {"title": None},
            },
        },
    }
    return _spec({"data": {"values": rows}, **bars}, 34 * len({row["engine"] for row in rows}))


_POWERS: dict[str, Any] = {"format": ".0e", "labelOverlap": True, "tickCount": 9}


def _series(field: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Returns colour, shape and dash by name: three ways to tell the series apart, one legend."""
    domain = list(names)

    def channel(values: Sequence[Any]) -> dict[str, Any]:
        chosen = [values[i % len(values)] for i in range(len(domain))]
        return {
            "field": field,
            "type": "nominal",
            "scale": {"domain": domain, "range": chosen},
            "legend": {"title": None},
        }

    return {"color": channel(_COLOURS), "shape": channel(_SHAPES), "dash": channel(_DASHES)}


def _spec(body: dict[str, Any], height: int) -> dict[str, Any]:
    quiet = {"labelColor": _QUIET, "titleColor": _QUIET, "labelFontSize": 12, "titleFontSize": 12}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "background": "transparent",
        **body,
        "config": {
            "font": _FONT,
            "view": {"stroke": None},
            "axis": {
                **quiet, "titleFontWeight": "normal", "titlePadding": 10, "grid": True,
                "gridColor": _LINE, "domainColor": _LINE, "tickColor": _LINE,
            },
            "axisY": {"labelPadding": 8},
            "axisBand": {"grid": False, "ticks": False, "domain": False, "labelFontSize": 13,
                         "labelColor": _INK},
            "legend": {"labelColor": _INK, "labelFontSize": 13, "labelLimit": 260,
                       "titleColor": _QUIET, "titleFontWeight": "normal", "orient": "top",
                       "symbolSize": 70},
            "text": {"fontSize": 12},
        },
    }  # fmt: skip


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _least(values: Any) -> float | None:
    known = [v for v in values if not math.isnan(v)]
    return min(known) if known else None


def _clip(value: float | None) -> float:
    return 0.0 if value is None else min(max(value, 0.0), _MOST_DIGITS)
