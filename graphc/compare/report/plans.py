"""The report's part on how Jacobians and Hessians were planned."""

from __future__ import annotations

from graphc.compare.record import Comparison, PlanSeen, WaySeen
from graphc.compare.report.blocks import (
    Block,
    Row,
    Section,
    Span,
    Table,
    Terms,
    Words,
    cell,
    row,
    words,
)
from graphc.compare.report.numbers import count, seconds, size


def plans_section(comparison: Comparison) -> Section | None:
    """Returns the ways that were weighed for each derivative, and what they cost."""
    if not comparison.plans:
        return None
    told = "A Jacobian can be made in several ways. What each costs is predicted from the"
    told += " operations of its own graph, and the way that is predicted to take least is taken;"
    told += " all of them were timed as well, in the same rounds."
    blocks: list[Block] = [words(told)]
    for plan in comparison.plans:
        blocks += _plan(plan)
    blocks.append(Terms(_TERMS))
    return Section("plans", "How the derivatives were planned", tuple(blocks))


_COLUMNS = (
    ("way", "text"),
    ("passes", "number"),
    ("flops", "number"),
    ("moved", "number"),
    ("nodes", "number"),
    ("predicted", "number"),
    ("measured", "number"),
    ("what it does", "wide"),
)
_TERMS = (
    ("reverse", "from the output back, a pass for each of its elements"),
    ("forward", "from the input on, a pass for each of its elements"),
    ("mixed", "both, met at a narrow waist of the graph, and a product of the two"),
    ("elimination", "for graphs of scalars: vertices eliminated in the order of fewest products"),
    ("moved", "memory read and written if every operation did so by itself"),
    ("predicted", "from flops, memory moved and operations started, on a usual machine"),
    ("measured", "one warm call, compiled; the median of several"),
)

#: Times nearer than this are noise.
_ALIKE = 1.1


def _plan(plan: PlanSeen) -> list[Block]:
    title = (
        f"{plan.kind} of {plan.output} by {plan.wrt}, {count(plan.rows)} × {count(plan.columns)}"
    )
    rows = tuple(_way(way, plan) for way in plan.ways)
    told = [Span(plan.choice, "strong"), Span(f" was taken: {plan.why}.")]
    taken = {way.engine: way.measured_seconds or 0.0 for way in plan.ways}
    if plan.fastest == plan.choice:
        told.append(Span(" It was the fastest when measured, too."))
    elif plan.fastest and taken[plan.choice] <= _ALIKE * taken[plan.fastest]:
        told.append(Span(" Measured, no other way was faster by more than a tenth."))
    elif plan.fastest:
        told += [Span(" Measured, "), Span(plan.fastest, "strong"), Span(" was faster.")]
    return [Table(_COLUMNS, rows, title), Words(tuple(told))]


def _way(way: WaySeen, plan: PlanSeen) -> Row:
    name = cell(Span(way.engine, "strong"))
    if not way.applies:
        return row(name, cell(f"does not apply: {way.route}", columns=7), kind="quiet")
    return row(
        name,
        count(way.passes),
        count(way.flops),
        size(way.bytes),
        count(way.nodes),
        seconds(way.predicted_seconds),
        seconds(way.measured_seconds),
        way.route,
        kind="first" if way.engine == plan.choice else "",
    )
