"""`x.at[...]`: an array with some of its elements set, added to, or replaced by an extreme."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.core.calls import guarded, public_functions
from graphc.core.dtype import DEFAULT_INT
from graphc.core.errors import DTypeError, IndexingError, ShapeError
from graphc.core.node import Node, apply_named, as_node, make, scalar
from graphc.core.op import Op
from graphc.core.type import Shape, Size, broadcast_shapes, show_shape
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.extremes import maximum, minimum
from graphc.ops.indexing import Bound, slice_length
from graphc.ops.logic import where
from graphc.ops.source import iota_op, size_node
from graphc.ops.tensor.dynamic import dynamic_update_slice_op
from graphc.ops.tensor.index import Item, index, index_shape, numpy_place, parse
from graphc.ops.tensor.places import (
    index_add,
    index_gather,
    index_max,
    index_min,
    index_set,
    place_of,
    repeats_no_place,
)


class At:
    """What `x.at` is: `x.at[key]` names some elements of x; see `Elements`."""

    __slots__ = ("_x",)

    def __init__(self, x: Node) -> None:
        self._x = x

    def __getitem__(self, key: Any) -> Elements:
        return Elements(self._x, key)

    def __repr__(self) -> str:
        return f"{self._x!r}.at"


@dataclass(frozen=True, slots=True, eq=False)
class Elements:
    """Some elements of an array, `x.at[key]`; each method returns the whole array, changed.

    The key may be all that can index: integers, slices, `...`, None, integer arrays (graph values
    too), boolean arrays. A boolean array that is a graph value needs a value that fits every
    element alike. The value broadcasts to the shape of x[key] and takes x's dtype.

    An index out of range that only a call knows is an error in the NumPy evaluator and in
    `gx.debug`; compiled code leaves that update out.
    """

    x: Node
    key: Any

    def get(self) -> Node:
        """Returns x[key]."""
        return _called("at.get", self, lambda: index(self.x, self.key))

    def set(self, value: Any) -> Node:
        """Returns x with these elements replaced; of several values at one place the last stays."""
        return _called("at.set", self, lambda: _changed(self, value, index_set, _second), value)

    def add(self, value: Any) -> Node:
        """Returns x with the value added; all of several at one place."""
        return _called("at.add", self, lambda: _changed(self, value, index_add, _sum), value)

    def subtract(self, value: Any) -> Node:
        """Returns x with the value taken away; all of several at one place."""
        return _called(
            "at.subtract",
            self,
            lambda: _changed(self, -_value(self, value), index_add, _sum),
            value,
        )

    def max(self, value: Any) -> Node:
        """Returns x with the larger of it and the value; ties share the slope. NaN wins."""
        return _called("at.max", self, lambda: _changed(self, value, index_max, maximum), value)

    def min(self, value: Any) -> Node:
        """Returns x with the smaller of it and the value; ties share the slope. NaN wins."""
        return _called("at.min", self, lambda: _changed(self, value, index_min, minimum), value)

    def multiply(self, value: Any) -> Node:
        """Returns x with these elements multiplied, each of which the key may name once only.

        Raises:
            IndexingError: the key names an element twice, or may do so when called.
        """
        return _called("at.multiply", self, lambda: _multiplied(self, value), value)


def _called(name: str, elements: Elements, work: Callable[[], Node], *value: Any) -> Node:
    """Runs a method; its errors name the call, the array and the key."""
    run = guarded(name)(lambda x, key, *value: work())
    return run(elements.x, elements.key, *value)


public_functions["at"] = At


def _second(x: Node, value: Node) -> Node:
    return value


def _sum(x: Node, value: Node) -> Node:
    return x + value


def _value(elements: Elements, value: Any) -> Node:
    """Returns the value in the array's dtype.

    Raises:
        DTypeError: that would lose what it is: a float put into integers.
    """
    dtype = elements.x.dtype
    if isinstance(value, (bool, int, float)) and not hasattr(value, "dtype"):
        return scalar(value, dtype)
    node = as_node(value)
    ranks = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
    if ranks[node.dtype.kind] > ranks[dtype.kind]:
        raise DTypeError(
            f"the value is {node.type} and the array {elements.x.type}",
            f"cast it: gx.cast(value, {dtype.name!r})",
        )
    return node if node.dtype is dtype else apply_named("cast", node, dtype=dtype)


def _changed(elements: Elements, given: Any, op: Op, join: Callable[[Node, Node], Node]) -> Node:
    x, value = elements.x, _value(elements, given)
    masked = _mask_of(elements)
    if masked is not None:
        return _where(x, masked, join(x, _fitting(x, masked, value)))
    items = parse(x, elements.key)
    if not any(i.kind == "array" for i in items) and _is_window(items):
        return _window(elements, items, value, join)
    return _scattered(x, items, value, op)


# -- a boolean array that only a call knows -------------------------------------------------------


def _mask_of(elements: Elements) -> Node | None:
    """Returns the key where it is a boolean graph value whose elements only a call knows."""
    key = elements.key[0] if _is_single(elements.key) else elements.key
    if not isinstance(key, Node) or key.dtype.kind != "b" or key.op.name == "constant":
        return None
    if key.shape != elements.x.shape[: key.ndim] or not key.ndim:
        raise IndexingError(
            f"the boolean array is {key.type} and the array {elements.x.type}",
            "give it the size of each leading axis",
        )
    return key


def _is_single(key: Any) -> bool:
    return isinstance(key, tuple) and len(key) == 1


def _fitting(x: Node, mask: Node, value: Node) -> Node:
    rest = x.shape[mask.ndim :]
    if not _broadcasts(value.shape, rest):
        raise ShapeError(
            f"the value is {value.type}, and how many elements the boolean array names is known "
            "only when called",
            f"give one value for all of them, or gx.where(mask, ..., x) with {x.type}",
        )
    return value


def _where(x: Node, mask: Node, changed: Node) -> Node:
    mask = reshape(mask, (*mask.shape, *[1] * (x.ndim - mask.ndim)))
    return broadcast_to(where(mask, changed, x), x.shape)


# -- a window: integers, slices of step 1 ----------------------------------------------------------


def _is_window(items: Sequence[Item]) -> bool:
    return all(i.kind != "slice" or i.value is None or i.value[2] == 1 for i in items)


def _window(
    elements: Elements, items: Sequence[Item], value: Node, join: Callable[[Node, Node], Node]
) -> Node:
    """Returns the array with one window of it changed, which XLA does in place."""
    x = elements.x
    old = index(x, elements.key)
    value = _broadcast(value, old.shape)
    if old.shape == x.shape and all(i.value is None for i in items if i.axes):
        return join(x, value)
    starts: list[Size] = []
    shape: list[Size] = []
    for item in items:
        if not item.axes:
            continue
        size = x.shape[len(starts)]
        if item.kind == "at":
            starts.append(item.value)
            shape.append(1)
        else:
            starts.append(0 if item.value is None else item.value[0])
            shape.append(size if item.value is None else slice_length(item.value))
    changed = reshape(broadcast_to(join(old, value), old.shape), tuple(shape))
    places = [size_node(s, DEFAULT_INT) for s in starts]
    return make(dynamic_update_slice_op, (x, changed, *places), {})


def _broadcasts(shape: Shape, target: Shape) -> bool:
    """Tells whether an array of a shape broadcasts to another."""
    try:
        return broadcast_shapes(shape, target) == target
    except ShapeError:
        return False


def _broadcast(value: Node, shape: Shape) -> Node:
    # NumPy drops leading axes of size 1 that the place does not have.
    while value.ndim > len(shape) and value.shape[0] == 1:
        value = reshape(value, value.shape[1:])
    if not _broadcasts(value.shape, shape):
        raise ShapeError(
            f"the value is {value.type} and the place {show_shape(shape) or 'a scalar'}",
            "give a value that broadcasts to the shape of x[...]",
        )
    return broadcast_to(value, shape)


# -- arrays, with integers and slices among them ---------------------------------------------------


def _scattered(x: Node, items: Sequence[Item], value: Node, op: Op) -> Node:
    """Returns the scatter; integers and slices of a part of an axis become index arrays too."""
    axes, indices, labels, sizes = _laid_out(x, items)
    value = _broadcast(value, tuple(sizes[label] for label in labels))
    labels = [label for label in labels if label[0] != "new"]
    value = reshape(value, tuple(sizes[label] for label in labels))
    whole = [label for label in labels if label[0] == "whole"]
    moving = sorted([label for label in labels if label[0] != "whole"])  # arrays, then parts
    place = place_of(axes)
    order = [labels.index(label) for label in (*whole[:place], *moving, *whole[place:])]
    if order != sorted(order):
        value = apply_named("transpose", value, axes=tuple(order))
    return make(op, (x, value, *indices), {"axes": tuple(axes)})


#: What an axis of x[...] is: `array` k, `new` k, `part` k or `whole`, the k-th or that of axis k.
_Label = tuple[str, int]


def _laid_out(
    x: Node, items: Sequence[Item]
) -> tuple[list[int], list[Node], list[_Label], dict[_Label, Size]]:
    """Returns which axes are indexed by what, the axes of x[...] in NumPy's order, their sizes.

    The index arrays broadcast together: the axes of those people gave stand before those of the
    slices of a part of an axis, one axis each.
    """
    given = [i.value for i in items if i.kind == "array"]
    shape = index_shape(given) if given else ()
    count = len([i for i in items if i.kind == "slice" and i.value is not None])
    axes: list[int] = []
    indices: list[Node] = []
    labels: list[_Label] = []
    sizes: dict[_Label, Size] = {("array", k): size for k, size in enumerate(shape)}
    axis = part = 0
    for item in items:
        if item.kind == "new":
            labels.append(("new", len(labels)))
            sizes[labels[-1]] = 1
        elif item.kind == "slice" and item.value is None:
            labels.append(("whole", axis))
            sizes[labels[-1]] = x.shape[axis]
        elif item.kind == "slice":
            labels.append(("part", part))
            sizes[labels[-1]] = slice_length(item.value)
            part += 1
            column = (sizes[labels[-1]], *[1] * (count - part))
            indices.append(reshape(_steps(item.value), column))
        elif item.kind == "at":
            indices.append(size_node(item.value, DEFAULT_INT))
        elif item.kind == "array":
            indices.append(reshape(item.value, (*item.value.shape, *[1] * count)))
        if item.axes and not (item.kind == "slice" and item.value is None):
            axes.append(axis)
        axis += item.axes
    place = numpy_place(items) if given else 0
    arrays: list[_Label] = [("array", k) for k in range(len(shape))]
    return axes, indices, [*labels[:place], *arrays, *labels[place:]], sizes


def _steps(bound: Bound) -> Node:
    """Returns the places a slice takes."""
    start, _, step = bound
    length = slice_length(bound)
    if isinstance(length, int) and isinstance(start, int) and length <= 64:
        return as_node(np.arange(length, dtype=np.int32) * step + start)
    return iota_op(size=length, dtype=DEFAULT_INT) * step + size_node(start, DEFAULT_INT)


def _multiplied(elements: Elements, given: Any) -> Node:
    x = elements.x
    made = _changed(elements, given, index_set, lambda old, new: old * new)
    if made.op is not index_set:
        return made
    if not repeats_no_place(made):
        raise IndexingError(
            "an element may be named twice, and a product of all its factors has no rule here",
            "use indices that are known and differ, or gx.exp(gx.log(x).at[...].add(gx.log(v)))",
        )
    return index_set(x, _multiplied_part(made), *made.args[2:], axes=made.params["axes"])


def _multiplied_part(made: Node) -> Node:
    old = make(index_gather, (made.args[0], *made.args[2:]), made.params)
    return old * made.args[1]
