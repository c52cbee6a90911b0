"""Norms, traces, diagonals, and products of many matrices."""

from __future__ import annotations

import itertools
import math
from typing import Any

from graphc.core.calls import guarded, public
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node
from graphc.core.type import as_index
from graphc.ops.axes import normalize_axes
from graphc.ops.chain import reshape
from graphc.ops.linalg.common import (
    diagonal_of,
    float_node,
    matrix_node,
    require_matrix,
    size_of_each,
)
from graphc.ops.linalg.singular import svdvals_op
from graphc.ops.reduction import with_room
from graphc.ops.spread import norm_op

_ORDERS = "use 'fro', 'nuc', 1, -1, 2, -2 or plus or minus infinity"


def _flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ArgumentError(f"{name}={show_value(value)} is neither True nor False", "say one")


@public
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Node:
    """Returns the norm of vectors along axes.

    The slope at 0 is 0 for every order from 1 on, the shortest of all slopes.

    Args:
        x: `f[...]`.
        axis: an axis or a tuple of them; None for all elements as one vector.
        keepdims: keep the axes with size 1.
        ord: any number: (sum |x|^ord)^(1/ord); infinity for the largest |x|, -infinity for the
            smallest; 0 counts what is not 0, and has no gradient.

    Raises:
        ArgumentError: `ord` is no number.
        AxisError: an axis is out of range.
        DTypeError: x holds no floats.

    Source: Array API 2024.12, linalg.vector_norm.
    """
    node = float_node(x)
    _flag("keepdims", keepdims)
    if isinstance(ord, bool) or not isinstance(ord, (int, float)) or ord != ord:
        raise ArgumentError(f"ord={show_value(ord)} is no number", "for example ord=2")
    if isinstance(ord, int) and abs(ord) > 2**53:
        raise ArgumentError(f"ord={show_value(ord)} is too large", "use infinity")
    params: dict[str, Any] = {"axis": normalize_axes(axis, node.ndim), "keepdims": keepdims}
    size = size_of_each(node)
    if ord in (math.inf, -math.inf):
        return apply_named("max" if ord > 0 else "min", size, **params)
    if ord == 0:
        counted = apply_named("cast", node != 0, dtype=node.dtype)
        return apply_named("sum", counted, **params)
    if ord >= 1:
        return norm_op(node, ord=ord, **params)
    return apply_named("sum", size**ord, **params) ** (1 / ord)


@public
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Node:
    """Returns the norm of matrices.

    The slope at 0 is 0 for all of them, the shortest of all slopes; where several singular values
    are the largest (order 2) they share it, and those that are 0 take none ("nuc").

    Args:
        x: `f[..., m, n]`.
        keepdims: keep the last two axes with size 1.
        ord: `"fro"`; `"nuc"`, the sum of the singular values; 2 and -2, the largest and smallest;
            1 and -1, the largest and smallest sum of a column's |x|; plus and minus infinity, of a
            row's.

    Raises:
        ArgumentError: `ord` is not known.
        ShapeError: x is no matrix.
        DTypeError: it holds no floats.

    Source: Array API 2024.12, linalg.matrix_norm.
    """
    node = matrix_node(x)
    _flag("keepdims", keepdims)
    rows, columns = node.ndim - 2, node.ndim - 1
    if isinstance(ord, str) and ord == "fro":
        return norm_op(node, axis=(rows, columns), keepdims=keepdims, ord=2)
    if isinstance(ord, str) and ord == "nuc":
        # |s| is s, with slope 0 at 0.
        return _kept("sum", size_of_each(svdvals_op(node)), keepdims)
    order: Any = ord
    if type(order) not in (int, float) or abs(order) not in (1, 2, math.inf):
        raise ArgumentError(f"ord={show_value(order)} is no matrix norm", _ORDERS)
    join = "max" if order > 0 else "min"
    if abs(order) == 2:
        return _kept(join, size_of_each(svdvals_op(node)), keepdims)
    along, across = (rows, columns) if abs(order) == 1 else (columns, rows)
    sums = apply_named("sum", size_of_each(node), axis=(along,), keepdims=True)
    found = apply_named(join, sums, axis=(across,), keepdims=True)
    return found if keepdims else reshape(found, node.shape[:-2])


def _kept(join: str, values: Node, keepdims: bool) -> Node:
    found = apply_named(join, values, axis=(values.ndim - 1,), keepdims=False)
    return reshape(found, (*found.shape, 1, 1)) if keepdims else found


# -- diagonals -------------------------------------------------------------------------------------


def _offset(value: Any) -> int:
    offset = as_index(value)
    if offset is None:
        raise ArgumentError(f"offset={show_value(value)} is no integer", "for example offset=1")
    return offset


def _diagonal(x: Any, offset: Any) -> Node:
    node = as_node(x)
    require_matrix(node.type)
    start = _offset(offset)
    m, n = node.shape[-2:]
    if start == 0 and m == n:
        return diagonal_of(node)
    if not isinstance(m, int) or not isinstance(n, int):
        raise ShapeError(
            f"the diagonal {start} of {m} rows and {n} columns has no length known before the call",
            "give numbers for the sizes",
        )
    count = max(0, min(m, n - start) if start >= 0 else min(m + start, n))
    if not count:
        return node[..., 0, :0] if m else reshape(node, (*node.shape[:-2], 0))
    first = start if start >= 0 else -start * n
    flat = reshape(node, (*node.shape[:-2], m * n))
    return flat[..., first : first + (count - 1) * (n + 1) + 1 : n + 1]


@guarded("diagonal")
def diagonal(x: Any, /, *, offset: int = 0) -> Node:
    """Returns the diagonals of matrices, along the last two axes.

    Args:
        x: `[..., m, n]`, of any dtype.
        offset: 0 for the main diagonal, above it for positive, below it for negative numbers.

    Raises:
        ShapeError: x is no matrix, or has named sizes that differ.
        ArgumentError: the offset is no integer.

    Source: Array API 2024.12, linalg.diagonal.
    """
    return _diagonal(x, offset)


@guarded("trace")
def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Node:
    """Returns the sum of each matrix's diagonal, `[...]` of `[..., m, n]`.

    Args:
        x: `[..., m, n]`.
        offset: which diagonal, as for `diagonal`.
        dtype: in which to sum; x's by default, of narrow integers int32 or uint32.

    Raises:
        ShapeError, ArgumentError: as for `diagonal`.
        DTypeError: the dtype is not one of graphc's.

    Source: Array API 2024.12, linalg.trace.
    """
    found = _diagonal(x, offset)
    found = with_room(found, dtype)
    return apply_named("sum", found, axis=(found.ndim - 1,), keepdims=False)


# -- products --------------------------------------------------------------------------------------


@public
def multi_dot(arrays: Any) -> Node:
    """Returns the product of two or more matrices in the order that takes the fewest operations.

    Args:
        arrays: a list of matrices `f[m, n]`; the first and the last may be vectors.

    Raises:
        ArgumentError: it is no list of two or more.
        ShapeError: an operand is no matrix, or inner sizes differ.

    Source: numpy.linalg.multi_dot; Cormen et al., Introduction to Algorithms, section 15.2.
    """
    if isinstance(arrays, Node) or not isinstance(arrays, (list, tuple)) or len(arrays) < 2:
        raise ArgumentError("multi_dot takes a list of two or more matrices", "multi_dot([a, b])")
    if len(arrays) > 500:
        raise ArgumentError(f"{len(arrays)} matrices are too many to order", "multiply in parts")
    nodes = [as_node(a) for a in arrays]
    for position, node in enumerate(nodes):
        vector = node.ndim == 1 and position in (0, len(nodes) - 1)
        if node.ndim != 2 and not vector:
            raise ShapeError(f"operand {position} is {node.type}, no matrix", "give matrices")
    flat_first, flat_last = nodes[0].ndim == 1, nodes[-1].ndim == 1
    if flat_first:
        nodes[0] = reshape(nodes[0], (1, *nodes[0].shape))
    if flat_last:
        nodes[-1] = reshape(nodes[-1], (*nodes[-1].shape, 1))
    for left, right in itertools.pairwise(nodes):
        if left.shape[1] != right.shape[0]:
            raise ShapeError(
                f"inner sizes {left.shape[1]} and {right.shape[0]} differ", "make them equal"
            )
    found = _in_best_order(nodes)
    return reshape(found, found.shape[int(flat_first) : 2 - int(flat_last)])


def _in_best_order(nodes: list[Node]) -> Node:
    """Returns the product; named sizes count as 1000."""
    sizes = [nodes[0].shape[0], *[n.shape[1] for n in nodes]]
    widths = [s if isinstance(s, int) else 1000 for s in sizes]
    count = len(nodes)
    cost = [[0] * count for _ in range(count)]
    split = [[0] * count for _ in range(count)]
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            prices = [
                cost[i][k] + cost[k + 1][j] + widths[i] * widths[k + 1] * widths[j + 1]
                for k in range(i, j)
            ]
            cost[i][j] = min(prices)
            split[i][j] = i + prices.index(cost[i][j])
    made: dict[tuple[int, int], Node] = {(i, i): n for i, n in enumerate(nodes)}
    todo = [(0, count - 1)]
    while todo:
        i, j = todo[-1]
        left, right = (i, split[i][j]), (split[i][j] + 1, j)
        missing = [] if (i, j) in made else [p for p in (left, right) if p not in made]
        if missing:
            todo.extend(missing)
            continue
        todo.pop()
        if (i, j) not in made:
            made[i, j] = apply_named("matmul", made[left], made[right])
    return made[0, count - 1]


__all__ = ["diagonal", "matrix_norm", "multi_dot", "trace", "vector_norm"]
