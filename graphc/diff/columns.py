"""Derivatives one input element at a time, mapped over all: what forward and numeric share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.core import dtype as dtypes
from graphc.core.graph import Graph, close_over, trace
from graphc.core.node import Node, apply_named, scalar
from graphc.core.type import TensorType
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.control import map_graph
from graphc.ops.source import iota_op

#: `column(value, hot, entries)`: the output's derivative by the element where `hot` holds.
Column = Callable[[Node, Node, Sequence[Node]], Node]


def closed(output: Node, wrt: Node) -> tuple[Graph, list[Node]]:
    """Returns the output as a block whose first input is `wrt`, and the operands to call it on."""
    graph, others = close_over([output], [wrt], "f")
    return graph, [wrt, *others]


def map_columns(
    output: Node, wrt: Node, column: Column, entries: Sequence[Node], chunk: int
) -> Node:
    """Returns the Jacobian of `output` by `wrt`, shape output.shape + wrt.shape.

    Args:
        output: what is differentiated.
        wrt: by what, any shape.
        column: builds one column; see `Column`. `entries` given here arrive taken apart.
        entries: arrays of wrt's shape of which each column needs its own element.
        chunk: columns computed at once; bounds the memory.
    """
    if wrt.ndim == 0:
        return column(wrt, scalar(True, dtypes.bool_), list(entries))
    count = wrt.size
    ramp = iota_op(size=count, dtype=dtypes.DEFAULT_INT)
    flat = [reshape(broadcast_to(e, wrt.shape), (count,)) for e in entries]

    def body(index: Node, *own: Node) -> Node:
        hot = reshape(iota_op(size=count, dtype=dtypes.DEFAULT_INT) == index, wrt.shape)
        return broadcast_to(column(wrt, hot, own), output.shape)

    types = [TensorType((), ramp.dtype), *[TensorType((), e.dtype) for e in flat]]
    names = ["element·", *[f"entry{i}·" for i in range(len(flat))]]
    graph, captured, _ = trace(body, types, names, "column")
    mapped = [True] * len(types) + [False] * len(captured)
    (rows,) = map_graph(graph, [ramp, *flat, *captured], mapped, chunk)
    ndim = output.ndim
    if ndim:
        rows = apply_named("transpose", rows, axes=(*range(1, ndim + 1), 0))
    return reshape(rows, (*output.shape, *wrt.shape))
