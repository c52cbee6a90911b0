"""A training step as one picture: forward, backward, and each parameter's new value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphc.core.errors import ArgumentError
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.render.glyphs import glyph, is_number
from graphc.render.labels import clean, font, html, table
from graphc.render.mirror import first_needed_by
from graphc.render.mirrored import start_mirrored
from graphc.render.record import Record
from graphc.render.sketch import Sketch, kind_of, rows_of, tip
from graphc.render.style import LOOKS, RESIDUAL_EDGE, UPDATE_FRAME, VALUE


def update_dot(
    record: Record,
    updates: Mapping[Node, Node],
    values: Mapping[Node, Any] | None = None,
    *,
    wrt: Sequence[Node] | None = None,
    name: str = "output",
    **options: Any,
) -> str:
    """Returns DOT text of a forward graph, its reverse pass, and an update step.

    Args:
        record: the record of the reverse pass.
        updates: for each parameter its new value, a node such as `w - rate * dw`.
        values: values by node.
        wrt: the nodes whose gradients are drawn; by default those updated.
        name: what the output is called.
        **options: fields of `Settings`.

    Raises:
        ArgumentError: there is no update.
    """
    if not updates:
        raise ArgumentError("there is no update to draw", "give {parameter: its new value}")
    targets = list(updates) if wrt is None else list(wrt)
    base = start_mirrored(record, values, targets, name, options)
    sketch, folding, cells = base.sketch, base.folding, base.cells
    sketch.cluster("upd", font("update", style="b", size=12), UPDATE_FRAME)
    forward = dict.fromkeys(folding.order)
    drawn: dict[Node, str] = {}
    tied: set[Node] = set()
    roots = [(new, parameter) for parameter, new in updates.items()]
    for node, parameter in first_needed_by(roots, {**forward, **dict.fromkeys(cells)}):
        if is_number(node):
            continue
        adjoint = record.adjoints.get(parameter)
        drawn[node] = _draw_cell(sketch, node)
        spent = glyph(node).spent if node.args else ()
        for index, arg in enumerate(node.args):
            if is_number(arg):
                if index not in spent:
                    sketch.number(arg, drawn[node], index, "upd")
            elif arg in drawn:
                sketch.wire(drawn[arg], drawn[node], index)
            elif arg is adjoint and base.adjoint_cells.get(parameter):
                sketch.wire(base.adjoint_cells[parameter], drawn[node], index, **_GRADIENT)
                # The step starts beside its gradient; were that folded, any rank would do.
                if folding.drawn(parameter) is parameter and parameter not in tied:
                    tied.add(parameter)
                    sketch.same_rank(base.adjoint_cells[parameter], drawn[node])
            elif cells.get(folding.drawn(arg)):
                look = RESIDUAL_EDGE if arg in forward else _GRADIENT
                sketch.wire(cells[folding.drawn(arg)], drawn[node], index, **look)
    for parameter, new in updates.items():
        label = clean(parameter.name or describe(parameter, 3))
        end = sketch.new_id()
        shown = font(html(f"{label} ←"), style="b", color=VALUE)
        sketch.node(end, "upd", label=f"<{shown}>", **LOOKS["output"].attributes())
        tail = drawn.get(new) or cells.get(folding.drawn(new), "")
        if tail:
            sketch.wire(tail, end, color=VALUE)
    return sketch.source()


_GRADIENT = {"color": VALUE, "constraint": "false"}


def _draw_cell(sketch: Sketch, node: Node) -> str:
    name = sketch.new_id()
    rows = rows_of(sketch, node)
    look = LOOKS["update" if node.args else kind_of(node)].attributes()
    label = f"<{rows[0]}>" if len(rows) == 1 else table(rows)
    sketch.node(name, "upd", label=label, tooltip=tip(node), **look)
    return name
