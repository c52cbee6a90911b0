"""One graph drawn from its inputs to its outputs; large ones folded, blocks drawn once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphc.core.errors import ArgumentError
from graphc.core.graph import Graph, bodies
from graphc.core.naming import describe_operand
from graphc.core.node import Node
from graphc.render.blocks import open_calls
from graphc.render.fold import Folding, body_key, fold
from graphc.render.glyphs import glyph, is_number
from graphc.render.labels import clean, font, html, plain, table, value_of
from graphc.render.labels import times as times_text
from graphc.render.sketch import Sketch, kind_of, new_sketch, rows_of, settings_of, tip
from graphc.render.style import BODY_EDGE, CLUSTER, FAINT, FOLDED_CLUSTER, INK, LOOKS, VALUE

#: Operations whose operands can't change places: theirs are drawn from left to right.
_ORDERED = frozenset({
    "sub", "div", "mod", "pow", "matmul", "atan2", "where", "less", "less_equal", "greater",
    "greater_equal", "assign", "clip", "gather", "scatter_add", "concat", "stack",
    "index_gather", "index_set", "index_add", "index_max", "index_min", "take_along_axis",
    "add_along_axis", "dynamic_slice", "dynamic_update_slice", "pad", "searchsorted",
    "linear_recurrence",
})  # fmt: skip

#: Bodies of blocks that are drawn.
MAX_BODIES = 40

Outputs = Sequence[tuple[str, Node]]


def named_outputs(what: Any) -> list[tuple[str, Node]]:
    """Returns (label, node) of a node, a Graph, or a list or dict of nodes.

    Raises:
        ArgumentError: there is nothing to draw, or something that is no node.
    """
    if isinstance(what, Node):
        pairs: list[tuple[Any, Any]] = [("", what)]
    elif isinstance(what, Graph):
        pairs = [("", node) for node in what.outputs]
    elif isinstance(what, Mapping):
        pairs = [
            (describe_operand(k).split(":")[0] if isinstance(k, Node) else str(k), v)
            for k, v in what.items()
        ]
    elif isinstance(what, (list, tuple)):
        pairs = [("", node) for node in what]
    else:
        pairs = [("", what)]
    for _, node in pairs:
        if not isinstance(node, Node):
            raise ArgumentError(
                f"{describe_operand(node)} can't be drawn",
                "give a node, a Graph, or a list or dict of nodes",
            )
    if not pairs:
        raise ArgumentError("there is nothing to draw", "give at least one node")
    return pairs


def forward_dot(outputs: Any, values: Mapping[Node, Any] | None = None, **options: Any) -> str:
    """Returns DOT text of a graph.

    Args:
        outputs: a node, a Graph, or a list or dict of nodes.
        values: known values by node, written on the cells.
        **options: fields of `Settings`.
    """
    settings = settings_of(values, options)
    pairs = named_outputs(outputs)
    if settings.open_blocks:
        pairs, settings = open_calls(pairs, settings)
    sketch = new_sketch(settings, [node for _, node in pairs], compound="true")
    folding = fold([node for _, node in pairs], budget=settings.budget, repeats=settings.repeats)
    sketch.types = sketch.types if settings.types is not None else _any_arrays(folding)
    cells = draw_cells(sketch, folding)
    draw_wires(sketch, folding, cells)
    draw_outputs(sketch, folding, cells, pairs)
    if settings.bodies:
        draw_bodies(sketch, [(n, cells[folding.drawn(n)]) for n in folding.order if n.args])
    return sketch.source()


def backward_dot(gradients: Any, values: Mapping[Node, Any] | None = None, **options: Any) -> str:
    """Returns DOT text of a gradient graph: its outputs are labelled as derivatives.

    Args:
        gradients: a node, or a dict from input (node or name) to its gradient.
        values: known values by node.
        **options: fields of `Settings`.
    """
    labelled = {
        (label if label.startswith("∂") else f"∂{label}") if label else f"gradient {i + 1}": node
        for i, (label, node) in enumerate(named_outputs(gradients))
    }
    return forward_dot(labelled, values, **options)


def _any_arrays(folding: Folding) -> bool:
    return any(getattr(node.type, "shape", (1,)) for node in folding.order)


def draw_cells(sketch: Sketch, folding: Folding, frame: str = "") -> dict[Node, str]:
    """Draws the cells of a folded graph.

    Returns:
        The id of each node's cell; hidden nodes share one.
    """
    cells: dict[Node, str] = {}
    for node in folding.order:
        if node in folding.cell or node in folding.hidden or is_number(node):
            continue
        if _is_left_out(sketch, node):
            continue
        cells[node] = sketch.new_id()
        repeat = folding.repeat.get(node)
        home, times = frame, folding.leaves.get(node, 0)
        if repeat is not None and len(repeat.nodes) == 1:
            times = repeat.times
        elif repeat is not None:
            home = f"{frame}r{repeat.number}"
            label = font(times_text(repeat.times), size=13, style="b")
            tooltip = f"{repeat.times} rounds, one after the other; number {repeat.shown} is shown"
            sketch.cluster(home, label, {**FOLDED_CLUSTER, "tooltip": tooltip}, frame)
        draw_cell(sketch, cells[node], node, times, home)
    if folding.hidden:
        rest = sketch.new_id()
        _draw_rest(sketch, rest, folding, frame)
        cells.update(dict.fromkeys(folding.hidden, rest))
    return cells


def draw_cell(sketch: Sketch, name: str, node: Node, times: int = 0, cluster: str = "") -> None:
    """Draws one node."""
    kind = kind_of(node)
    rows = rows_of(sketch, node, times=times)
    if node in sketch.settings.alone:
        kind = "alone"
    elif times > 1 and node.args:
        kind = "folded"
    elif kind == "op" and len(rows) == 1 and len(glyph(node).line) <= 2:
        kind = "circle"
    attributes = LOOKS[kind].attributes()
    if kind == "circle":
        attributes |= {"fixedsize": "true", "width": "0.42", "height": "0.42"}
    if node.op.name in _ORDERED and not times:
        attributes["ordering"] = "in"
    label = f"<{rows[0]}>" if len(rows) == 1 else table(rows)
    sketch.node(name, cluster, label=label, tooltip=tip(node), **attributes)


def _draw_rest(sketch: Sketch, name: str, folding: Folding, cluster: str) -> None:
    hidden = folding.hidden
    count = sum(1 for n in folding.order if n in hidden or folding.cell.get(n) in hidden)
    kinds: dict[str, int] = {}
    for node in hidden:
        kinds[glyph(node).line if node.args else node.op.name] = (
            kinds.get(glyph(node).line if node.args else node.op.name, 0) + 1
        )
    common = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))[:4]
    rows = [font(f"… {times_text(count)[1:]} more nodes", style="b")]
    rows += [
        font(html(f"{clean(sign, 18)} {times_text(n)}"), size=10, color=FAINT) for sign, n in common
    ]
    tooltip = plain("left out to keep the picture small; a larger budget shows them")
    sketch.node(name, cluster, label=table(rows), tooltip=tooltip, **LOOKS["rest"].attributes())


def draw_wires(
    sketch: Sketch, folding: Folding, cells: Mapping[Node, str], frame: str = ""
) -> None:
    """Draws the edges from operands to users."""
    for node in folding.order:
        if not node.args:
            continue
        shown = folding.drawn(node)
        head = cells[shown]
        spent = glyph(shown).spent if node is shown else ()
        for index, arg in enumerate(node.args):
            if is_number(arg):
                if index not in spent and node is shown and shown not in folding.hidden:
                    home = frame if shown not in folding.repeat else _home(folding, shown, frame)
                    sketch.number(arg, head, index, home)
                continue
            if _is_left_out(sketch, arg):
                continue
            tail = cells[folding.drawn(arg)]
            if tail != head and not folding.between_rounds(arg, node):
                # Many operands of the remainder are one wire.
                sketch.wire(
                    tail, head, 0 if arg in folding.hidden or shown in folding.hidden else index
                )


def _is_left_out(sketch: Sketch, node: Node) -> bool:
    return node.op.name == "param" and not sketch.settings.parameters


def _home(folding: Folding, node: Node, frame: str) -> str:
    repeat = folding.repeat[node]
    return f"{frame}r{repeat.number}" if len(repeat.nodes) > 1 else frame


def draw_outputs(
    sketch: Sketch, folding: Folding, cells: Mapping[Node, str], pairs: Outputs, frame: str = ""
) -> None:
    """Draws a name after each output."""
    for position, (label, node) in enumerate(pairs):
        name = sketch.new_id()
        shown = label or ("output" if len(pairs) == 1 else f"output {position + 1}")
        markup = font(html(clean(shown)), style="b", color=INK)
        if is_number(node):
            value = value_of({node: node.params["value"].array}, node) if node.params else ""
            markup += font(html(f" = {value}"), color=VALUE)
        sketch.node(name, frame, label=f"<{markup}>", **LOOKS["output"].attributes())
        if not is_number(node) and not _is_left_out(sketch, node):
            sketch.wire(cells[folding.drawn(node)], name)


def draw_bodies(sketch: Sketch, drawn_nodes: Sequence[tuple[Node, str]]) -> None:
    """Draws the body of every block once, in a frame with the number of its calls or steps.

    Bodies that differ in the names of their inputs alone are one.

    Args:
        sketch: the picture.
        drawn_nodes: the nodes of the picture, each with its cell.
    """
    keys: dict[object, object] = {}
    calls: dict[object, dict[str, None]] = {}
    count: dict[object, int] = {}
    frames: dict[object, tuple[str, Graph, str]] = {}
    waiting = [drawn_nodes]
    while waiting:
        for node, cell in waiting.pop():
            for body in bodies(node):
                key = body_key(body, keys)
                calls.setdefault(key, {})[cell] = None
                steps = node.params.get("length", 1) if node.op.name == "scan" else 1
                count[key] = count.get(key, 0) + (steps if isinstance(steps, int) else 1)
                if key in frames or len(frames) >= MAX_BODIES:
                    continue
                frame = f"b{len(frames)}"
                sketch.cluster(frame, "", CLUSTER)
                one = fold(
                    body.outputs, budget=sketch.settings.budget, repeats=sketch.settings.repeats
                )
                drawn = draw_cells(sketch, one, frame)
                draw_wires(sketch, one, drawn, frame)
                several = len(body.outputs) > 1
                results = [
                    (f"result {i}" if several else "", n) for i, n in enumerate(body.outputs)
                ]
                draw_outputs(sketch, one, drawn, results, frame)
                frames[key] = (frame, body, next(iter(drawn.values()), ""))
                waiting.append([(n, drawn[one.drawn(n)]) for n in one.order if n.args])
    for key, (frame, body, first) in frames.items():
        label = font(html(clean(body.name)), style="b", size=12)
        label += font(f" {times_text(count[key])}", size=12, style="b")
        sketch.clusters[frame][1].attr("graph", label=f"<{label}>")
        for tail in calls[key] if first else ():
            sketch.wire(tail, first, -2, lhead=f"cluster_{frame}", **BODY_EDGE)
