"""Padding in all of NumPy's modes: `pad` with a value is a record, the others join slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.core.calls import public
from graphc.core.dtype import DEFAULT_INT
from graphc.core.errors import ArgumentError, DTypeError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node, scalar
from graphc.core.type import as_index
from graphc.ops.axes import normalize_axis
from graphc.ops.chain import broadcast_to
from graphc.ops.control import results_of
from graphc.ops.source import iota_op, size_node
from graphc.ops.tensor.arrange import along, flip, pieces
from graphc.ops.tensor.constant_pad import Pairs, pad_op, padded_shape
from graphc.ops.tensor.order import sort_op


@public
def pad(
    x: Any,
    pad_width: Any,
    mode: str = "constant",
    *,
    constant_values: Any = None,
    end_values: Any = None,
    stat_length: Any = None,
    reflect_type: str = "even",
) -> Node:
    """Returns x with elements before and after it along each axis, as NumPy's `pad` does.

    Args:
        x: `[...]`.
        pad_width: an integer, `(before, after)`, or that for each axis; or a dict of axes.
        mode: `constant`, `edge`, `reflect`, `symmetric`, `wrap`, `linear_ramp`, `maximum`,
            `minimum`, `mean`, `median` or `empty`, which gives zeros.
        constant_values: for `constant`: a number or scalar graph value, or as `pad_width`; 0.
        end_values: for `linear_ramp`: what the ramp ends with, likewise; 0.
        stat_length: for `maximum`, `minimum`, `mean`, `median`: how many elements at the edge
            count, likewise; all.
        reflect_type: for `reflect` and `symmetric`: `even`, or `odd` for twice the edge less the
            reflection.

    Raises:
        ArgumentError: the mode is unknown, a width is negative or no integer, or an option is not
            one of this mode.
        ShapeError: the widths do not fit the axes, or an axis without elements is to be continued.
    """
    node = as_node(x)
    pairs = _pairs(pad_width, node.ndim)
    given = {
        "constant_values": constant_values,
        "end_values": end_values,
        "stat_length": stat_length,
    }
    _check_mode(mode, {k for k, v in given.items() if v is not None})
    odd = _is_odd(reflect_type, mode)
    padded_shape(node.shape, pairs)
    if mode in ("constant", "empty"):
        return _with_values(node, pairs, constant_values)
    ends = _for_axes("end_values", end_values, node.ndim, 0)
    lengths = _for_axes("stat_length", stat_length, node.ndim, None)
    for axis, (low, high) in enumerate(pairs):
        if low or high:
            if isinstance(node.shape[axis], int) and not node.shape[axis]:
                raise ShapeError(
                    f"axis {axis} has no elements to go on from", "pad it with a constant"
                )
            node = _MODES[mode](node, axis, (low, high), odd, ends[axis], lengths[axis])
    return node


_OPTIONS = {"constant_values": ("constant",), "end_values": ("linear_ramp",),
            "stat_length": ("maximum", "minimum", "mean", "median")}  # fmt: skip


def _check_mode(mode: Any, given: set[str]) -> None:
    known = ("constant", "empty", *_MODES)
    if not isinstance(mode, str) or mode not in known:
        raise ArgumentError(
            f"there is no mode={show_value(mode)}", f"use one of {', '.join(known)}"
        )
    for name in sorted(given):
        if mode not in _OPTIONS[name]:
            raise ArgumentError(
                f"{name} is no option of mode={mode!r}", f"use mode={_OPTIONS[name][0]!r}"
            )


def _is_odd(reflect_type: Any, mode: str) -> bool:
    if not isinstance(reflect_type, str) or reflect_type not in ("even", "odd"):
        raise ArgumentError(
            f"reflect_type={show_value(reflect_type)} is neither even nor odd", "say one of them"
        )
    if reflect_type == "odd" and mode not in ("reflect", "symmetric"):
        raise ArgumentError(f"reflect_type is no option of mode={mode!r}", "leave it out")
    return reflect_type == "odd"


def _pairs(pad_width: Any, ndim: int) -> Pairs:
    if isinstance(pad_width, dict):
        given: list[Any] = [(0, 0)] * ndim
        for axis, width in pad_width.items():
            given[normalize_axis(axis, ndim)] = width
        rows = [_pair("pad_width", width) for width in given]
    else:
        rows = _for_axes("pad_width", pad_width, ndim, 0)
    return tuple((_width(low), _width(high)) for low, high in rows)


def _width(value: Any) -> int:
    number = as_index(value)
    if number is None or number < 0:
        raise ArgumentError(
            f"the width {show_value(value)} is no count of 0 or more", "for example pad_width=1"
        )
    return number


def _for_axes(name: str, value: Any, ndim: int, default: Any) -> list[tuple[Any, Any]]:
    """Returns (before, after) for each axis, as NumPy reads a value, a pair, a list of them."""
    if value is None:
        return [(default, default)] * ndim
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (tuple, list)):
        return [(value, value)] * ndim
    listed = list(value)
    if not any(isinstance(v, (tuple, list, np.ndarray)) for v in listed):
        return [_pair(name, listed)] * ndim
    rows = [_pair(name, row) for row in listed]
    if len(rows) == 1:
        return rows * ndim
    if len(rows) != ndim:
        raise ShapeError(
            f"{name} has {len(rows)} pairs for {ndim} axes", "give (before, after) for each axis"
        )
    return rows


def _pair(name: str, value: Any) -> tuple[Any, Any]:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (tuple, list)):
        return value, value
    if len(value) == 1:
        return value[0], value[0]
    if len(value) != 2:
        raise ShapeError(f"{name} has {len(value)} numbers for one axis", "give (before, after)")
    return value[0], value[1]


def _value(name: str, given: Any, node: Node) -> Node:
    value = scalar(given, node.dtype) if type(given) in (bool, int, float) else as_node(given)
    if value.ndim:
        raise ShapeError(f"{name} is {value.type}, no scalar", "give one number for each side")
    if node.dtype.is_integer and value.dtype.is_float:
        raise DTypeError(f"{name} is {value.type} and the array {node.type}", "cast one of them")
    return value if value.dtype is node.dtype else apply_named("cast", value, dtype=node.dtype)


def _with_values(node: Node, pairs: Pairs, given: Any) -> Node:
    values = _for_axes("constant_values", given, node.ndim, 0)
    same = all(low is high for low, high in values) and len({id(low) for low, _ in values}) <= 1
    if same or given is None or not isinstance(given, (tuple, list, np.ndarray)):
        if not any(low or high for low, high in pairs):
            return node
        value = _value("constant_values", values[0][0] if values else 0, node)
        return pad_op(node, value, pairs=pairs)
    for axis, (pair, sides) in enumerate(zip(pairs, values, strict=True)):
        for side, (width, value) in enumerate(zip(pair, sides, strict=True)):
            if width:
                one = [(0, 0)] * node.ndim
                one[axis] = (0, width) if side else (width, 0)
                node = pad_op(node, _value("constant_values", value, node), pairs=tuple(one))
    return node


# -- going on from what is there -------------------------------------------------------------------


def _spread(edge: Node, axis: int, count: int) -> Node | None:
    """Returns a value of size 1 along an axis, so often."""
    if not count:
        return None
    return broadcast_to(edge, (*edge.shape[:axis], count, *edge.shape[axis + 1 :]))


def _edges(node: Node, axis: int) -> tuple[Node, Node]:
    size = node.shape[axis]
    return along(node, axis, 0, 1), along(node, axis, size - 1, size)


def _edge(node: Node, axis: int, pair: tuple[int, int], *_: Any) -> Node:
    first, last = _edges(node, axis)
    return pieces(node, axis, [_spread(first, axis, pair[0]), node, _spread(last, axis, pair[1])])


def _mirrored(skip: int) -> Callable[..., Node]:
    """Returns `reflect` (skip 1: the edge is not repeated) or `symmetric` (skip 0)."""

    def mode(node: Node, axis: int, pair: tuple[int, int], odd: bool, *_: Any) -> Node:
        size = node.shape[axis]
        fits = isinstance(size, int) and max(pair) + skip <= size
        if not fits:
            if odd:
                raise ShapeError(
                    f"an odd reflection of {max(pair)} elements needs as many on axis {axis}, "
                    f"which has {size}",
                    "pad in several steps",
                )
            return _by_places(node, axis, pair, skip)
        low, high = pair
        before = flip(along(node, axis, skip, skip + low), axis) if low else None
        after = flip(along(node, axis, size - skip - high, size - skip), axis) if high else None
        if odd:
            first, last = _edges(node, axis)
            before = None if before is None else first * 2 - before
            after = None if after is None else last * 2 - after
        return pieces(node, axis, [before, node, after])

    return mode


def _by_places(node: Node, axis: int, pair: tuple[int, int], skip: int | None) -> Node:
    """Returns what the places read that go to and fro over the axis; around it without `skip`."""
    size = size_node(node.shape[axis], DEFAULT_INT)
    count = node.shape[axis] + sum(pair)
    places = iota_op(size=count, dtype=DEFAULT_INT) - pair[0]
    if skip is None:
        places = places % size
    else:
        period = apply_named("maximum", size * 2 - 2 * skip, 1)
        there = places % period
        places = apply_named("minimum", there, period - there - (1 - skip))
        if skip:  # of a single element the period is 1
            places = apply_named("minimum", places, size - 1)
    return apply_named("gather", node, places, axis=axis)


def _wrap(node: Node, axis: int, pair: tuple[int, int], *_: Any) -> Node:
    size = node.shape[axis]
    if not isinstance(size, int) or max(pair) > size:
        return _by_places(node, axis, pair, None)
    low, high = pair
    before = along(node, axis, size - low, size) if low else None
    return pieces(node, axis, [before, node, along(node, axis, 0, high) if high else None])


def _ramp(node: Node, axis: int, pair: tuple[int, int], odd: bool, ends: Any, _: Any) -> Node:
    if not node.dtype.is_float:
        raise DTypeError(f"a ramp of {node.dtype.name} is not defined", "cast x to a float")
    sides: list[Node | None] = []
    for edge, count, end, back in zip(_edges(node, axis), pair, ends, (False, True), strict=True):
        if not count:
            sides.append(None)
            continue
        column = tuple(count if a == axis else 1 for a in range(node.ndim))
        # Share k / count of the edge, 0 at the end.
        share = apply_named("reshape", iota_op(size=count, dtype=node.dtype), shape=column)
        share = share / float(count)
        share = flip(share, axis) if back else share
        sides.append(edge * share + _value("end_values", end, node) * (1.0 - share))
    return pieces(node, axis, [sides[0], node, sides[1]])


def _by_statistic(name: str) -> Callable[..., Node]:
    def mode(
        node: Node, axis: int, pair: tuple[int, int], odd: bool, ends: Any, lengths: Any
    ) -> Node:
        size = node.shape[axis]
        sides: list[Node | None] = []
        for count, length, at_end in zip(pair, lengths, (False, True), strict=True):
            part = node
            if length is not None:
                number = _width(length)
                if not number:
                    raise ArgumentError("stat_length=0 leaves no elements", "give 1 or more")
                if not isinstance(size, int):
                    raise ShapeError(
                        f"axis {axis} has the named size {size}", "give it as a number"
                    )
                number = min(number, size)
                start = size - number if at_end else 0
                part = along(node, axis, start, start + number)
            sides.append(_spread(_statistic(name, part, axis), axis, count))
        return pieces(node, axis, [sides[0], node, sides[1]])

    return mode


def _statistic(name: str, node: Node, axis: int) -> Node:
    if name in ("max", "min"):
        return apply_named(name, node, axis=(axis,), keepdims=True)
    if not node.dtype.is_float:
        raise DTypeError(f"a {name} of {node.dtype.name} is not whole", "cast x to a float")
    if name == "mean":
        return apply_named("mean", node, axis=(axis,), keepdims=True)
    size = node.shape[axis]
    if not isinstance(size, int):
        raise ShapeError(f"axis {axis} has the named size {size}", "give it as a number")
    ordered = results_of(sort_op(node, axis=axis, descending=False))[0]
    low, high = (size - 1) // 2, size // 2
    middle = along(ordered, axis, low, low + 1)
    return middle if low == high else middle * 0.5 + along(ordered, axis, high, high + 1) * 0.5


_MODES: dict[str, Callable[..., Node]] = {
    "edge": _edge,
    "reflect": _mirrored(1),
    "symmetric": _mirrored(0),
    "wrap": _wrap,
    "linear_ramp": _ramp,
    "maximum": _by_statistic("max"),
    "minimum": _by_statistic("min"),
    "mean": _by_statistic("mean"),
    "median": _by_statistic("median"),
}
