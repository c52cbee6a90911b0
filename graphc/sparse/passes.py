"""Coloured passes: a batch of JVPs or VJPs, and each entry read from the product that has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.core import dtype as dtypes
from graphc.core.graph import trace
from graphc.core.node import Node, apply_named, as_node, scalar
from graphc.core.type import TensorType
from graphc.diff.forward import push
from graphc.diff.reverse import reverse_gradients
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.control import map_graph
from graphc.ops.source import iota_op
from graphc.sparse.colouring import Array, Colours
from graphc.sparse.pattern import elements

#: Up to so many straight runs of entries are read by arithmetic on their numbers.
MAX_RUNS = 64
#: Products computed at once.
CHUNK = 64


def forward_passes(output: Node, wrt: Node, colours: Colours) -> Node:
    """Returns J times the direction of each colour: `[colours * output elements]`."""
    return _passes(colours, wrt, output, lambda hot: push(output, [wrt], [hot]))


def backward_passes(output: Node, wrt: Node, colours: Colours) -> Node:
    """Returns the direction of each colour of rows times J: `[colours * input elements]`."""
    return _passes(colours, output, wrt, lambda hot: reverse_gradients(output, [wrt], hot)[0])


def _passes(colours: Colours, like: Node, result: Node, one: Callable[[Node], Node]) -> Node:
    def body(colour: Node) -> Node:
        hot = apply_named("equal", _colour_of(colours, like), colour)
        seed = reshape(apply_named("cast", hot, dtype=like.dtype), like.shape)
        return broadcast_to(one(seed), result.shape)

    ramp = iota_op(size=colours.count, dtype=dtypes.DEFAULT_INT)
    graph, captured, _ = trace(body, [TensorType((), ramp.dtype)], ["colour·"], "pass")
    mapped = [True] + [False] * len(captured)
    (rows,) = map_graph(graph, [ramp, *captured], mapped, CHUNK)
    return _flat(rows)


def _flat(node: Node) -> Node:
    return reshape(node, (elements(node.shape),))


def _colour_of(colours: Colours, like: Node) -> Node:
    """Returns the colour of each element, by arithmetic where it has a period."""
    count = elements(like.shape)
    if colours.period:
        ramp = iota_op(size=count, dtype=dtypes.DEFAULT_INT)
        return apply_named("mod", ramp, scalar(colours.period, dtypes.DEFAULT_INT))
    return as_node(colours.of.astype(np.int32))


def read(products: Node, places: Array) -> Node:
    """Returns the products' elements at known places."""
    kind = np.int32 if elements(products.shape) <= 2**31 - 1 else np.int64
    return apply_named("gather", products, as_node(places.astype(kind)), axis=0)


def runs(rows: Array, columns: Array) -> tuple[list[tuple[int, int, int]], Array] | None:
    """Returns the entries as few straight runs down diagonals, and their order; None for many.

    A run is (first row, first column, length).
    """
    offset = columns - rows
    order = np.argsort(
        (offset + rows.max(initial=0)) * (rows.max(initial=0) + 1) + rows, kind="stable"
    )
    r, o = rows[order], offset[order]
    new = np.concatenate([[True], (o[1:] != o[:-1]) | (r[1:] != r[:-1] + 1)]) if len(r) else r
    firsts = np.flatnonzero(new)
    if len(firsts) > MAX_RUNS:
        return None
    ends = [*firsts[1:].tolist(), len(r)]
    found = [
        (int(r[a]), int(r[a] + o[a]), b - a) for a, b in zip(firsts.tolist(), ends, strict=True)
    ]
    return found, order


def read_runs(
    products: Node, straight: list[tuple[int, int, int]], colours: Colours, back: bool, width: int
) -> Node:
    """Returns entries of runs, their places in the products worked out from their numbers.

    Args:
        products: of all colours, flat.
        straight: see `runs`.
        colours: with a period.
        back: whether the products are of passes back, so that rows have the colours.
        width: elements of one product.
    """
    parts: list[Node] = []
    for row, column, length in straight:
        ramp = iota_op(size=length, dtype=dtypes.DEFAULT_INT)
        coloured, other = (row, column) if back else (column, row)
        colour = apply_named("mod", _plus(ramp, coloured % colours.period), _int(colours.period))
        place = apply_named("add", apply_named("mul", colour, _int(width)), _plus(ramp, other))
        parts.append(apply_named("gather", products, place, axis=0))
    return parts[0] if len(parts) == 1 else apply_named("concat", *parts, axis=0)


def _int(value: int) -> Node:
    return scalar(value, dtypes.DEFAULT_INT)


def _plus(node: Node, value: int) -> Node:
    return apply_named("add", node, _int(value)) if value else node


def coloured_values(
    products: Node, rows: Array, columns: Array, colours: Colours, back: bool, width: int
) -> tuple[Node, Array, Array]:
    """Returns (values, rows, columns) of the entries, by arithmetic for runs down diagonals."""
    large = elements(products.shape) > np.iinfo(np.int32).max
    straight = runs(rows, columns) if colours.period and len(rows) and not large else None
    if straight is not None:
        found, order = straight
        values = read_runs(products, found, colours, back, width)
        return values, rows[order], columns[order]
    coloured, other = (rows, columns) if back else (columns, rows)
    places = colours.of[coloured] * width + other
    return read(products, places), rows, columns


def nothing(output: Node) -> Any:
    """Returns the values of a structure without entries."""
    return broadcast_to(scalar(0.0, output.dtype), (0,))
