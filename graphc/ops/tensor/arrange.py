"""Functions that rearrange elements, built from slices, joins, broadcasts and gathers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.core.calls import public
from graphc.core.dim import Dim
from graphc.core.dtype import DEFAULT_INT
from graphc.core.errors import ArgumentError, AxisError, BudgetError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node
from graphc.core.type import (
    Shape,
    Size,
    as_index,
    element_count,
    shape_of,
    show_shape,
)
from graphc.core.type import broadcast_shapes as _broadcast_shapes
from graphc.ops.axes import normalize_axes, normalize_axis
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.source import iota_op, size_node

#: `unstack` gives at most so many values.
MAX_PARTS = 100_000
#: A list of repetitions is written out as indices; it gives at most so many elements.
MAX_INDICES = 2**27


def along(node: Node, axis: int, start: Size, stop: Size | None, step: int = 1) -> Node:
    """Returns a slice along one axis."""
    bounds = tuple((start, stop, step) if a == axis else None for a in range(node.ndim))
    return apply_named("slice", node, bounds=bounds)


@public
def flip(x: Any, axis: Any = None) -> Node:
    """Returns x with the elements along the axes in reverse order.

    Args:
        x: `[...]`.
        axis: an integer, a tuple, or None for all.
    """
    node = as_node(x)
    for a in normalize_axes(axis, node.ndim):
        size = node.shape[a]
        if not isinstance(size, int) or size > 1:
            node = along(node, a, size - 1, None, -1)
    return node


@public
def roll(x: Any, shift: Any, axis: Any = None) -> Node:
    """Returns x with the elements moved along the axes, out at one end and in at the other.

    Args:
        x: `[...]`.
        shift: an integer or a scalar integer graph value, or a tuple with one for each axis.
        axis: an integer or a tuple; None to move through all elements in one.

    Raises:
        ArgumentError: there are not as many shifts as axes.
    """
    node = as_node(x)
    if axis is None:
        return reshape(_rolled(_flat(node), shift, 0), node.shape)
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    shifts = tuple(shift) if isinstance(shift, (tuple, list)) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        raise ArgumentError(
            f"there are {len(shifts)} shifts for {len(axes)} axes", "give one for each axis"
        )
    for a, s in zip(axes, shifts, strict=True):
        node = _rolled(node, s, normalize_axis(a, node.ndim))
    return node


def _flat(node: Node) -> Node:
    return reshape(node, (element_count(node.shape),))


def _rolled(node: Node, shift: Any, axis: int) -> Node:
    size = node.shape[axis]
    number = as_index(shift)
    if number is None:
        return _rolled_at_call(node, shift, axis)
    if isinstance(size, int):
        number = number % size if size else 0
    if not number:
        return node
    cut = size - number if number > 0 else -number
    parts = (along(node, axis, cut, size), along(node, axis, 0, cut))
    return apply_named("concat", *parts, axis=axis)


def _rolled_at_call(node: Node, shift: Any, axis: int) -> Node:
    if not isinstance(shift, Node) or shift.ndim or not shift.dtype.is_integer:
        raise ArgumentError(
            f"shift={show_value(shift)} is no integer", "give an integer, or a scalar integer node"
        )
    size = node.shape[axis]
    places = iota_op(size=size, dtype=DEFAULT_INT) - apply_named("cast", shift, dtype=DEFAULT_INT)
    return apply_named("gather", node, places % size_node(size, DEFAULT_INT), axis=axis)


@public
def moveaxis(x: Any, source: Any, destination: Any) -> Node:
    """Returns x with axes moved to other positions; the rest stay in order.

    Args:
        x: `[...]`.
        source: an axis or a tuple of them.
        destination: where each of them goes.

    Raises:
        AxisError: the two are not of one length, or name an axis twice.
    """
    node = as_node(x)
    first, then = _axes_in_order(source, node.ndim), _axes_in_order(destination, node.ndim)
    if len(first) != len(then):
        raise AxisError(f"{len(first)} axes do not go to {len(then)} places", "name as many")
    order = [a for a in range(node.ndim) if a not in first]
    for place, a in sorted(zip(then, first, strict=True)):
        order.insert(place, a)
    if order == list(range(node.ndim)):
        return node
    return apply_named("transpose", node, axes=tuple(order))


def _axes_in_order(axis: Any, ndim: int) -> list[int]:
    given = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    axes = [normalize_axis(a, ndim) for a in given]
    if len(set(axes)) < len(axes):
        raise AxisError(f"{show_value(given)} names an axis twice", "name each axis once")
    return axes


def counts_of(name: str, value: Any) -> tuple[int, ...]:
    """Returns counts from an integer or a sequence of them.

    Raises:
        ArgumentError: one is negative or no integer.
    """
    given = value.tolist() if isinstance(value, np.ndarray) and value.ndim <= 1 else value
    given = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    found: list[int] = []
    for part in given:
        number = as_index(part)
        if number is None or number < 0:
            raise ArgumentError(
                f"{name}={show_value(part)} is no count of 0 or more", f"for example {name}=2"
            )
        found.append(number)
    return tuple(found)


@public
def tile(x: Any, repetitions: Any) -> Node:
    """Returns x laid side by side, so often along each axis.

    Args:
        x: `[...]`.
        repetitions: a count for each axis, the last ones if there are fewer; new leading axes if
            there are more.

    Raises:
        ArgumentError: a count is negative or no integer.
    """
    node, counts = as_node(x), counts_of("repetitions", repetitions)
    lead = len(counts) - node.ndim
    counts = (1,) * -lead + counts
    shape: Shape = (1,) * lead + node.shape
    made = shape_of(tuple(c * s for c, s in zip(counts, shape, strict=True)))
    if all(c == 1 for c in counts):
        return reshape(node, made)
    columns = tuple(size for s in shape for size in (1, s))
    wide = tuple(size for c, s in zip(counts, shape, strict=True) for size in (c, s))
    return reshape(broadcast_to(reshape(node, columns), wide), made)


@public
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Node:
    """Returns x with each element along `axis` so often, one after another.

    Args:
        x: `[..., n, ...]`.
        repeats: a count, or one for each of the n; known when the graph is built, since the size
            of the result follows from it.
        axis: the axis; None for all elements in one.

    Raises:
        ArgumentError: a count is negative, no integer, or a graph value.
        ShapeError: there are not as many counts as elements.
    """
    node = as_node(x)
    if isinstance(repeats, Node):
        raise ArgumentError(
            "repeats is a graph value, and the size of the result would follow from it",
            "give integers",
        )
    several = isinstance(repeats, (tuple, list)) or (
        isinstance(repeats, np.ndarray) and repeats.ndim > 0
    )
    counts = counts_of("repeats", repeats)
    if axis is None:
        node, axis = _flat(node), 0
    at = normalize_axis(axis, node.ndim)
    if not several:
        return _repeated(node, counts[0], at)
    size = node.shape[at]
    if len(counts) == 1:
        return _repeated(node, counts[0], at)
    if len(counts) != size:
        raise ShapeError(
            f"there are {len(counts)} counts for axis {at} of size {size}", "give one for each"
        )
    if sum(counts) > MAX_INDICES:
        raise BudgetError(
            f"the counts add up to {show_value(sum(counts))}, above 2**27", "repeat less often"
        )
    places = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    return apply_named("gather", node, as_node(places), axis=at)


def _repeated(node: Node, count: int, axis: int) -> Node:
    lead, size, rest = node.shape[:axis], node.shape[axis], node.shape[axis + 1 :]
    made = shape_of((*lead, size * count, *rest))
    column = reshape(node, (*lead, size, 1, *rest))
    return reshape(broadcast_to(column, (*lead, size, count, *rest)), made)


@public
def unstack(x: Any, axis: int = 0) -> tuple[Node, ...]:
    """Returns the entries along an axis one by one: the opposite of `stack`.

    Args:
        x: `[..., n, ...]`.
        axis: the axis that is taken apart; its size must be a number.

    Raises:
        ShapeError: the size is named.
    """
    node = as_node(x)
    at = normalize_axis(axis, node.ndim)
    size = node.shape[at]
    if not isinstance(size, int):
        raise ShapeError(f"axis {at} has the named size {size}", "give the size as a number")
    if size > MAX_PARTS:
        raise BudgetError(
            f"axis {at} has {size:,} entries, above {MAX_PARTS:,}", "use gx.map or gx.scan"
        )
    shape = (*node.shape[:at], *node.shape[at + 1 :])
    return tuple(reshape(along(node, at, k, k + 1), shape) for k in range(size))


@public
def broadcast_arrays(*arrays: Any) -> tuple[Node, ...]:
    """Returns the arrays broadcast to the shape they have together.

    Raises:
        ShapeError: two sizes on one axis differ and neither is 1.
    """
    nodes = [as_node(a) for a in arrays]
    if not nodes:
        return ()
    shape = _broadcast_shapes(*[n.shape for n in nodes])
    return tuple(broadcast_to(n, shape) for n in nodes)


@public
def broadcast_shapes(*shapes: Any) -> tuple[int | Dim, ...]:
    """Returns the shape that arrays of these shapes have together; sizes may be named.

    Raises:
        ShapeError: two sizes on one axis differ and neither is 1.
    """
    return _broadcast_shapes(*[shape_of(s) for s in shapes]) if shapes else ()


def pieces(node: Node, axis: int, parts: Sequence[Node | None]) -> Node:
    """Returns the parts that are there joined along an axis."""
    there = [p for p in parts if p is not None]
    return there[0] if len(there) == 1 else apply_named("concat", *there, axis=axis)


__all__ = [
    "along", "broadcast_arrays", "broadcast_shapes", "counts_of", "flip", "moveaxis", "pieces",
    "repeat", "roll", "show_shape", "tile", "unstack",
]  # fmt: skip
