"""Products of vectors and tensors, each said by `matmul`, `einsum` or elementwise products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, AxisError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node
from graphc.core.type import Size, as_index, broadcast_shapes
from graphc.ops.arithmetic import mul
from graphc.ops.axes import normalize_axis
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.contraction.einsums import LETTERS, einsum, sum_of_products
from graphc.ops.contraction.matrices import matmul
from graphc.ops.shaping import concat


@public
def dot_general(x: Any, y: Any, dimension_numbers: Any) -> Node:
    """Returns the product of two arrays, summed over named axes: XLA's own dot.

    Args:
        x: an array.
        y: an array.
        dimension_numbers: `((summed axes of x, of y), (batch axes of x, of y))`, as
            `jax.lax.dot_general` takes them.

    Returns:
        `[*batch, *other axes of x, *other axes of y]`.

    Raises:
        ArgumentError: these are no such pairs of axes.
        AxisError: an axis is out of range, or there twice.
        ShapeError: axes that belong together differ in size.
    """
    left, right = as_node(x), as_node(y)
    try:
        (sum_x, sum_y), (batch_x, batch_y) = dimension_numbers
        pairs = [list(sum_x), list(sum_y), list(batch_x), list(batch_y)]
    except (TypeError, ValueError):
        raise ArgumentError(
            f"dimension_numbers={show_value(dimension_numbers)} are no pairs of axes",
            "for example (((1,), (0,)), ((), ()))",
        ) from None
    return _contract(left, right, (pairs[0], pairs[1]), (pairs[2], pairs[3]))


def _contract(
    x: Node,
    y: Node,
    summed: tuple[Sequence[Any], Sequence[Any]],
    batch: tuple[Sequence[Any], Sequence[Any]] = ((), ()),
) -> Node:
    """Returns the product with the given axes summed over, the batch's axes in front."""
    sides: list[tuple[list[int], list[int]]] = []
    for node, ours, its in zip((x, y), summed, batch, strict=True):
        named = [normalize_axis(a, node.ndim) for a in (*ours, *its)]
        if len(set(named)) < len(named):
            raise AxisError(f"the axes {show_value(named)} name one twice", "name each axis once")
        sides.append((named[: len(ours)], named[len(ours) :]))
    (sum_x, batch_x), (sum_y, batch_y) = sides
    if len(sum_x) != len(sum_y) or len(batch_x) != len(batch_y):
        raise ArgumentError(
            f"{len(sum_x)} axes of the first operand meet {len(sum_y)} of the second",
            "give as many axes of each",
        )
    for a, b in zip((*sum_x, *batch_x), (*sum_y, *batch_y), strict=True):
        if x.shape[a] != y.shape[b]:
            raise ShapeError(
                f"axis {a} of the first operand has size {x.shape[a]}, axis {b} of the second "
                f"{y.shape[b]}",
                "make them equal",
            )
    if x.ndim + y.ndim > len(LETTERS):
        raise ShapeError(f"{x.ndim + y.ndim} axes are too many", "reshape first")
    left = list(LETTERS[: x.ndim])
    right = list(LETTERS[x.ndim : x.ndim + y.ndim])
    for a, b in zip((*sum_x, *batch_x), (*sum_y, *batch_y), strict=True):
        right[b] = left[a]
    result = [left[a] for a in batch_x]
    result += [c for a, c in enumerate(left) if a not in (*sum_x, *batch_x)]
    result += [c for b, c in enumerate(right) if b not in (*sum_y, *batch_y)]
    return sum_of_products(f"{''.join(left)},{''.join(right)}->{''.join(result)}", x, y)


@public
def tensordot(x1: Any, x2: Any, /, axes: Any = 2) -> Node:
    """Returns the sum of products over axes of two arrays.

    Args:
        x1: an array.
        x2: an array.
        axes: how many last axes of x1 meet the first ones of x2; or a pair of axes, or of
            sequences of axes, of x1 and x2.

    Returns:
        The other axes of x1, then the others of x2.

    Raises:
        ArgumentError: `axes` is neither.
        AxisError: there are fewer axes, or one is there twice.
        ShapeError: axes that meet differ in size.

    Source: the Array API standard 2024.12.
    """
    left, right = as_node(x1), as_node(x2)
    count = as_index(axes)
    if count is not None:
        if not 0 <= count <= min(left.ndim, right.ndim):
            raise AxisError(
                f"axes={show_value(axes)}: the operands have {left.ndim} and {right.ndim} axes",
                "sum over no more axes than there are",
            )
        first = list(range(left.ndim - count, left.ndim))
        return _contract(left, right, (first, list(range(count))))
    try:
        ours, theirs = axes
    except (TypeError, ValueError):
        raise ArgumentError(
            f"axes={show_value(axes)} is neither a count nor a pair",
            "for example axes=((1,), (0,))",
        ) from None
    return _contract(left, right, (_axis_list(ours), _axis_list(theirs)))


def _axis_list(axes: Any) -> list[Any]:
    return list(axes) if isinstance(axes, (tuple, list)) else [axes]


@public
def dot(x: Any, y: Any) -> Node:
    """Returns the product as `numpy.dot`: of vectors or matrices `@`, of a scalar and anything `*`.

    Of more axes it sums over the last of x and the last but one of y, without a batch.
    """
    left, right = as_node(x), as_node(y)
    if left.ndim == 0 or right.ndim == 0:
        return mul(x, y)
    if right.ndim == 1 or (left.ndim <= 2 and right.ndim == 2):
        return matmul(x, y)
    return _contract(left, right, ([left.ndim - 1], [right.ndim - 2]))


@public
def inner(x: Any, y: Any) -> Node:
    """Returns the sums of products over the last axes of x and y, `[*x's others, *y's others]`."""
    left, right = as_node(x), as_node(y)
    if left.ndim == 0 or right.ndim == 0:
        return mul(x, y)
    return _contract(left, right, ([left.ndim - 1], [right.ndim - 1]))


@public
def vecdot(x1: Any, x2: Any, /, axis: int = -1) -> Node:
    """Returns the sum of products over one axis of both, the other axes broadcast.

    Args:
        x1: an array; conjugated where it is complex.
        x2: an array with the same size on that axis.
        axis: counted from the end: -1 is the last of each.

    Raises:
        AxisError: it is out of range, or counted from the front where the arrays differ in axes.
        ShapeError: the sizes differ.

    Source: the Array API standard 2024.12.
    """
    left, right = as_node(x1), as_node(x2)
    index = as_index(axis)
    if index is not None and index >= 0 and left.ndim != right.ndim:
        raise AxisError(
            f"axis {show_value(axis)} is counted from the front, but the operands have {left.ndim} "
            f"and {right.ndim} axes",
            "count it from the end, for example axis=-1",
        )
    first, second = _axis_last(left, axis), _axis_last(right, axis)
    _require_equal(first.shape[-1], second.shape[-1], "the axis summed over")
    return einsum("...Z,...Z->...", _conjugated(first), second)


def _axis_last(node: Node, axis: Any) -> Node:
    at = normalize_axis(axis, node.ndim)
    if at == node.ndim - 1:
        return node
    order = (*[a for a in range(node.ndim) if a != at], at)
    return apply_named("transpose", node, axes=order)


def _conjugated(node: Node) -> Node:
    return apply_named("conj", node) if node.dtype.kind == "c" else node


def _require_equal(a: Size, b: Size, words: str) -> None:
    if a != b:
        raise ShapeError(f"{words} has sizes {a} and {b}", "make them equal")


@public
def matvec(x1: Any, x2: Any) -> Node:
    """Returns matrices times vectors, `[..., n, m]` by `[..., m]` to `[..., n]`.

    Raises:
        ShapeError: x1 is no matrix, x2 no vector, or the sizes differ.
    """
    left, right = as_node(x1), as_node(x2)
    if left.ndim < 2 or right.ndim < 1:
        raise ShapeError(
            f"{left.type} and {right.type} are no matrices and vectors", "[..., n, m] and [..., m]"
        )
    _require_equal(left.shape[-1], right.shape[-1], "the axis summed over")
    return einsum("...YZ,...Z->...Y", left, right)


@public
def vecmat(x1: Any, x2: Any) -> Node:
    """Returns vectors times matrices, `[..., n]` by `[..., n, m]` to `[..., m]`.

    A complex vector is conjugated, as NumPy has it.

    Raises:
        ShapeError: x1 is no vector, x2 no matrix, or the sizes differ.
    """
    left, right = as_node(x1), as_node(x2)
    if left.ndim < 1 or right.ndim < 2:
        raise ShapeError(
            f"{left.type} and {right.type} are no vectors and matrices", "[..., n] and [..., n, m]"
        )
    _require_equal(left.shape[-1], right.shape[-2], "the axis summed over")
    return einsum("...Y,...YZ->...Z", _conjugated(left), right)


@public
def kron(x: Any, y: Any) -> Node:
    """Returns the Kronecker product: every element of x times the whole of y, as blocks.

    Of different numbers of axes the fewer get leading axes of size 1; the sizes multiply.
    """
    left, right = as_node(x), as_node(y)
    ndim = max(left.ndim, right.ndim)
    outer = (1,) * (ndim - left.ndim) + left.shape
    own = (1,) * (ndim - right.ndim) + right.shape
    spread: list[Size] = []
    within: list[Size] = []
    shape: list[Size] = []
    for a, b in zip(outer, own, strict=True):
        spread += [a, 1]
        within += [1, b]
        shape.append(a * b)
    made = mul(reshape(left, tuple(spread)), reshape(right, tuple(within)))
    return reshape(made, tuple(shape))


@public
def cross(x1: Any, x2: Any, /, axis: int = -1) -> Node:
    """Returns the cross product of vectors of three elements, the other axes broadcast.

    Args:
        x1: an array with three elements along the axis.
        x2: another.
        axis: where the three elements stand.

    Raises:
        ShapeError: an operand has not three elements there, or the others do not broadcast.
        AxisError: the axis is out of range.

    Source: the Array API standard 2024.12.
    """
    left, right = as_node(x1), as_node(x2)
    for node in (left, right):
        at = normalize_axis(axis, node.ndim)
        if node.shape[at] != 3:
            raise ShapeError(
                f"axis {at} of {node.type} has {node.shape[at]} elements, not 3",
                "a cross product is of vectors of three elements",
            )
    shape = broadcast_shapes(left.shape, right.shape)
    left, right = broadcast_to(left, shape), broadcast_to(right, shape)
    at = normalize_axis(axis, len(shape))
    a, b = ([_component(node, at, i) for i in range(3)] for node in (left, right))
    parts = [a[i - 2] * b[i - 1] - a[i - 1] * b[i - 2] for i in range(3)]
    return concat(parts, axis=at)


def _component(node: Node, axis: int, index: int) -> Node:
    bounds = [(index, index + 1, 1) if a == axis else None for a in range(node.ndim)]
    return apply_named("slice", node, bounds=tuple(bounds))
