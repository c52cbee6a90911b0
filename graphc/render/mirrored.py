"""Forward and backward side by side: every adjoint stands beside the value it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.core.node import Node
from graphc.render.backward import Backward
from graphc.render.fold import Folding, fold
from graphc.render.forward import draw_bodies, draw_cells, draw_outputs, draw_wires
from graphc.render.labels import font
from graphc.render.mirror import mirror
from graphc.render.record import Record
from graphc.render.sketch import Sketch, new_sketch, settings_of
from graphc.render.style import BACKWARD_FRAME, FAINT, FORWARD_FRAME, GRADIENT, SEPARATOR


def mirrored_dot(
    record: Record,
    values: Mapping[Node, Any] | None = None,
    *,
    wrt: Sequence[Node] | None = None,
    name: str = "output",
    **options: Any,
) -> str:
    """Returns DOT text of a forward graph and, mirrored beside it, its reverse pass.

    Args:
        record: the record of the reverse pass.
        values: values by node, those of backward nodes too.
        wrt: the nodes whose gradients are drawn; by default every input and parameter.
        name: what the output is called.
        **options: fields of `Settings`.
    """
    return start_mirrored(record, values, wrt, name, options).sketch.source()


@dataclass(frozen=True, slots=True)
class MirroredSketch:
    """A mirrored picture that is not finished.

    Attributes:
        sketch: the picture.
        folding: how the forward half folds.
        cells: the cell of every node of both halves.
        adjoint_cells: for a forward node the cell of its adjoint.
    """

    sketch: Sketch
    folding: Folding
    cells: Mapping[Node, str]
    adjoint_cells: Mapping[Node, str]


def start_mirrored(
    record: Record,
    values: Mapping[Node, Any] | None,
    wrt: Sequence[Node] | None,
    name: str,
    options: Mapping[str, Any],
) -> MirroredSketch:
    """Draws both halves; more may be drawn on the sketch before its source is taken."""
    settings = settings_of(values, options)
    folding = fold(
        [record.output], budget=max(settings.budget // 2, 2), repeats=settings.repeats, from_end=2
    )
    plan = mirror(record, folding.order, wrt)
    sketch = new_sketch(settings, folding.order, newrank="true", compound="true")
    sketch.types = settings.types if settings.types is not None else any(
        getattr(node.type, "shape", (1,)) for node in folding.order
    )  # fmt: skip
    sketch.cluster("fwd", font("forward", style="b", size=12), FORWARD_FRAME)
    sketch.cluster("bwd", font("backward", style="b", size=12), BACKWARD_FRAME)
    ahead = draw_cells(sketch, folding, "fwd")
    draw_wires(sketch, folding, ahead, "fwd")
    draw_outputs(sketch, folding, ahead, [(name, record.output)], "fwd")
    back = Backward(sketch, folding, plan, record, ahead)
    back.draw()
    sketch.caption(_legend(bool(values), back.passes))
    inner = [(n, ahead[folding.drawn(n)]) for n in folding.order if n.args]
    inner += [(n, back.cells[n]) for n in plan.order if n.args]
    draw_bodies(sketch, inner)
    return MirroredSketch(sketch, folding, {**ahead, **back.cells}, back.adjoint_cells)


def _legend(values: bool, passes: bool) -> str:
    parts = [
        font("solid: values", size=10) if not values else font("solid, upright: values", size=10),
        font("dashed: gradients", size=10, color=GRADIENT, style="i"),
        font("dotted: values that a rule needs", size=10, color=FAINT),
    ]
    if passes:
        parts.append(font("=: a gradient passed on as it is", size=10, color=GRADIENT))
    return font(SEPARATOR, color=FAINT).join(parts)
