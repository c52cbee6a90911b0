"""The report's parts with curves: error against step, swell against size; and the kinks met."""

from __future__ import annotations

import math

from graphc.compare.record import Comparison, StepCurve, Swell
from graphc.compare.report.blocks import (
    Block,
    Chart,
    Fold,
    Row,
    Section,
    Span,
    Table,
    Terms,
    cell,
    row,
    words,
)
from graphc.compare.report.charts import step_chart, swell_chart
from graphc.compare.report.numbers import count, rough


def steps_section(comparison: Comparison) -> Section | None:
    """Returns the numeric engine's error against its step."""
    curves = comparison.step_curves
    if not curves:
        return None
    told = "With a large step the quotient misses the curve between its points (truncation); with"
    told += " a small one it subtracts nearly equal numbers (rounding). The best step lies between."
    told += " The ring is the step that the engine chose by its formula, without a search."
    blocks: list[Block] = [words(told)]
    chart = step_chart(curves)
    if chart:
        seen = "Relative error of each method against its relative step, both logarithmic."
        seen += " An error of exactly 0 is drawn at the lower edge."
        blocks.append(Chart(chart, seen))
    blocks.append(Table(_CURVE_COLUMNS, tuple(_curve_row(curve) for curve in curves)))
    points = tuple(
        Table(
            (("relative step", "number"), ("relative error", "number")),
            tuple(row(rough(s), rough(e)) for s, e in zip(c.steps, c.errors, strict=False)),
            c.method,
        )
        for c in curves
        if c.steps
    )
    blocks.append(
        Terms(
            (
                ("forward", "(f(x+h) − f(x)) / h: the error falls like h"),
                ("central", "(f(x+h) − f(x−h)) / 2h: the error falls like h²"),
                ("complex-step", "Im f(x+ih) / h: nothing is subtracted, so h may be tiny"),
                ("Richardson", "central differences at several steps, extrapolated to h = 0"),
            )
        )
    )
    if points:
        blocks.append(Fold("All points of the curves", points))
    return Section("steps", "The numeric engine's step", tuple(blocks))


_CURVE_COLUMNS = (
    ("method", "text"),
    ("chosen step", "number"),
    ("error there", "number"),
    ("best error", "number"),
    ("at step", "number"),
)


def _curve_row(curve: StepCurve) -> Row:
    name = cell(Span(curve.method, "strong"))
    if curve.reason:
        said = "does not apply" in curve.reason
        told = curve.reason if said else f"does not apply: {curve.reason}"
        return row(name, cell(told, columns=4), kind="quiet")
    pairs = zip(curve.errors, curve.steps, strict=False)
    known = [(error, step) for error, step in pairs if math.isfinite(error)]
    error, step = min(known) if known else (math.nan, math.nan)
    return row(name, rough(curve.chosen_step), rough(curve.chosen_error), rough(error), rough(step))


def swell_section(comparison: Comparison) -> Section | None:
    """Returns how the engines' graphs grow with the problem."""
    swells = comparison.swell
    if not swells:
        return None
    told = "How large each engine's gradient graph becomes as the problem grows. As a tree, every"
    told += " use of a subexpression is written out again, as on paper; shared, it stands once."
    blocks: list[Block] = [words(told)]
    chart = swell_chart(swells)
    if chart:
        seen = "Nodes against the size n; solid: shared, dashed: as a tree."
        if len({(s.nodes, s.tree_sizes) for s in swells}) < len(swells):
            seen += " Engines with the same counts lie on one line; the tables tell them apart."
        blocks.append(Chart(chart, seen))
    sizes = sorted({n for swell in swells for n in swell.sizes})
    shared = tuple(_swell_row(swell, swell.nodes, sizes) for swell in swells)
    trees = tuple(_swell_row(swell, swell.tree_sizes, sizes) for swell in swells)
    columns = (("engine", "text"), *((f"n = {n}", "number") for n in sizes))
    blocks.append(Table(columns, shared, "Nodes, shared ones counted once"))
    blocks.append(Table(columns, trees, "Nodes as a tree, with nothing shared"))
    reasons = tuple(
        words(f"{swell.engine}, n = {n}: {reason}")
        for swell in swells
        for n, reason in zip(swell.sizes, swell.reasons, strict=False)
        if reason
    )
    if reasons:
        blocks.append(Fold("Why some counts are missing", reasons))
    return Section("swell", "Growth with the problem", tuple(blocks))


def _swell_row(swell: Swell, values: tuple[int | None, ...], sizes: list[int]) -> Row:
    known = dict(zip(swell.sizes, values, strict=False))
    return row(cell(Span(swell.engine, "strong")), *(count(known.get(n)) for n in sizes))


def kinks_section(comparison: Comparison) -> Section | None:
    """Returns the nodes that were evaluated exactly at a kink or tie."""
    if not comparison.kinks:
        return None
    rows = [
        row(
            Span(kink.node, "code"),
            Span(kink.op, "code"),
            Span(kink.place, "code"),
            kink.where,
            kink.sides,
            kink.departs,
            count(kink.count),
        )
        for kink in comparison.kinks
    ]
    columns = (("node", "text"), ("op", "text"), ("place", "text"), ("where", "text"),
               ("slopes", "wide"), ("convention", "wide"),
               ("elements", "number"))  # fmt: skip
    told = "Exactly at these points the function has no single derivative, and every engine must"
    told += " choose. The slopes on either side and graphc's choice are stated, for one element of"
    told += " each; another valid choice is agreement, not an error."
    blocks: tuple[Block, ...] = (words(told), Table(columns, tuple(rows)))
    return Section("kinks", "Kinks and ties met", blocks)
