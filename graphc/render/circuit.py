"""A lecture's circuit diagram: values above the wires, the gradients that come back below them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphc.core.errors import BudgetError
from graphc.core.node import Node
from graphc.core.walk import topological_order
from graphc.render.glyphs import glyph, is_number
from graphc.render.labels import clean, font, html, table, value_of
from graphc.render.record import Record
from graphc.render.sketch import (
    Sketch,
    kind_of,
    leaf_rows,
    new_sketch,
    settings_of,
    sign_markup,
    tip,
)
from graphc.render.style import FAINT, GRADIENT, LINE, LOOKS, SEPARATOR, VALUE
from graphc.render.text import text

#: Operations a circuit may have; a larger one is drawn mirrored, which folds.
MAX_OPERATIONS = 250
#: Characters of a formula on a wire, where values are not known.
FORMULA_LIMIT = 18


def circuit_dot(
    record: Record, values: Mapping[Node, Any] | None = None, name: str = "output", **options: Any
) -> str:
    """Returns DOT text of a circuit.

    Args:
        record: the record of a reverse pass.
        values: values by node, those of contributions and adjoints too; without them formulas are
            written on the wires.
        name: what the output is called.
        **options: fields of `Settings`.

    Raises:
        BudgetError: the graph has over 250 operations.
    """
    settings = settings_of(values, {"direction": "LR", **options})
    order = [n for n in topological_order([record.output]) if not is_number(n)]
    operations = sum(1 for node in order if node.args)
    if operations > MAX_OPERATIONS:
        raise BudgetError(
            f"a circuit of {operations} operations is unreadable, above {MAX_OPERATIONS}",
            "draw it with kind='mirrored', which folds",
        )
    legend = _legend() if settings.values else ""
    sketch = new_sketch(settings, order, legend, nodesep="0.16", ranksep="0.16")
    flow = {(c.user, c.index): c.value for c in record.contributions}
    uses: dict[Node, int] = {}
    for node in order:
        for arg in node.args:
            uses[arg] = uses.get(arg, 0) + 1
    cells: dict[Node, str] = {}
    for node in order:
        cells[node] = sketch.new_id()
        total = record.adjoints.get(node) if uses.get(node, 0) > 1 else None
        _draw_gate(sketch, cells[node], node, total)
        spent = glyph(node).spent if node.args else ()
        for index, arg in enumerate(node.args):
            if is_number(arg):
                if index not in spent:
                    sketch.number(arg, cells[node], index)
                continue
            wire = sketch.new_id()
            _draw_wire(sketch, wire, arg, flow.get((node, index)))
            sketch.wire(cells[arg], f"{wire}:w", arrowhead="none", weight="3")
            sketch.wire(f"{wire}:e", cells[node], weight="3")
    end, wire = sketch.new_id(), sketch.new_id()
    sketch.node(
        end, label=f"<{font(html(clean(name)), style='b')}>", width="0.2", height="0.2",
        margin="0.05", **LOOKS["output"].attributes(),
    )  # fmt: skip
    _draw_wire(sketch, wire, record.output, record.adjoints.get(record.output))
    sketch.wire(cells[record.output], f"{wire}:w", arrowhead="none", weight="3")
    sketch.wire(f"{wire}:e", end, weight="3")
    return sketch.source()


def _legend() -> str:
    above = font("above the wire: value", color=VALUE, size=10)
    below = font("below: gradient", color=GRADIENT, size=10, style="i")
    return f"{above}{font(SEPARATOR, color=FAINT)}{below}"


def _draw_gate(sketch: Sketch, name: str, node: Node, total: Node | None) -> None:
    """Draws an operation or an input; where gradients meet, their sum stands below the name."""
    kind = kind_of(node)
    if node.args:
        sign = glyph(node)
        rows = [sign_markup(sign, 16 if len(sign.line) <= 3 else 13)]
        kind = "circle" if kind == "op" and len(sign.line) <= 2 else kind
    else:
        rows = leaf_rows(node)
    shown = value_of(sketch.settings.values, total) if total is not None else ""
    if total is not None and (shown or not sketch.settings.values):
        shown = shown or clean(text(total, 6), FORMULA_LIMIT)
        rows.append(font(html(f"Σ {shown}"), size=10, color=GRADIENT, style="i"))
        kind = "op" if kind == "circle" else kind
    attributes = LOOKS[kind].attributes()
    if kind == "circle":
        attributes |= {"fixedsize": "true", "width": "0.44", "height": "0.44"}
    label = f"<{rows[0]}>" if len(rows) == 1 else table(rows, padding=0)
    sketch.node(name, label=label, tooltip=tip(node), **attributes)


def _draw_wire(sketch: Sketch, name: str, node: Node, gradient: Node | None) -> None:
    """Draws the two numbers on a wire: a table of two equal rows, whose rule is the wire."""
    values = sketch.settings.values
    if values:
        above, below = value_of(values, node), value_of(values, gradient)
    else:
        above = clean(text(node, 6), FORMULA_LIMIT) if node.args else ""
        below = clean(text(gradient, 6), FORMULA_LIMIT) if gradient is not None else ""
    rows = [
        f'<TR><TD HEIGHT="17" VALIGN="BOTTOM">'
        f"{font(html(above or ' '), size=11, color=VALUE)}</TD></TR>",
        "<HR/>",
        f'<TR><TD HEIGHT="17" VALIGN="TOP">'
        f"{font(html(below or ' '), size=11, color=GRADIENT, style='i')}</TD></TR>",
    ]
    label = (
        f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2" COLOR="{LINE}">'
        f"{''.join(rows)}</TABLE>>"
    )
    sketch.node(
        name, label=label, shape="plain", tooltip=tip(gradient if gradient is not None else node)
    )
