"""Order: sorting, the k largest, the places of extremes, and search in what is sorted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.dtype import DEFAULT_INT
from graphc.core.errors import ArgumentError, AxisError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node, make
from graphc.core.op import Op
from graphc.core.type import Size, TensorType, TupleType, as_index, element_count
from graphc.ops.axes import normalize_axis, require_axes
from graphc.ops.chain import broadcast_to, reshape, through
from graphc.ops.control import results_of
from graphc.ops.define import structural
from graphc.ops.reduction import max_op
from graphc.ops.tensor.along import add_along_op, take_along_op


def passes_nothing(adjoint: Any, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    """The reverse rule of what is no real number: places, counts, truths."""
    return [None] * len(wanted)


def moves_nothing(tangents: Sequence[Node | None], node: Node) -> None:
    """The forward rule of what is no real number."""
    return


def require_flag(name: str, value: Any) -> bool:
    """Returns a flag.

    Raises:
        ArgumentError: it is neither True nor False.
    """
    if not isinstance(value, bool):
        raise ArgumentError(f"{name}={show_value(value)} is neither True nor False", "say one")
    return value


# -- sort: the values, and the order that sorts them -----------------------------------------------


def _sort_infer(x: TensorType, axis: int, descending: bool) -> TupleType:
    require_axes((axis,), len(x.shape))
    require_flag("descending", descending)
    return TupleType((x, TensorType(x.shape, DEFAULT_INT)))


def _order_of(node: Node) -> Node:
    return results_of(node)[1]


def _axis_of(node: Node) -> int:
    axis = node.params.get("axis")
    return node.args[0].ndim - 1 if axis is None else axis


def _sorted_vjp(adjoint: Any, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    """The adjoint of each value goes back to where the value came from."""
    if adjoint[0] is None:
        return [None] * len(wanted)
    order, x, axis = _order_of(node), node.args[0], _axis_of(node)
    params = {"axis": axis, "size": x.shape[axis]}

    def back(value: Node) -> Node:
        if value.dtype.kind == "b":  # a mask; places are never there twice
            whole = apply_named("cast", value, dtype=DEFAULT_INT)
            return make(add_along_op, (whole, order), params) > 0
        return make(add_along_op, (value, order), params)

    return [through(adjoint[0], order.shape, back)]


def _sorted_jvp(tangents: Sequence[Node | None], node: Node) -> Any:
    if tangents[0] is None:
        return None
    order, x, axis = _order_of(node), node.args[0], _axis_of(node)
    moved = through(
        tangents[0],
        x.shape,
        lambda v: make(take_along_op, (broadcast_to(v, x.shape), order), {"axis": axis}),
    )
    return moved, None


def _sorted_bound(errors: Sequence[Node | None], node: Node) -> Any:
    # An error may exchange neighbours: a sorted value moves by the largest error of all at most.
    if errors[0] is None:
        return None
    x, axis = node.args[0], _axis_of(node)
    count = x.shape[axis]
    if isinstance(count, int) and not count:
        return None
    whole = broadcast_to(errors[0], x.shape)
    largest = make(max_op, (whole,), {"axis": (axis,), "keepdims": True})
    return broadcast_to(largest, node.type.items[0].shape), None


sort_op = structural(
    "sort",
    group="indexing",
    meet="none",
    infer=_sort_infer,
    run=lambda xp, x, axis, descending: xp.ordering.sort(xp, x, axis, descending),
    vjp=_sorted_vjp,
    jvp=_sorted_jvp,
    latex=r"\operatorname{{sort}}({0})",
    flops=lambda node: _comparisons(node.args[0].type.shape, node.args[0].shape[_axis_of(node)]),
    domain="every x; NaN comes last",
    ulp=0.0,
    bound=_sorted_bound,
    doc="Returns x sorted along an axis, equal elements as they stand, and the order that does it.",
)


def _comparisons(shape: tuple[Size, ...], count: Size) -> Size:
    """Returns n log2 n for each line; of a named size no logarithm is known, and 1 is taken."""
    depth = max(count - 1, 1).bit_length() if isinstance(count, int) else 1
    return element_count(shape) * depth


def _line(name: str, x: Any, axis: Any) -> tuple[Node, int]:
    node = as_node(x)
    if not node.ndim:
        raise AxisError(f"a scalar has no axis for {name}", "give an array")
    if axis is None:
        return reshape(node, (element_count(node.shape),)), 0
    return node, normalize_axis(axis, node.ndim)


def _sorted(name: str, x: Any, axis: Any, descending: Any, stable: Any) -> list[Node]:
    require_flag("stable", stable)
    node, at = _line(name, x, axis)
    return results_of(sort_op(node, axis=at, descending=require_flag("descending", descending)))


@public
def sort(x: Any, axis: int | None = -1, descending: bool = False, stable: bool = True) -> Node:
    """Returns x sorted along `axis`; the slope goes back to where each value came from.

    Equal elements stay as they stand and NaN comes last, upwards and downwards.

    Args:
        x: `[..., n, ...]`.
        axis: the axis that is sorted; None for all elements in one.
        descending: the largest first.
        stable: always so; there for the Array API's sake.
    """
    return _sorted("sort", x, axis, descending, stable)[0]


@public
def argsort(x: Any, axis: int | None = -1, descending: bool = False, stable: bool = True) -> Node:
    """Returns the order that sorts x along `axis`, int32; equal elements as they stand, NaN last.

    Args:
        x: `[..., n, ...]`.
        axis: the axis that is sorted; None for all elements in one.
        descending: the largest first.
        stable: always so; there for the Array API's sake.
    """
    return _sorted("argsort", x, axis, descending, stable)[1]


# -- the k largest ---------------------------------------------------------------------------------


def _top_infer(x: TensorType, k: int) -> TupleType:
    if not x.shape:
        raise AxisError("a scalar has no largest elements", "give an array")
    if type(k) is not int or k < 0:
        raise ArgumentError(f"k={show_value(k)} is no count", "for example k=3")
    size = x.shape[-1]
    if isinstance(size, int) and k > size:
        raise ShapeError(f"there are {size} elements and no {k} largest", f"ask for {size} at most")
    shape = (*x.shape[:-1], k)
    return TupleType((TensorType(shape, x.dtype), TensorType(shape, DEFAULT_INT)))


top_k_op = structural(
    "top_k",
    group="indexing",
    meet="none",
    infer=_top_infer,
    run=lambda xp, x, k: xp.ordering.top_k(xp, x, k),
    vjp=_sorted_vjp,
    jvp=_sorted_jvp,
    latex=r"\operatorname{{top}}({0})",
    flops=lambda node: element_count(node.args[0].type.shape),
    domain="every x; NaN counts as the largest",
    ulp=0.0,
    bound=_sorted_bound,
    doc="Returns the k largest along the last axis, largest first, and where they stand.",
)


@public
def top_k(x: Any, k: int, axis: int = -1) -> tuple[Node, Node]:
    """Returns the k largest elements along `axis`, largest first, and their places, int32.

    Of equal elements the first comes first (but 0.0 is before -0.0); NaN counts as the largest, as
    for `max`.

    Args:
        x: `[..., n, ...]`.
        k: how many, 0 to n.
        axis: the axis along which they are looked for.

    Raises:
        ShapeError: k is larger than n.
    """
    node, at = _line("top_k", x, axis)
    count = as_index(k)
    if count is None:
        raise ArgumentError(f"k={show_value(k)} is no count", "for example k=3")
    order = [a for a in range(node.ndim) if a != at]
    last = apply_named("transpose", node, axes=(*order, at)) if at != node.ndim - 1 else node
    values, places = results_of(top_k_op(last, k=count))
    if last is node:
        return values, places
    back = tuple([*order, at].index(a) for a in range(node.ndim))
    return apply_named("transpose", values, axes=back), apply_named("transpose", places, axes=back)


# -- where an extreme stands -----------------------------------------------------------------------


def _place_infer(x: TensorType, axis: int, keepdims: bool) -> TensorType:
    require_axes((axis,), len(x.shape))
    require_flag("keepdims", keepdims)
    size = x.shape[axis]
    if isinstance(size, int) and size == 0:
        raise ShapeError("there is no extreme of no elements", "search along a non-empty axis")
    kept = (1,) if keepdims else ()
    return TensorType((*x.shape[:axis], *kept, *x.shape[axis + 1 :]), DEFAULT_INT)


def _place(name: str, larger: bool) -> Op:
    def run(xp: Any, x: Any, axis: int, keepdims: bool) -> Any:
        return xp.ordering.arg_extreme(xp, x, axis, keepdims, larger)

    return structural(
        name,
        group="indexing",
        meet="none",
        infer=_place_infer,
        run=run,
        vjp=passes_nothing,
        jvp=moves_nothing,
        latex=rf"\operatorname{{{{{name}}}}}({{0}})",
        flops=lambda node: element_count(node.args[0].type.shape),
        domain="at least one element",
        ulp=0.0,
        bound=lambda errors, node: None,
        doc=f"Returns where the {'largest' if larger else 'smallest'} element first stands.",
    )


argmax_op, argmin_op = _place("argmax", True), _place("argmin", False)


def _extreme_place(op: Op, x: Any, axis: Any, keepdims: Any) -> Node:
    node = as_node(x)
    require_flag("keepdims", keepdims)
    if axis is None:
        flat = reshape(node, (element_count(node.shape),))
        found = op(flat, axis=0, keepdims=False)
        return reshape(found, (1,) * node.ndim) if keepdims else found
    return op(node, axis=normalize_axis(axis, node.ndim), keepdims=keepdims)


@public
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Node:
    """Returns the place of the largest element, int32: the first of equal ones, of NaN the first.

    Args:
        x: `[..., n, ...]`.
        axis: the axis along which it is looked for; None for all elements in one.
        keepdims: leave the axis with size 1.

    Raises:
        ShapeError: there are no elements.
    """
    return _extreme_place(argmax_op, x, axis, keepdims)


@public
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Node:
    """Returns the place of the smallest element, int32: the first of equal ones, of NaN the first.

    Args:
        x: `[..., n, ...]`.
        axis: the axis along which it is looked for; None for all elements in one.
        keepdims: leave the axis with size 1.

    Raises:
        ShapeError: there are no elements.
    """
    return _extreme_place(argmin_op, x, axis, keepdims)


# -- search ----------------------------------------------------------------------------------------


def _search_infer(x: TensorType, values: TensorType, side: str) -> TensorType:
    if len(x.shape) != 1:
        raise ShapeError(f"{x} is no vector", "search in one sorted axis")
    if side not in ("left", "right"):
        raise ArgumentError(f"side={show_value(side)} is neither left nor right", "say one of them")
    return TensorType(values.shape, DEFAULT_INT)


searchsorted_op = structural(
    "searchsorted",
    group="indexing",
    meet="all",
    infer=_search_infer,
    run=lambda xp, x, values, side: xp.ordering.searchsorted(xp, x, values, side),
    vjp=passes_nothing,
    jvp=moves_nothing,
    latex=r"\operatorname{{search}}({0}, {1})",
    flops=lambda node: _comparisons(node.args[1].type.shape, node.args[0].shape[0]),
    domain="x sorted",
    ulp=0.0,
    bound=lambda errors, node: None,
    doc="Returns where each value would stand in a sorted vector.",
)


@public
def searchsorted(x: Any, values: Any, side: str = "left", sorter: Any = None) -> Node:
    """Returns where each value would stand in a sorted vector, int32.

    Args:
        x: `[n]`, sorted, NaN last.
        values: of any shape.
        side: `left`: before the elements that are equal to it; `right`: after them.
        sorter: integers `[n]` that sort x, where it is not sorted itself.

    Raises:
        ShapeError: x is no vector.
    """
    node = as_node(x)
    if sorter is not None:
        if node.ndim != 1:
            raise ShapeError(f"{node.type} is no vector", "search in one sorted axis")
        node = apply_named("gather", node, as_node(sorter), axis=0)
    if not isinstance(side, str):
        raise ArgumentError(f"side={show_value(side)} is neither left nor right", "say one of them")
    return searchsorted_op(node, values, side=side)
