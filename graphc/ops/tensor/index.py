"""x[...]: NumPy's meaning of integers, slices, `...`, None, integer and boolean arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any

import numpy as np

from graphc.core.calls import public, public_functions
from graphc.core.dim import Dim
from graphc.core.dtype import DEFAULT_INT
from graphc.core.errors import IndexingError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node, make
from graphc.core.type import Shape, Size, broadcast_shapes, show_shape
from graphc.ops.chain import reshape
from graphc.ops.indexing import Bound, checked_indices, gather_op, slice_length, slice_op
from graphc.ops.tensor.places import as_indices, index_gather, place_of


@dataclass(frozen=True, slots=True)
class Item:
    """One part of an index, made plain.

    Attributes:
        kind: `new` (None), `at` (an integer), `slice`, `array`, or `dots` (an ellipsis, after the
            whole axes that it stands for).
        value: the integer, the bound of a slice (None for all of the axis), or the index array.
    """

    kind: str
    value: Any = None

    @property
    def axes(self) -> int:
        """How many axes of the array it takes."""
        return 0 if self.kind in ("new", "dots") else 1


@public
def index(x: Any, key: Any) -> Node:
    """Returns x[key], with NumPy's meaning of integers, slices, `...`, None and arrays.

    Boolean arrays must be known when the graph is built, so that the result's size is.

    Raises:
        IndexingError: too many indices, one out of range, or of a kind that can't index.
    """
    node = as_node(x)
    items = parse(node, key)
    if not any(i.kind == "array" for i in items):
        return _basic(node, items)
    return _with_arrays(node, items)


public_functions["index"] = index


# -- what an index means ---------------------------------------------------------------------------


def parse(node: Node, key: Any) -> list[Item]:
    """Returns the parts of an index, an ellipsis and missing axes filled in.

    Raises:
        IndexingError: as `index` says.
    """
    given = _masks_resolved(node, list(key) if isinstance(key, tuple) else [key])
    items: list[Item] = []
    axis = 0
    for part in given:
        if part is None:
            items.append(Item("new"))
            continue
        if isinstance(part, EllipsisType):
            used = len([p for p in given if p is not None and not isinstance(p, EllipsisType)])
            items += [Item("slice")] * (node.ndim - used)
            items.append(Item("dots"))
            axis += node.ndim - used
            continue
        items.append(_item(part, node.shape[axis], axis))
        axis += 1
    return [*items, *[Item("slice")] * (node.ndim - axis)]


def _masks_resolved(node: Node, given: list[Any]) -> list[Any]:
    """Returns the parts with every boolean array as the integer arrays that it stands for."""
    dots = [p for p in given if isinstance(p, EllipsisType)]
    if len(dots) > 1:
        raise IndexingError("an index can have one ellipsis", "use one ...")
    parts = [as_indices(p) if _is_array(p) else p for p in given]
    widths = [_width(p) for p in parts]
    used = sum(widths)
    if used > node.ndim:
        raise IndexingError(f"{used} indices for {node.ndim} axes", "leave some out")
    found: list[Any] = []
    axis = 0
    for part, width in zip(parts, widths, strict=True):
        if isinstance(part, EllipsisType):
            axis += node.ndim - used
        if isinstance(part, Node) and part.dtype.kind == "b":
            found += _chosen(part, node.shape[axis : axis + width], axis)
        else:
            found.append(part)
        axis += width
    return found


def _width(part: Any) -> int:
    if part is None or isinstance(part, EllipsisType):
        return 0
    return part.ndim if isinstance(part, Node) and part.dtype.kind == "b" else 1


def _chosen(mask: Node, shape: Shape, axis: int) -> list[Node]:
    """Returns for each axis of a boolean array where it is True."""
    if mask.op.name != "constant":
        raise IndexingError(
            f"a boolean array on axis {axis} selects a number of elements known only when called",
            "use gx.where(mask, x, 0), or gx.nonzero(mask, size=...)",
        )
    array = mask.params["value"].array
    if not array.ndim:
        raise IndexingError(f"{array} can't index axis {axis}", "use x[None] for a new axis")
    if array.shape != shape:
        raise IndexingError(
            f"a boolean array of shape {show_shape(array.shape)} does not fit the axes "
            f"{show_shape(shape) or '(none)'} from axis {axis} on",
            "give it the size of each axis",
        )
    return [as_node(part.astype(np.int32)) for part in np.nonzero(array)]


def _is_array(item: Any) -> bool:
    return isinstance(item, (Node, list, np.ndarray)) and not _is_integer(item)


def _is_integer(item: Any) -> bool:
    if isinstance(item, (bool, np.bool_)):
        return False
    return isinstance(item, (int, np.integer))


def _item(part: Any, size: Size, axis: int) -> Item:
    if _is_integer(part):
        return Item("at", _resolve_integer(int(part), size, axis))
    if isinstance(part, slice):
        return Item("slice", _resolve_slice(part, size, axis))
    if isinstance(part, Node):
        return Item("array", index_array(part, size, axis))
    raise IndexingError(
        f"{show_value(part)} can't index axis {axis}", "use integers, slices, ..., None or arrays"
    )


def _resolve_integer(item: int, size: Size, axis: int) -> Size:
    if isinstance(size, int):
        if not -size <= item < size:
            raise IndexingError(
                f"index {item} is out of range for axis {axis} of size {size}",
                f"use {-size} to {size - 1}" if size else "the axis is empty",
            )
        return item % size
    return item if item >= 0 else size + item


def _resolve_slice(item: slice, size: Size, axis: int) -> Bound | None:
    start, stop, step = item.start, item.stop, item.step
    for part in (start, stop, step):
        if part is not None and not _is_integer(part) and not isinstance(part, Dim):
            raise IndexingError(
                f"slice bound {show_value(part)} on axis {axis} is no integer",
                "slice with integers; where the start is a graph value use gx.dynamic_slice",
            )
    if isinstance(step, (int, np.integer)) and step == 0:
        raise IndexingError(f"the slice step on axis {axis} is 0", "use 1, or -1 to reverse")
    if isinstance(size, Dim) or isinstance(start, Dim) or isinstance(stop, Dim):
        if start is None and stop is None and step == -1:
            return (size - 1, None, -1)
        if isinstance(step, Dim) or step not in (None, 1):
            raise IndexingError(
                f"a step of {step} on axis {axis} of the named size {size} is not supported",
                "give the size as a number",
            )
        first = 0 if start is None else _from_end(start, size)
        last = size if stop is None else _from_end(stop, size)
        return None if first == 0 and last == size else (first, last, 1)
    if isinstance(step, Dim):
        raise IndexingError(
            f"the slice step {step} on axis {axis} is named", "give the step as a number"
        )
    first, last, stride = item.indices(size)
    if (first, last, stride) == (0, size, 1):
        return None
    if not range(first, last, stride):
        return (0, 0, 1)
    return (first, None if last < 0 else last, stride)


def _from_end(bound: Size, size: Size) -> Size:
    return size + bound if isinstance(bound, int) and bound < 0 else bound


def index_array(array: Node, size: Size, axis: int) -> Node:
    """Returns an index array as a node of at least 32 bits; a constant one checked."""
    array = checked_indices(array, size, axis)
    if not array.type.dtype.is_integer:
        raise IndexingError(
            f"the index on axis {axis} is {array.type}, not integer",
            "cast it: gx.cast(i, 'int32'), or choose with gx.where",
        )
    if array.type.dtype.bits < 32:  # uint8 can't hold the size of the axis it indexes
        array = apply_named("cast", array, dtype=DEFAULT_INT)
    return array


# -- reading ---------------------------------------------------------------------------------------


def _basic(node: Node, items: Sequence[Item]) -> Node:
    """Returns what integers, slices and new axes take; an array takes all of its axis."""
    bounds: list[Any] = []
    shape: list[Size] = []
    for item in items:
        size = node.shape[len(bounds)] if item.axes else 1
        if item.kind == "at":
            bounds.append((item.value, item.value + 1, 1))
        elif item.kind == "slice":
            bounds.append(item.value)
            shape.append(size if item.value is None else slice_length(item.value))
        elif item.kind == "array":
            bounds.append(None)
            shape.append(size)
        elif item.kind == "new":
            shape.append(1)
    taken = node
    if any(b is not None for b in bounds):
        taken = make(slice_op, (node,), {"bounds": tuple(bounds)})
    return reshape(taken, tuple(shape))


def _with_arrays(node: Node, items: Sequence[Item]) -> Node:
    """Integers and slices first, then all arrays at once."""
    taken = _basic(node, items)
    kept = [i for i in items if i.kind not in ("at", "dots")]
    axes = tuple(p for p, i in enumerate(kept) if i.kind == "array")
    arrays = [i.value for i in kept if i.kind == "array"]
    shape = index_shape(arrays)
    if len(axes) == 1:
        found, place = make(gather_op, (taken, arrays[0]), {"axis": axes[0]}), axes[0]
    else:
        found, place = make(index_gather, (taken, *arrays), {"axes": axes}), place_of(axes)
    return _moved(found, place, numpy_place(items), len(shape))


def index_shape(arrays: Sequence[Node]) -> Shape:
    """Returns the shape index arrays have together.

    Raises:
        IndexingError: they do not broadcast.
    """
    try:
        return broadcast_shapes(*[a.shape for a in arrays])
    except ShapeError as error:
        raise IndexingError(f"of the index arrays {error.rule}", error.mend) from None


def numpy_place(items: Sequence[Item]) -> int:
    """Returns where the axes of the index arrays go: in their own place if no slice parts them.

    Beside an array an integer counts as one; an ellipsis parts even where it stands for no axis.
    """
    spots = [p for p, i in enumerate(items) if i.kind in ("array", "at")]
    if spots[-1] - spots[0] + 1 > len(spots):
        return 0
    return len([i for i in items[: spots[0]] if i.kind in ("slice", "new")])


def _moved(node: Node, source: int, target: int, count: int) -> Node:
    """Returns the node with `count` axes from `source` on moved to begin at `target`."""
    if source == target or not count:
        return node
    block = list(range(source, source + count))
    rest = [a for a in range(node.ndim) if a not in block]
    return apply_named("transpose", node, axes=(*rest[:target], *block, *rest[target:]))
