"""Windows that begin where a graph value says: `dynamic_slice` and `dynamic_update_slice`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.dtype import DEFAULT_INT, bool_
from graphc.core.errors import ArgumentError, DTypeError, IndexingError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node, make, scalar
from graphc.core.type import Shape, Size, TensorType, as_index, shape_of, show_shape
from graphc.ops.chain import broadcast_to, chain, through
from graphc.ops.define import linear, structural
from graphc.ops.logic import zeros_like


def _check_window(x: TensorType, starts: Sequence[TensorType], sizes: Any) -> None:
    if not isinstance(sizes, tuple) or not len(starts) == len(sizes) == len(x.shape):
        raise ShapeError(
            f"the window {show_value(sizes)} with {len(starts)} starts is none of {x}",
            "give a start and a size for each axis",
        )
    for start in starts:
        if start.shape or not start.dtype.is_integer:
            raise DTypeError(f"a start is {start}, no integer", "cast it: gx.cast(i, 'int32')")
    for axis, (size, limit) in enumerate(zip(sizes, x.shape, strict=True)):
        if not isinstance(size, int) or not isinstance(limit, int):
            continue
        if not 0 <= size <= limit:
            raise ShapeError(
                f"a window of {size} does not fit axis {axis} of size {limit}",
                "give a smaller window",
            )


def _slice_infer(x: TensorType, *starts: TensorType, sizes: Shape) -> TensorType:
    _check_window(x, starts, sizes)
    return TensorType(shape_of(sizes), x.dtype)


def _slice_back(adjoint: Node, node: Node) -> Node:
    x, *starts = node.args

    def back(value: Node) -> Node:
        zeros = broadcast_to(scalar(0, value.dtype), x.shape)
        return make(dynamic_update_slice_op, (zeros, value, *starts), {})

    return through(adjoint, node.shape, back)


dynamic_slice_op = linear(
    "dynamic_slice",
    group="indexing",
    meet="none",
    infer=_slice_infer,
    run=lambda xp, x, *starts, sizes: xp.scatter.dynamic_slice(xp, x, starts, sizes),
    transpose=_slice_back,
    latex="{0}[\\cdot]",
    flops=lambda node: 0,
    doc="Returns the window of x that begins at integer scalars, moved inside where it leaves x.",
)


def _update_infer(x: TensorType, update: TensorType, *starts: TensorType) -> TensorType:
    _check_window(x, starts, update.shape)
    if update.dtype is not x.dtype:
        raise DTypeError(f"the update is {update} and the array {x}", "cast one of them")
    return x


def _updated(parts: Sequence[Node | None], node: Node) -> Node | None:
    base, update = parts[0], parts[1]
    x, new, *starts = node.args
    if base is None and update is None:
        return None
    base = zeros_like(x) if base is None else broadcast_to(base, x.shape)
    update = zeros_like(new) if update is None else broadcast_to(update, new.shape)
    return make(dynamic_update_slice_op, (base, update, *starts), {})


def _outside(node: Node) -> Node:
    """Returns where the array keeps its own elements."""
    x, update, *starts = node.args
    kept = broadcast_to(scalar(True, bool_), x.shape)
    lost = broadcast_to(scalar(False, bool_), update.shape)
    return make(dynamic_update_slice_op, (kept, lost, *starts), {})


def _update_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    _, update, *starts = node.args

    def window(value: Node) -> Node:
        return make(dynamic_slice_op, (value, *starts), {"sizes": update.shape})

    rules = {
        0: lambda: chain(adjoint, _outside(node)),
        1: lambda: through(adjoint, node.shape, window),
    }
    return [rules[i]() if i in rules else None for i in wanted]


def _update_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    if tangents[0] is not None and tangents[1] is None:
        kept = chain(tangents[0], _outside(node))
        return None if kept is None else broadcast_to(kept, node.shape)
    return _updated(tangents, node)


dynamic_update_slice_op = structural(
    "dynamic_update_slice",
    group="indexing",
    meet="none",
    infer=_update_infer,
    run=lambda xp, x, update, *starts: xp.scatter.dynamic_update_slice(xp, x, update, starts),
    vjp=_update_vjp,
    jvp=_update_jvp,
    latex=r"{0}\{{\cdot := {1}\}}",
    flops=lambda node: 0,
    domain="every operand",
    ulp=0.0,
    bound=_updated,
    holomorphic=True,
    formula="it moves elements: there is no scalar form",
    doc="Returns x with the window that begins at integer scalars replaced by an update.",
)


@public
def dynamic_slice(x: Any, starts: Any, sizes: Any) -> Node:
    """Returns the window of x of a fixed size that begins where graph values say.

    A start counts from the end if it is negative, and a window that leaves the array is moved
    inside, as JAX does; `gx.debug` reports it.

    Args:
        x: `[n, ...]`.
        starts: for each axis an integer or a scalar integer graph value.
        sizes: for each axis the size of the window.

    Raises:
        IndexingError: a start known when the graph is built leaves the array.
        ShapeError: the window is larger than the array, or does not name each axis.
    """
    node = as_node(x)
    window = shape_of(sizes)
    return dynamic_slice_op(node, *_starts(starts, node.shape, window), sizes=window)


@public
def dynamic_update_slice(x: Any, update: Any, starts: Any) -> Node:
    """Returns x with the window that begins at `starts` replaced by `update`.

    A start counts from the end if it is negative, and a window that leaves the array is moved
    inside, as JAX does; `gx.debug` reports it.

    Args:
        x: `[n, ...]`.
        update: of as many axes as x, none larger.
        starts: for each axis an integer or a scalar integer graph value.

    Raises:
        IndexingError: a start known when the graph is built leaves the array.
        ShapeError: the window is larger than the array, or has another number of axes.
    """
    node = as_node(x)
    part = as_node(update, node.dtype) if isinstance(update, (int, float)) else as_node(update)
    return dynamic_update_slice_op(node, part, *_starts(starts, node.shape, part.shape))


def _starts(starts: Any, shape: Shape, window: Shape) -> list[Node]:
    if isinstance(starts, Node) and starts.ndim == 1 and isinstance(starts.shape[0], int):
        given: list[Any] = [starts[k] for k in range(min(starts.shape[0], 65))]
    else:
        given = list(starts) if isinstance(starts, (tuple, list)) else [starts]
    if not len(given) == len(shape) == len(window):
        raise ShapeError(
            f"there are {len(given)} starts and the window {show_shape(window) or '[]'} for "
            f"{len(shape)} axes",
            "give a start and a size for each axis",
        )
    return [
        _start(g, s, w, a) for a, (g, s, w) in enumerate(zip(given, shape, window, strict=True))
    ]


def _start(given: Any, size: Size, window: Size, axis: int) -> Node:
    number = as_index(given)
    if number is None:
        if not isinstance(given, Node):
            raise ArgumentError(
                f"the start {show_value(given)} on axis {axis} is no integer",
                "give integers or scalar integer graph values",
            )
        if given.op.name != "constant" or given.ndim or not given.dtype.is_integer:
            return _wide(given)
        number = int(given.params["value"].array)
    if isinstance(size, int) and isinstance(window, int):
        first = number + size if number < 0 else number
        if not 0 <= first <= size - window:
            raise IndexingError(
                f"a window of {window} at {number} leaves axis {axis} of size {size}",
                f"begin it at 0 to {size - window}" if window <= size else "make it smaller",
            )
        number = first
    return as_node(number, DEFAULT_INT)


def _wide(start: Node) -> Node:
    """Returns a start of 32 bits or more: uint8 can't hold the size of the axis it indexes."""
    if start.dtype.is_integer and start.dtype.bits < 32:
        return apply_named("cast", start, dtype=DEFAULT_INT)
    return start
