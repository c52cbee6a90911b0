"""Counting and choosing: any, all, nonzero and unique of a given size, segments, differences."""

from __future__ import annotations

from typing import Any

from graphc.core.calls import public
from graphc.core.dtype import DEFAULT_INT, bool_
from graphc.core.errors import ArgumentError, DTypeError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node, make, scalar
from graphc.core.op import Op
from graphc.core.type import Size, TensorType, as_index, element_count, size_of
from graphc.ops.axes import normalize_axes, normalize_axis, reduced_shape, require_axes
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.control import results_of
from graphc.ops.define import structural
from graphc.ops.indexing import scatter_add_op
from graphc.ops.logic import cast
from graphc.ops.source import iota_op, size_node
from graphc.ops.tensor.arrange import along
from graphc.ops.tensor.order import (
    moves_nothing,
    passes_nothing,
    require_flag,
    searchsorted_op,
    sort_op,
)
from graphc.ops.tensor.places import index_add
from graphc.ops.tensor.scans import cumsum_op

# -- any and all -----------------------------------------------------------------------------------


def _logic_infer(x: TensorType, axis: tuple[int, ...], keepdims: bool) -> TensorType:
    require_axes(axis, len(x.shape))
    require_flag("keepdims", keepdims)
    if x.dtype is not bool_:
        raise DTypeError(f"{x} is not bool", "compare first, for example x != 0")
    return TensorType(reduced_shape(x.shape, axis, keepdims), bool_)


def _logic(name: str, latex: str, doc: str) -> Op:
    return structural(
        name,
        group="indexing",
        meet="none",
        infer=_logic_infer,
        run=lambda xp, x, axis, keepdims: getattr(xp.ordering, f"{name}_of")(xp, x, axis, keepdims),
        vjp=passes_nothing,
        jvp=moves_nothing,
        latex=latex,
        flops=lambda node: element_count(node.args[0].type.shape),
        domain="booleans",
        ulp=0.0,
        bound=lambda errors, node: None,
        doc=doc,
    )


any_op = _logic("any", r"\bigvee {0}", "Returns whether any element holds over axes.")
all_op = _logic("all", r"\bigwedge {0}", "Returns whether all elements hold over axes.")


def _truth(x: Any) -> Node:
    node = as_node(x)
    return node if node.dtype is bool_ else node != 0


def _reduced(op: Op, x: Any, axis: Any, keepdims: Any) -> Node:
    node = _truth(x)
    return op(
        node, axis=normalize_axes(axis, node.ndim), keepdims=require_flag("keepdims", keepdims)
    )


@public
def any_(x: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns whether any element over `axis` is True or not 0; False of none.

    Args:
        x: `[...]`.
        axis: an integer, a tuple, or None for all.
        keepdims: leave the axes with size 1.
    """
    return _reduced(any_op, x, axis, keepdims)


@public
def all_(x: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns whether all elements over `axis` are True or not 0; True of none.

    Args:
        x: `[...]`.
        axis: an integer, a tuple, or None for all.
        keepdims: leave the axes with size 1.
    """
    return _reduced(all_op, x, axis, keepdims)


@public
def count_nonzero(x: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """Returns how many elements over `axis` are True or not 0, int32.

    Args:
        x: `[...]`.
        axis: an integer, a tuple, or None for all.
        keepdims: leave the axes with size 1.
    """
    node = cast(_truth(x), DEFAULT_INT)
    axes = normalize_axes(axis, node.ndim)
    return apply_named("sum", node, axis=axes, keepdims=require_flag("keepdims", keepdims))


@public
def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Node:
    """Returns the n-th differences of neighbours along `axis`.

    Args:
        x: `[..., m, ...]`.
        n: how often differences are taken.
        axis: the axis along which they are neighbours.
        prepend: what stands before x, of x's shape but for this axis, or a number.
        append: what stands after x, likewise.

    Raises:
        ArgumentError: n is negative or no integer.
    """
    node = as_node(x)
    at = normalize_axis(axis, node.ndim)
    count = as_index(n)
    if count is None or not 0 <= count <= 1000:
        raise ArgumentError(f"n={show_value(n)} is no count of 0 to 1000", "for example n=2")
    parts = [_beside(p, node, at) for p in (prepend, None, append)]
    if prepend is not None or append is not None:
        whole = [p for p in (parts[0], node, parts[2]) if p is not None]
        node = apply_named("concat", *whole, axis=at)
    for _ in range(count):
        size = node.shape[at]
        if isinstance(size, int) and size == 0:
            return node
        upper, lower = along(node, at, 1, size), along(node, at, 0, size - 1)
        node = apply_named("not_equal" if node.dtype is bool_ else "sub", upper, lower)
    return node


def _beside(value: Any, node: Node, axis: int) -> Node | None:
    if value is None:
        return None
    part = scalar(value, node.dtype) if type(value) in (bool, int, float) else as_node(value)
    if part.ndim:
        return part
    return broadcast_to(part, (*node.shape[:axis], 1, *node.shape[axis + 1 :]))


# -- places and values whose number is given -------------------------------------------------------


def _size(name: str, size: Any) -> Size:
    if size is None:
        raise ArgumentError(
            f"{name} needs size=: how many there are is known only when called",
            "give the size of the result; what is missing is filled up",
        )
    return size_of(size)


def _first_true(mask: Node, size: Size) -> tuple[Node, Node]:
    """Returns the places of the first `size` True elements of a vector, and how many are True.

    What is missing gets the place after the last.
    """
    running = make(cumsum_op, (cast(mask, DEFAULT_INT),), {"axis": 0, "reverse": False})
    wanted = iota_op(size=size, dtype=DEFAULT_INT) + 1
    places = make(searchsorted_op, (running, wanted), {"side": "left"})
    total = apply_named("sum", cast(mask, DEFAULT_INT), axis=(0,), keepdims=False)
    return places, total


def _flat(node: Node) -> Node:
    return reshape(node, (element_count(node.shape),))


@public
def nonzero(x: Any, size: Any = None, fill_value: Any = 0) -> tuple[Node, ...]:
    """Returns for each axis the places of the elements that are True or not 0, `size` of them.

    Args:
        x: `[...]`, of one axis or more.
        size: how many places come out: the first ones if there are more, `fill_value` at the end
            if there are fewer. It may be a named size.
        fill_value: an integer that stands where there are no more.

    Raises:
        ArgumentError: there is no size.
        ShapeError: x is a scalar.
    """
    node = _truth(x)
    count = _size("nonzero", size)
    if not node.ndim:
        raise ShapeError("a scalar has no places", "use gx.where")
    fill = as_index(fill_value)
    if fill is None:
        raise ArgumentError(f"fill_value={show_value(fill_value)} is no integer", "for example 0")
    places, total = _first_true(_flat(node), count)
    there = iota_op(size=count, dtype=DEFAULT_INT) < total
    found: list[Node] = []
    for length in reversed(node.shape):
        step = size_node(length, DEFAULT_INT)
        if not isinstance(length, int) or not length:
            step = apply_named("maximum", step, 1)
        at = places % step
        places = apply_named("floor_divide", places, step)
        found.append(apply_named("where", there, at, scalar(fill, DEFAULT_INT)))
    return tuple(reversed(found))


@public
def unique(
    x: Any,
    size: Any = None,
    fill_value: Any = None,
    *,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
) -> Any:
    """Returns the different elements of x, sorted, `size` of them; all NaN count as one.

    Args:
        x: `[...]`, of one element or more.
        size: how many come out: the smallest ones if there are more, `fill_value` at the end if
            there are fewer. It may be a named size.
        fill_value: what stands where there are no more; the smallest element unless given.
        return_index: also where each first stands in x, flat; 0 where there is none.
        return_inverse: also for each element of x which of the results it is, in x's shape.
        return_counts: also how often each stands in x.

    Returns:
        The values, or a tuple of the values and what else was asked for, integers as int32.

    Raises:
        ArgumentError: there is no size.
        ShapeError: x has no elements.
    """
    node = as_node(x)
    count = _size("unique", size)
    asked = [
        require_flag("return_index", return_index),
        require_flag("return_inverse", return_inverse),
        require_flag("return_counts", return_counts),
    ]
    flat = _flat(node)
    length = flat.shape[0]
    if isinstance(length, int) and not length:
        raise ShapeError("there are no elements, so no smallest one", "give one or more")
    ordered, order = results_of(sort_op(flat, axis=0, descending=False))
    new = _begins(ordered, length)
    starts, total = _first_true(new, count)
    there = iota_op(size=count, dtype=DEFAULT_INT) < total
    starts = apply_named("where", there, starts, scalar(0, DEFAULT_INT))
    values = apply_named("gather", ordered, starts, axis=0)
    if fill_value is not None:
        values = apply_named("where", there, values, _fill(fill_value, node))
    if not any(asked):
        return values
    none = scalar(0, DEFAULT_INT)
    group = make(cumsum_op, (cast(new, DEFAULT_INT),), {"axis": 0, "reverse": False}) - 1
    results: list[Node] = [values]
    if return_index:
        first = apply_named("gather", order, starts, axis=0)
        results.append(apply_named("where", there, first, none))
    if return_inverse:
        back = make(
            index_add,
            (broadcast_to(none, (length,)), group, order),
            {"axes": (0,)},
        )
        results.append(reshape(back, node.shape))
    if return_counts:
        ones = broadcast_to(scalar(1, DEFAULT_INT), (length,))
        # One place more for all that were cut off.
        spot = apply_named("minimum", group, size_node(count, DEFAULT_INT))
        full = make(scatter_add_op, (ones, spot), {"axis": 0, "size": count + 1})
        results.append(along(full, 0, 0, count))
    return tuple(results)


def _begins(ordered: Node, length: Size) -> Node:
    """Returns where a sorted vector has another element than before, True at the first."""
    first = broadcast_to(scalar(True, bool_), (1,))
    later, before = along(ordered, 0, 1, length), along(ordered, 0, 0, length - 1)
    differs = later != before
    if ordered.dtype.is_float:
        differs = differs & ~((later != later) & (before != before))
    return apply_named("concat", first, differs, axis=0)


def _fill(value: Any, node: Node) -> Node:
    made = scalar(value, node.dtype) if type(value) in (bool, int, float) else as_node(value)
    if made.ndim:
        raise ShapeError(f"fill_value is {made.type}, no scalar", "give one number")
    if made.dtype is not node.dtype and made.dtype.is_float and not node.dtype.is_float:
        raise DTypeError(f"fill_value is {made.type} and x {node.type}", "cast one of them")
    return cast(made, node.dtype)


@public
def isin(x: Any, elements: Any, invert: bool = False) -> Node:
    """Returns whether each element of x is one of `elements`; a NaN never is.

    Args:
        x: `[...]`.
        elements: of any shape, of one element or more.
        invert: whether it is none of them instead.
    """
    node, other = as_node(x), as_node(elements)
    require_flag("invert", invert)
    flat = _flat(other)
    length = flat.shape[0]
    if isinstance(length, int) and not length:
        return broadcast_to(scalar(invert, bool_), node.shape)
    ordered = results_of(sort_op(flat, axis=0, descending=False))[0]
    places = searchsorted_op(ordered, node, side="left")
    last = size_node(length, DEFAULT_INT) - 1
    found = apply_named("gather", ordered, apply_named("minimum", places, last), axis=0)
    return apply_named("not_equal" if invert else "equal", found, node)
