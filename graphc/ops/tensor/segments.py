"""Segments: sums and extremes of entries that belong together, and counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.core.calls import public
from graphc.core.dtype import DEFAULT_INT, bool_
from graphc.core.errors import DTypeError, ShapeError
from graphc.core.node import Node, as_node, make, scalar
from graphc.core.op import Op
from graphc.core.type import Size, size_of
from graphc.ops.chain import broadcast_to
from graphc.ops.indexing import checked_indices, scatter_add_op
from graphc.ops.logic import cast
from graphc.ops.tensor.places import index_max, index_min


def _segments(name: str, x: Any, ids: Any, count: Any) -> tuple[Node, Node, Size]:
    node = as_node(x)
    size = size_of(count)
    if not node.ndim:
        raise ShapeError(f"a scalar has no axis for {name}", "give an array")
    where = checked_indices(ids, size, 0)
    if not where.dtype.is_integer:
        raise DTypeError(f"the segments are {where.type}, not integers", "cast them to int32")
    if where.ndim != 1 or where.shape[0] != node.shape[0]:
        raise ShapeError(
            f"the segments are {where.type} and the elements {node.type}",
            "give one number for each entry along the first axis",
        )
    if node.dtype is bool_:
        node = cast(node, DEFAULT_INT)
    return node, where, size


@public
def segment_sum(x: Any, segments: Any, count: Any) -> Node:
    """Returns the sum of the entries of each segment; 0 of none.

    Args:
        x: `[n, ...]`.
        segments: integers `[n]`: which segment each entry belongs to, in any order; negative ones
            count from the end.
        count: how many segments there are; may be a named size.

    Returns:
        `[count, ...]`.

    Raises:
        IndexingError: a segment that is known is out of range.
    """
    node, where, size = _segments("segment_sum", x, segments, count)
    return make(scatter_add_op, (node, where), {"axis": 0, "size": size})


def _segment_extreme(name: str, op: Op, x: Any, segments: Any, count: Any) -> Node:
    node, where, size = _segments(name, x, segments, count)
    kind = node.dtype
    if kind.is_float:
        least: float = float("-inf") if op is index_max else float("inf")
    else:
        info = np.iinfo(kind.numpy)
        least = int(info.min if op is index_max else info.max)
    empty = broadcast_to(scalar(least, kind), (size, *node.shape[1:]))
    return make(op, (empty, node, where), {"axes": (0,)})


@public
def segment_max(x: Any, segments: Any, count: Any) -> Node:
    """Returns the largest entry of each segment; -infinity, or the smallest integer, of none.

    Ties share the slope, as for `max`. NaN wins.

    Args:
        x: `[n, ...]`.
        segments: integers `[n]`: which segment each entry belongs to, in any order.
        count: how many segments there are; may be a named size.

    Returns:
        `[count, ...]`.

    Raises:
        IndexingError: a segment that is known is out of range.
    """
    return _segment_extreme("segment_max", index_max, x, segments, count)


@public
def segment_min(x: Any, segments: Any, count: Any) -> Node:
    """Returns the smallest entry of each segment; infinity, or the largest integer, of none.

    Ties share the slope, as for `min`. NaN wins.

    Args:
        x: `[n, ...]`.
        segments: integers `[n]`: which segment each entry belongs to, in any order.
        count: how many segments there are; may be a named size.

    Returns:
        `[count, ...]`.

    Raises:
        IndexingError: a segment that is known is out of range.
    """
    return _segment_extreme("segment_min", index_min, x, segments, count)


@public
def bincount(x: Any, length: Any, weights: Any = None) -> Node:
    """Returns how often each of 0, ..., length - 1 stands in a vector, or the sum of its weights.

    Args:
        x: integers `[n]` below `length`.
        length: how many counts come out; may be a named size.
        weights: `[n]`: what each counts; 1 unless given.

    Returns:
        `[length]`: int32, or the weights' dtype.

    Raises:
        IndexingError: an integer that is known is out of range.
        ShapeError: x is no vector.
    """
    node = as_node(x)
    if node.ndim != 1:
        raise ShapeError(f"{node.type} is no vector", "use gx.ravel first")
    given = as_node(1, DEFAULT_INT) if weights is None else as_node(weights)
    return segment_sum(broadcast_to(given, node.shape), node, length)
