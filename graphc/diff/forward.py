"""The engine `forward`: graphc's own forward-mode pass, one input element at a time."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.node import Node, apply_named, scalar
from graphc.core.system import GRAPHC, System
from graphc.diff.columns import closed, map_columns
from graphc.ops.chain import broadcast_to
from graphc.ops.control import jvp_graph
from graphc.ops.logic import zeros_like
from graphc.ops.sweep import forward_sweep


def forward_jacobian(output: Node, wrt: Node, chunk: int = 64, *, system: System = GRAPHC) -> Node:
    """Returns the Jacobian by `wrt`: shape output.shape + wrt.shape.

    Args:
        output: any shape.
        wrt: any shape; a scalar takes one sweep without a map.
        chunk: directions pushed at once.
        system: whose side the slopes take at kinks and edges.
    """
    if wrt.ndim == 0:
        (tangent,) = forward_sweep([output], {wrt: scalar(1.0, wrt.dtype)}, system=system)
        return zeros_like(output) if tangent is None else broadcast_to(tangent, output.shape)
    graph, args = closed(output, wrt)
    body, alive = jvp_graph(graph, (0,), "jvp", system)
    if not alive:
        return broadcast_to(scalar(0.0, output.dtype), (*output.shape, *wrt.shape))

    def column(value: Node, hot: Node, _: Sequence[Node]) -> Node:
        direction = apply_named("cast", hot, dtype=wrt.dtype)
        return body.inline([value, *args[1:], direction])[0]

    return map_columns(output, wrt, column, [], chunk)


def push(
    output: Node, wrt: Sequence[Node], tangents: Sequence[Node], system: System = GRAPHC
) -> Node:
    """Returns the output's tangent for the given tangents of `wrt`, by a system's rules."""
    (found,) = forward_sweep([output], dict(zip(wrt, tangents, strict=True)), system=system)
    return zeros_like(output) if found is None else broadcast_to(found, output.shape)
