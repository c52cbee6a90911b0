"""Unit matrices, triangles and diagonals."""

from __future__ import annotations

from typing import Any

from graphc.core import dtype as dtypes
from graphc.core.calls import public
from graphc.core.dtype import DEFAULT_FLOAT, DEFAULT_INT, dtype_of
from graphc.core.errors import ArgumentError, AxisError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node, scalar
from graphc.core.type import MAX_ELEMENTS, Size, as_index, shape_of, size_of
from graphc.ops.axes import normalize_axis
from graphc.ops.chain import broadcast_to, masked, reshape
from graphc.ops.logic import cast
from graphc.ops.reduction import sum_op
from graphc.ops.source import iota_op


def _offset(name: str, value: Any) -> int:
    number = as_index(value)
    if number is None:
        raise ArgumentError(f"{name}={show_value(value)} is no integer", f"for example {name}=0")
    return max(min(number, MAX_ELEMENTS), -MAX_ELEMENTS)


def _places(rows: Size, columns: Size, k: int) -> tuple[Node, Node]:
    """Returns the number of each row less k, as a column, and that of each column, as a row."""
    kind = DEFAULT_INT if abs(k) < 2**30 else dtypes.int64
    down = reshape(iota_op(size=rows, dtype=kind), (rows, 1))
    across = reshape(iota_op(size=columns, dtype=kind), (1, columns))
    return down + k if k else down, across


@public
def eye(n_rows: Any, n_cols: Any = None, k: int = 0, dtype: Any = None) -> Node:
    """Returns a matrix with 1 on a diagonal and 0 elsewhere.

    Args:
        n_rows: how many; may be a named size.
        n_cols: how many; as many as rows unless given.
        k: the diagonal: 0 the main one, above 0 to its right.
        dtype: float32 unless given.
    """
    high = size_of(n_rows)
    wide = high if n_cols is None else size_of(n_cols)
    down, across = _places(high, wide, _near(_offset("k", k), high, wide))
    return cast(down == across, DEFAULT_FLOAT if dtype is None else dtype_of(dtype))


def _near(k: int, rows: Size, columns: Size) -> int:
    """Returns an offset just past the matrix where it lies far outside."""
    if not isinstance(rows, int) or not isinstance(columns, int):
        return k
    return max(min(k, columns), -rows)


def _matrix(x: Any) -> Node:
    node = as_node(x)
    if node.ndim < 2:
        raise ShapeError(f"{node.type} is no matrix", "use gx.diag for a vector")
    return node


def _triangle(x: Any, k: Any, lower: bool) -> Node:
    node = _matrix(x)
    rows, columns = node.shape[-2:]
    down, across = _places(rows, columns, _near(_offset("k", k), rows, columns))
    kept = down >= across if lower else down <= across
    return broadcast_to(masked(kept, node), node.shape)


@public
def tril(x: Any, k: int = 0) -> Node:
    """Returns the lower triangle of matrices, 0 above: the elements with column <= row + k.

    Args:
        x: `[..., n, m]`.
        k: the last diagonal that is kept.

    Raises:
        ShapeError: x is no matrix.
    """
    return _triangle(x, k, True)


@public
def triu(x: Any, k: int = 0) -> Node:
    """Returns the upper triangle of matrices, 0 below: the elements with column >= row + k.

    Args:
        x: `[..., n, m]`.
        k: the first diagonal that is kept.

    Raises:
        ShapeError: x is no matrix.
    """
    return _triangle(x, k, False)


@public
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """Returns a diagonal of each matrix; its axis is the last.

    Args:
        x: `[..., n, m]`.
        offset: the diagonal: 0 the main one, above 0 to its right.
        axis1: the axis of the rows.
        axis2: the axis of the columns.

    Raises:
        ShapeError: x has no two axes, or a diagonal of named sizes has no known length.
    """
    node = _matrix(x)
    first, second = normalize_axis(axis1, node.ndim), normalize_axis(axis2, node.ndim)
    if first == second:
        raise AxisError(f"the axes {axis1} and {axis2} are one", "name two")
    k = _offset("offset", offset)
    order = [a for a in range(node.ndim) if a not in (first, second)]
    node = _transposed(node, (*order, first, second))
    rows, columns = node.shape[-2:]
    lead = node.shape[:-2]
    if isinstance(rows, int) and isinstance(columns, int):
        k = _near(k, rows, columns)
        length = max(min(rows + min(k, 0), columns - max(k, 0)), 0)
        start = k if k >= 0 else -k * columns
        flat = reshape(node, (*lead, rows * columns))
        if not length:
            start, stop = 0, 0
        else:
            stop = start + (length - 1) * (columns + 1) + 1
        bounds = (*[None] * len(lead), (start, stop, columns + 1))
        return apply_named("slice", flat, bounds=bounds)
    if k or rows != columns:
        raise ShapeError(
            f"the diagonal {k} of [{rows}, {columns}] has no known length",
            "give the sizes as numbers, or take the main diagonal of a square",
        )
    at = iota_op(size=rows, dtype=DEFAULT_INT)
    return apply_named("index_gather", node, at, at, axes=(node.ndim - 2, node.ndim - 1))


def _transposed(node: Node, order: tuple[int, ...]) -> Node:
    if order == tuple(range(node.ndim)):
        return node
    return apply_named("transpose", node, axes=order)


@public
def diag(x: Any, k: int = 0) -> Node:
    """Returns the matrix that has a vector on a diagonal; of a matrix its diagonal.

    Args:
        x: `[n]` or `[n, m]`.
        k: the diagonal: 0 the main one, above 0 to its right.

    Raises:
        ShapeError: x is neither vector nor matrix.
    """
    node, offset = as_node(x), _offset("k", k)
    if node.ndim == 2:
        return diagonal(node, offset)
    if node.ndim != 1:
        raise ShapeError(f"{node.type} is neither vector nor matrix", "give one of them")
    count = node.shape[0]
    size = shape_of((count + abs(offset),))[0]
    shape_of((size, size))
    if isinstance(count, int) and isinstance(size, int):
        if not count:
            return broadcast_to(scalar(0, node.dtype), (size, size))
        start = offset if offset >= 0 else -offset * size
        bound = (start, start + (count - 1) * (size + 1) + 1, size + 1)
        flat = apply_named("slice_transpose", node, bounds=(bound,), shape=(size * size,))
        return reshape(flat, (size, size))
    # Of named sizes: the vector along one axis, where row and column fit.
    column = reshape(node, (count, 1)) if offset >= 0 else reshape(node, (1, count))
    down, across = _places(count if offset >= 0 else size, size if offset >= 0 else count, offset)
    strip = masked(down == across, column)
    strip = broadcast_to(strip, (count, size) if offset >= 0 else (size, count))
    missing = (abs(offset), size) if offset >= 0 else (size, abs(offset))
    if not offset:
        return strip
    rest = broadcast_to(scalar(0, node.dtype), missing)
    return apply_named("concat", strip, rest, axis=0 if offset >= 0 else 1)


@public
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """Returns the sum of a diagonal of each matrix.

    Args:
        x: `[..., n, m]`.
        offset: the diagonal: 0 the main one, above 0 to its right.
        axis1: the axis of the rows.
        axis2: the axis of the columns.

    Raises:
        ShapeError: x has no two axes.
    """
    found = diagonal(x, offset, axis1, axis2)
    return apply_named(sum_op.name, found, axis=(found.ndim - 1,), keepdims=False)
