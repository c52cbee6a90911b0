"""Ops that rearrange elements: reshape, transpose, broadcast, concatenate, stack, stop_gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.dim import Dim
from graphc.core.errors import ArgumentError, AxisError, DimError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node, make
from graphc.core.type import (
    Shape,
    Size,
    TensorType,
    broadcast_shapes,
    element_count,
    shape_of,
    show_shape,
    tensor_type,
)
from graphc.ops.axes import normalize_axis, require_axes
from graphc.ops.chain import add_up, sum_to, through
from graphc.ops.chain import broadcast_to as _broadcast
from graphc.ops.define import linear, structural
from graphc.ops.logic import zeros_like


def _no_flops(node: Node) -> int:
    return 0


def _reshape_infer(x: TensorType, shape: Shape) -> TensorType:
    if element_count(x.shape) != element_count(shape):
        raise ShapeError(
            f"{x} has {element_count(x.shape)} elements, {show_shape(shape) or 'a scalar'} has "
            f"{element_count(shape)}",
            "use -1 for one size to have it worked out",
        )
    return tensor_type(shape, x.dtype)


reshape_op = linear(
    "reshape",
    group="shape",
    infer=_reshape_infer,
    run=lambda xp, x, shape: xp.reshape(x, shape),
    transpose=lambda adjoint, node: through(
        adjoint, node.shape, lambda v: make(reshape_op, (v,), {"shape": node.args[0].shape})
    ),
    latex="{0}",
    flops=_no_flops,
    doc="Returns the same elements in another shape, last axis fastest.",
)


@public
def reshape(x: Any, shape: Any, copy: Any = None) -> Node:
    """Returns x in another shape; one size may be -1, which is then worked out.

    Args:
        x: `[...]`.
        shape: the new sizes.
        copy: None, True or False, which all mean the same, since a graph value never changes.

    Raises:
        ShapeError: the number of elements differs.
        ArgumentError: `copy` is something else.
    """
    if copy is not None and not isinstance(copy, bool):
        raise ArgumentError(f"copy={show_value(copy)} is neither None, True nor False")
    node = as_node(x)
    sizes = list(shape) if isinstance(shape, (tuple, list)) else [shape]
    unknown = [i for i, s in enumerate(sizes) if isinstance(s, int) and s == -1]
    if len(unknown) > 1:
        raise ShapeError("two sizes are -1", "only one can be worked out")
    if unknown:
        known = element_count(shape_of([s for i, s in enumerate(sizes) if i != unknown[0]]))
        total = element_count(node.shape)
        exact = isinstance(known, Dim) or isinstance(total, Dim) or (known and total % known == 0)
        if not exact:
            raise ShapeError(f"{total} elements do not divide into {sizes}")
        try:
            sizes[unknown[0]] = total // known
        except DimError as error:
            raise ShapeError(error.rule, error.mend) from None
    made = shape_of(sizes)
    return node if made == node.shape else make(reshape_op, (node,), {"shape": made})


def _transpose_infer(x: TensorType, axes: tuple[int, ...]) -> TensorType:
    require_axes(axes, len(x.shape))
    if len(axes) < len(x.shape):
        raise AxisError(f"the axes {axes} are not all {len(x.shape)}", "name each of them")
    return TensorType(tuple(x.shape[a] for a in axes), x.dtype)


def _transpose_back(adjoint: Node, node: Node) -> Node:
    axes = node.params["axes"]
    inverse = tuple(axes.index(i) for i in range(len(axes)))
    return through(adjoint, node.shape, lambda v: make(transpose_op, (v,), {"axes": inverse}))


transpose_op = linear(
    "transpose",
    group="shape",
    infer=_transpose_infer,
    run=lambda xp, x, axes: xp.transpose(x, axes),
    transpose=_transpose_back,
    latex="{0}^{{\\top}}",
    flops=_no_flops,
    doc="Returns the axes in another order.",
)


@public
def transpose(x: Any, axes: Any = None) -> Node:
    """Returns x with its axes in the given order; reversed without one.

    Raises:
        AxisError: the order is no permutation of the axes.
    """
    node = as_node(x)
    if axes is not None and not isinstance(axes, (tuple, list)):
        raise AxisError(f"axes={show_value(axes)} is no order of axes", "for example axes=(1, 0)")
    given = tuple(reversed(range(node.ndim))) if axes is None else tuple(axes)
    order = tuple(normalize_axis(a, node.ndim) for a in given)
    if sorted(order) != list(range(node.ndim)):
        raise AxisError(
            f"axes {given} are no order of {node.ndim} axes",
            f"name each of 0 to {node.ndim - 1} once",
        )
    return (
        node if order == tuple(range(node.ndim)) else make(transpose_op, (node,), {"axes": order})
    )


@public
def matrix_transpose(x: Any) -> Node:
    """Returns x with its last two axes exchanged."""
    node = as_node(x)
    if node.ndim < 2:
        raise ShapeError(
            f"a matrix has 2 axes or more, not {node.ndim}", "use gx.expand_dims first"
        )
    return transpose(node, (*range(node.ndim - 2), node.ndim - 1, node.ndim - 2))


def _broadcast_infer(x: TensorType, shape: Shape) -> TensorType:
    if broadcast_shapes(x.shape, shape) != shape:
        raise ShapeError(f"{x} does not broadcast to {show_shape(shape)}")
    return TensorType(shape, x.dtype)


broadcast_op = linear(
    "broadcast_to",
    group="shape",
    infer=_broadcast_infer,
    run=lambda xp, x, shape: xp.broadcast_to(x, shape),
    transpose=lambda adjoint, node: sum_to(adjoint, node.args[0].shape),
    latex="{0}",
    flops=_no_flops,
    doc="Returns x repeated along new axes and axes of size 1.",
)


@public
def broadcast_to(x: Any, shape: Any) -> Node:
    """Returns x repeated along new axes and axes of size 1 to the given shape."""
    return _broadcast(as_node(x), shape_of(shape))


@public
def expand_dims(x: Any, axis: int = 0) -> Node:
    """Returns x with a new axis of size 1 at `axis`."""
    node = as_node(x)
    where = normalize_axis(axis, node.ndim + 1)
    return reshape(node, (*node.shape[:where], 1, *node.shape[where:]))


@public
def squeeze(x: Any, axis: Any = None) -> Node:
    """Returns x without the given axes, which must have size 1; all such axes without `axis`."""
    node = as_node(x)
    if axis is None:
        axis = tuple(i for i, size in enumerate(node.shape) if size == 1)
    axes = [normalize_axis(a, node.ndim) for a in (axis if isinstance(axis, tuple) else (axis,))]
    for a in axes:
        if node.shape[a] != 1:
            raise AxisError(  # a ValueError, as the Array API standard has it
                f"axis {a} has size {node.shape[a]}, not 1", "name only axes of size 1"
            )
    return reshape(node, tuple(s for i, s in enumerate(node.shape) if i not in axes))


# -- joining ---------------------------------------------------------------------------------------


def _concat_infer(*types: TensorType, axis: int) -> TensorType:
    first = types[0]
    require_axes((axis,), len(first.shape))
    total: Size = 0
    for position, t in enumerate(types):
        rest = t.shape[:axis] + t.shape[axis + 1 :]
        if len(t.shape) != len(first.shape) or rest != first.shape[:axis] + first.shape[axis + 1 :]:
            raise ShapeError(
                f"operand {position} is {t}; all axes but {axis} must be those of {first}",
                "reshape it, or join along another axis",
            )
        total = t.shape[axis] + total
    return TensorType((*first.shape[:axis], total, *first.shape[axis + 1 :]), first.dtype)


def _concat_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    axis, start = node.params["axis"], 0
    limits: list[tuple[Size, Size]] = []
    for arg in node.args:
        limits.append((start, start + arg.shape[axis]))
        start = limits[-1][1]
    return [through(adjoint, node.shape, _taker(axis, *limits[i])) for i in wanted]


def _taker(axis: int, start: Size, stop: Size) -> Any:
    def take(v: Node) -> Node:
        bounds = tuple((start, stop, 1) if a == axis else None for a in range(v.ndim))
        return apply_named("slice", v, bounds=bounds)

    return take


def _joined(parts: Sequence[Node | None], node: Node) -> Node | None:
    """Returns the same op of the operands' tangents or errors, with zeros for those of None."""
    if all(p is None for p in parts):
        return None
    full = [zeros_like(a) if p is None else p for p, a in zip(parts, node.args, strict=True)]
    return make(node.op, tuple(full), node.params)


concat_op = structural(
    "concat",
    group="shape",
    meet="all",
    infer=_concat_infer,
    run=lambda xp, *x, axis: xp.concatenate(x, axis),
    vjp=_concat_vjp,
    jvp=_joined,
    latex=r"\left[{0}, {1}\right]",
    flops=_no_flops,
    domain="every operand",
    ulp=0.0,
    bound=_joined,
    holomorphic=True,
    doc="Returns the operands one after another along an axis.",
)


@public
def concat(values: Any, axis: int | None = 0) -> Node:
    """Returns the values one after another along `axis`; with None the elements of all in one."""
    nodes = _several("concat", values)
    if axis is None:
        return concat_op(*[reshape(node, -1) for node in nodes], axis=0)
    if nodes[0].ndim == 0:
        raise ShapeError("scalars have no axis to join along", "use gx.stack")
    where = normalize_axis(axis, nodes[0].ndim)
    return concat_op(*nodes, axis=where)


def _stack_infer(*types: TensorType, axis: int) -> TensorType:
    require_axes((axis,), len(types[0].shape) + 1)
    for position, t in enumerate(types):
        if t.shape != types[0].shape:
            raise ShapeError(
                f"operand {position} is {t}, the first is {types[0]}",
                "broadcast all to one shape, or use gx.concat",
            )
    shape = types[0].shape
    return TensorType((*shape[:axis], len(types), *shape[axis:]), types[0].dtype)


def _stack_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    axis = node.params["axis"]

    def part(index: int) -> Node:
        def take(v: Node) -> Node:
            piece = _taker(axis, index, index + 1)(v)
            return reshape(piece, node.args[index].shape)

        return through(adjoint, node.shape, take)

    return [part(index) for index in wanted]


stack_op = structural(
    "stack",
    group="shape",
    meet="all",
    infer=_stack_infer,
    run=lambda xp, *x, axis: xp.stack(x, axis),
    vjp=_stack_vjp,
    jvp=_joined,
    latex=r"\left[{0}, {1}\right]",
    flops=_no_flops,
    domain="every operand",
    ulp=0.0,
    bound=_joined,
    holomorphic=True,
    doc="Returns the operands side by side along a new axis.",
)


@public
def stack(values: Any, axis: int = 0) -> Node:
    """Returns the values, all of one shape, side by side along a new axis."""
    nodes = _several("stack", values)
    return stack_op(*nodes, axis=normalize_axis(axis, nodes[0].ndim + 1))


def _several(name: str, values: Any) -> list[Node]:
    if isinstance(values, Node) or not isinstance(values, (list, tuple)):
        raise ArgumentError(f"{name} takes a list of values", f"write gx.{name}([x, y])")
    if not values:
        raise ArgumentError(f"{name} of no values has no shape", "give one value or more")
    return [as_node(v) for v in values]


stop_gradient = structural(
    "stop_gradient",
    group="shape",
    meet="none",
    infer=lambda x: x,
    run=lambda xp, x: xp.stop_gradient(x),
    vjp=lambda adjoint, node, wanted: [None] * len(wanted),
    jvp=lambda tangents, node: None,
    latex="{0}",
    flops=_no_flops,
    domain="every x",
    ulp=0.0,
    bound=lambda errors, node: add_up(errors),
    takes_complex=True,
    formula="it is no function of its operand's value alone",
    doc="Returns x; derivatives do not pass.",
)
