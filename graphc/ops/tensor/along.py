"""Reading along one axis at places of their own: `take_along_axis` and its transpose."""

from __future__ import annotations

from typing import Any

from graphc.core.calls import public
from graphc.core.errors import AxisError, DTypeError, ShapeError
from graphc.core.node import Node, as_node, make
from graphc.core.type import Shape, Size, TensorType, broadcast_shapes, element_count
from graphc.ops.axes import normalize_axis, require_axes
from graphc.ops.chain import broadcast_to
from graphc.ops.define import linear, require_numbers
from graphc.ops.indexing import checked_indices


def _without(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])


def _check(x: TensorType, indices: TensorType, axis: int) -> None:
    require_axes((axis,), len(x.shape))
    if not indices.dtype.is_integer:
        raise DTypeError(
            f"the indices are {indices}, not integers", "cast them: gx.cast(i, 'int32')"
        )
    same = len(x.shape) == len(indices.shape)
    if not same or _without(x.shape, axis) != _without(indices.shape, axis):
        raise ShapeError(
            f"the indices {indices} do not stand beside {x} along axis {axis}",
            "give both the same sizes on every other axis",
        )


def _take_infer(x: TensorType, indices: TensorType, axis: int) -> TensorType:
    _check(x, indices, axis)
    return TensorType(indices.shape, x.dtype)


take_along_op = linear(
    "take_along_axis",
    group="indexing",
    meet="none",
    infer=_take_infer,
    run=lambda xp, x, indices, axis: xp.scatter.take_along(xp, x, indices, axis),
    transpose=lambda adjoint, node: add_along(adjoint, node),
    latex="{0}[{1}]",
    flops=lambda node: 0,
    doc="Returns the entries of x along an axis at integer indices, their own for each line.",
)


def add_along(adjoint: Node, node: Node) -> Node:
    """Returns the transpose of reading along an axis."""
    x, indices = node.args
    axis = node.params["axis"]
    whole = broadcast_to(adjoint, indices.shape)
    return make(add_along_op, (whole, indices), {"axis": axis, "size": x.shape[axis]})


def _add_infer(updates: TensorType, indices: TensorType, axis: int, size: Size) -> TensorType:
    _check(updates, indices, axis)
    require_numbers(updates)
    if updates.shape != indices.shape:
        raise ShapeError(f"the updates {updates} are not as many as the indices {indices}")
    return TensorType((*updates.shape[:axis], size, *updates.shape[axis + 1 :]), updates.dtype)


add_along_op = linear(
    "add_along_axis",
    group="indexing",
    meet="none",
    infer=_add_infer,
    run=lambda xp, x, indices, axis, size: xp.scatter.add_along(xp, x, indices, axis, size),
    transpose=lambda adjoint, node: make(
        take_along_op,
        (broadcast_to(adjoint, node.shape), node.args[1]),
        {"axis": node.params["axis"]},
    ),
    latex=r"\operatorname{{scatter}}({0})",
    flops=lambda node: element_count(node.args[0].type.shape),
    # As for scatter_add: a few roundings where indices repeat, none where they do not.
    ulp=4.0,
    doc="Returns zeros with each update added at its index along an axis.",
)


@public
def take_along_axis(x: Any, indices: Any, axis: int = -1) -> Node:
    """Returns the entries of x along `axis` at integer indices that each line has of its own.

    Args:
        x: `[..., n, ...]`.
        indices: integers, of as many axes as x; on the other axes both broadcast.
        axis: the axis along which the indices count; negative ones from the end.

    Raises:
        IndexingError: a constant index is out of range. An index that is only known when the graph
            is called raises in the NumPy evaluator and gives NaN when compiled.
        ShapeError: the numbers of axes differ, or other axes do not broadcast.
    """
    node, where = as_node(x), as_node(indices)
    if not node.ndim:
        raise AxisError("a scalar has no axis to take along", "give an array")
    at = normalize_axis(axis, node.ndim)
    if where.ndim != node.ndim:
        raise ShapeError(
            f"the indices have {where.ndim} axes, x has {node.ndim}", "use gx.take, or reshape them"
        )
    where = checked_indices(where, node.shape[at], at)
    rest = broadcast_shapes(_without(node.shape, at), _without(where.shape, at))

    def spread(value: Node) -> Node:
        return broadcast_to(value, (*rest[:at], value.shape[at], *rest[at:]))

    return take_along_op(spread(node), spread(where), axis=at)
