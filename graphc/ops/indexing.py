"""Slicing, integer indexing (gather) and its transpose (scatter-add)."""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType
from typing import Any

import numpy as np

from graphc.core.calls import public, public_functions
from graphc.core.dim import Dim
from graphc.core.dtype import DEFAULT_INT
from graphc.core.errors import AxisError, DTypeError, IndexingError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node, make
from graphc.core.type import Shape, Size, TensorType, element_count, size_of
from graphc.ops.axes import normalize_axis, require_axes
from graphc.ops.chain import both, reshape, through
from graphc.ops.define import linear, require_numbers
from graphc.ops.source import size_node

#: For each axis None (all of it) or (start, stop, step), 0 <= start; a negative step counts down
#: from start and a stop of None then means past the front.
Bounds = tuple[tuple[Size, Size | None, int] | None, ...]


def _slice_length(bound: tuple[Size, Size | None, int]) -> Size:
    start, stop, step = bound
    fits = isinstance(start, (int, Dim)) and isinstance(stop, (int, Dim, type(None)))
    if not fits or type(step) is not int:
        raise IndexingError(f"{show_value(bound)} are no start, stop and step")
    if stop is not None and (isinstance(start, Dim) or isinstance(stop, Dim)):
        return stop - start
    assert not isinstance(start, Dim) and not isinstance(stop, Dim)  # no stop: it counts down
    return len(range(start, -1 if stop is None else stop, step))


def _slice_infer(x: TensorType, bounds: Bounds) -> TensorType:
    sizes = [s if b is None else _slice_length(b) for s, b in zip(x.shape, bounds, strict=True)]
    return TensorType(tuple(sizes), x.dtype)


def _slices(bounds: Bounds, shape: Sequence[int]) -> tuple[slice, ...]:
    """Returns Python's slices; with a named size only the call shows whether they fit.

    Raises:
        IndexingError: a bound is out of range of the size that the name now has.
    """
    for axis, (bound, size) in enumerate(zip(bounds, shape, strict=True)):
        if bound is None or bound[2] < 0:
            continue
        start, stop, _ = bound
        assert not isinstance(start, Dim) and not isinstance(stop, Dim)  # the call binds names
        if not 0 <= start <= (size if stop is None else stop) <= size:
            raise IndexingError(
                f"the slice {start}:{stop} is out of range: axis {axis} now has size {size}",
                "call with a larger size",
            )
    return tuple(slice(None) if b is None else slice(*b) for b in bounds)


slice_op = linear(
    "slice",
    group="indexing",
    infer=_slice_infer,
    run=lambda xp, x, bounds: x[_slices(bounds, x.shape)],
    transpose=lambda adjoint, node: through(
        adjoint,
        node.shape,
        lambda v: _slice_back(v, node.args[0].shape, node.params["bounds"]),
    ),
    latex="{0}[\\cdot]",
    flops=lambda node: 0,
    doc="Returns a part of x: for each axis start, stop and step.",
)


def _slice_back(value: Node, shape: Shape, bounds: Bounds) -> Node:
    return make(slice_transpose_op, (value,), {"bounds": bounds, "shape": shape})


def _slice_transpose_infer(x: TensorType, bounds: Bounds, shape: Shape) -> TensorType:
    made = TensorType(shape, x.dtype)
    if _slice_infer(made, bounds).shape != x.shape:
        raise ShapeError(f"{x} is not what the slice takes from {made}")
    return made


slice_transpose_op = linear(
    "slice_transpose",
    group="indexing",
    infer=_slice_transpose_infer,
    run=lambda xp, x, bounds, shape: xp.place(x, _slices(bounds, shape), shape),
    transpose=lambda adjoint, node: through(
        adjoint,
        node.shape,
        lambda v: make(slice_op, (v,), {"bounds": node.params["bounds"]}),
    ),
    latex=r"\operatorname{{place}}({0})",
    flops=lambda node: 0,
    doc="Returns zeros of a shape with x put where a slice would have taken it from.",
)


# -- gather and scatter-add ------------------------------------------------------------------------


def _gather_infer(x: TensorType, indices: TensorType, axis: int) -> TensorType:
    require_axes((axis,), len(x.shape))
    if not indices.dtype.is_integer:
        raise DTypeError(
            f"the indices are {indices}, not integers", "cast them: gx.cast(i, 'int32')"
        )
    return TensorType((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]), x.dtype)


def _gather_back(adjoint: Node, node: Node) -> Node:
    x, indices = node.args
    axis = node.params["axis"]
    return make(scatter_add_op, (adjoint, indices), {"axis": axis, "size": x.shape[axis]})


gather_op = linear(
    "gather",
    group="indexing",
    meet="none",
    infer=_gather_infer,
    run=lambda xp, x, indices, axis: xp.take(x, indices, axis),
    transpose=_gather_back,
    latex="{0}[{1}]",
    flops=lambda node: 0,
    doc="Returns the entries of x at integer indices along an axis; negative ones from the end.",
)


def _scatter_infer(x: TensorType, indices: TensorType, axis: int, size: Size) -> TensorType:
    require_axes((axis,), len(x.shape) - len(indices.shape) + 1)
    if not indices.dtype.is_integer:
        raise DTypeError(
            f"the indices are {indices}, not integers", "cast them: gx.cast(i, 'int32')"
        )
    require_numbers(x)
    n = len(indices.shape)
    if x.shape[axis : axis + n] != indices.shape:
        raise ShapeError(f"the updates {x} do not have the indices {indices} at axis {axis}")
    return TensorType((*x.shape[:axis], size, *x.shape[axis + n :]), x.dtype)


scatter_add_op = linear(
    "scatter_add",
    group="indexing",
    meet="none",
    infer=_scatter_infer,
    run=lambda xp, x, indices, axis, size: xp.scatter_add(x, indices, axis, size),
    transpose=lambda adjoint, node: make(
        gather_op, (adjoint, node.args[1]), {"axis": node.params["axis"]}
    ),
    latex=r"\operatorname{{scatter}}({0})",
    flops=lambda node: element_count(node.args[0].type.shape),
    # Up to every update may land in one place; a few roundings is the usual case.
    ulp=4.0,
    doc="Returns zeros with each update added at its index: the transpose of gather.",
)


@public
def take(x: Any, indices: Any, axis: int | None = None) -> Node:
    """Returns the entries of x at integer `indices` along `axis`, which a vector may leave out.

    Raises:
        IndexingError: a constant index is out of range. An index that is only known when the graph
            is called raises in the NumPy evaluator and gives NaN when compiled.
        AxisError: x is no vector and there is no axis (NumPy would flatten x).
    """
    node = as_node(x)
    if axis is None and node.ndim != 1:
        raise AxisError(f"take needs an axis: x has {node.ndim} axes", "give axis=0")
    at = normalize_axis(0 if axis is None else axis, node.ndim)
    where = _index_node(indices, node.shape[at], at)
    return gather_op(node, where, axis=at)


@public
def scatter_add(updates: Any, indices: Any, size: Any, axis: int = 0) -> Node:
    """Returns zeros of `size` along `axis` with each update added at its index.

    Raises:
        IndexingError: a constant index is out of range.
        ShapeError: the updates' shape does not hold that of the indices at `axis`.
    """
    node = as_node(updates)
    length = size_of(size)
    rest = node.ndim - as_node(indices).ndim
    if rest < 0:
        raise ShapeError(f"the updates {node.type} have fewer axes than the indices")
    at = normalize_axis(axis, rest + 1)
    return scatter_add_op(node, _index_node(indices, length, at), axis=at, size=length)


def _index_node(indices: Any, size: Size, axis: int) -> Node:
    """Returns indices as a node; constant ones checked, and 32-bit where the size allows.

    NumPy's indices are 64-bit, which would ask for JAX's 64-bit types in a float32 graph.
    """
    node = as_node(indices)
    _check_indices(node, size, axis)
    narrow = isinstance(size, int) and size <= 2**31
    if node.op.name == "constant" and node.type.dtype.is_integer and narrow:
        return as_node(node.params["value"].array.astype(np.int32))
    return node


def _check_indices(indices: Node, size: Size, axis: int) -> None:
    if indices.op.name != "constant" or not isinstance(size, int):
        return
    array = indices.params["value"].array
    if array.dtype.kind not in "ui":
        return
    wrong = array[(array < -size) | (array >= size)]
    if wrong.size:
        raise IndexingError(
            f"index {wrong.flat[0]} is out of range for axis {axis} of size {size}",
            f"use {-size} to {size - 1}",
        )


# -- x[...] ----------------------------------------------------------------------------------------


@public
def index(x: Any, key: Any) -> Node:
    """Returns x[key], with NumPy's meaning of integers, slices, `...`, None and integer arrays.

    Raises:
        IndexingError: too many indices, one out of range, or of a kind that can't index.
    """
    node = as_node(x)
    items = list(key) if isinstance(key, tuple) else [key]
    if any(_is_array(i) for i in items):
        return _index_arrays(node, items)
    return _index_basic(node, items)


public_functions["index"] = index


def _is_array(item: Any) -> bool:
    return isinstance(item, (Node, list, np.ndarray)) and not _is_plain_integer(item)


def _is_plain_integer(item: Any) -> bool:
    if isinstance(item, (bool, np.bool_)):
        return False
    return isinstance(item, (int, np.integer))


def _expand_ellipsis(node: Node, items: list[Any]) -> list[Any]:
    used = len([i for i in items if i is not None and not isinstance(i, EllipsisType)])
    dots = [p for p, i in enumerate(items) if isinstance(i, EllipsisType)]
    if len(dots) > 1:
        raise IndexingError("an index can have one ellipsis", "use one ...")
    if used > node.ndim:
        raise IndexingError(f"{used} indices for {node.ndim} axes", "leave some out")
    fill = [slice(None)] * (node.ndim - used)
    if dots:
        return [*items[: dots[0]], *fill, *items[dots[0] + 1 :]]
    return [*items, *fill]


def _index_basic(node: Node, items: list[Any]) -> Node:
    bounds: list[Any] = []
    shape: list[Size] = []
    axis = 0
    for item in _expand_ellipsis(node, items):
        if item is None:
            shape.append(1)
            continue
        size = node.shape[axis]
        if _is_plain_integer(item):
            start = _resolve_integer(int(item), size, axis)
            bounds.append((start, start + 1, 1))
        elif isinstance(item, slice):
            bound = _resolve_slice(item, size, axis)
            bounds.append(bound)
            shape.append(size if bound is None else _slice_length(bound))
        else:
            raise IndexingError(
                f"{item!r} can't index axis {axis}", "use integers, slices, ..., None or arrays"
            )
        axis += 1
    taken = node
    if any(b is not None for b in bounds):
        taken = make(slice_op, (node,), {"bounds": tuple(bounds)})
    return reshape(taken, tuple(shape))


def _resolve_integer(item: int, size: Size, axis: int) -> Size:
    if isinstance(size, int):
        if not -size <= item < size:
            raise IndexingError(
                f"index {item} is out of range for axis {axis} of size {size}",
                f"use {-size} to {size - 1}" if size else "the axis is empty",
            )
        return item % size
    return item if item >= 0 else size + item


def _resolve_slice(item: slice, size: Size, axis: int) -> Any:
    start, stop, step = item.start, item.stop, item.step
    for part in (start, stop, step):
        if part is not None and not _is_plain_integer(part) and not isinstance(part, Dim):
            raise IndexingError(
                f"slice bound {part!r} on axis {axis} is no integer", "slice with integers"
            )
    if step == 0:
        raise IndexingError(f"the slice step on axis {axis} is 0", "use 1, or -1 to reverse")
    if isinstance(size, Dim) or isinstance(start, Dim) or isinstance(stop, Dim):
        if step not in (None, 1):
            raise IndexingError(
                f"a step of {step} on axis {axis} of the named size {size} is not supported",
                "give the size as a number",
            )
        first = 0 if start is None else _from_end(start, size)
        last = size if stop is None else _from_end(stop, size)
        return None if first == 0 and last == size else (first, last, 1)
    first, last, stride = item.indices(size)
    if (first, last, stride) == (0, size, 1):
        return None
    if not range(first, last, stride):
        return (0, 0, 1)
    return (first, None if last < 0 else last, stride)


def _from_end(bound: Size, size: Size) -> Size:
    return size + bound if isinstance(bound, int) and bound < 0 else bound


def _index_arrays(node: Node, items: list[Any]) -> Node:
    """Arrays on neighbouring axes: the axes are merged and the arrays become one flat index."""
    items = _expand_ellipsis(node, items)
    if any(i is None for i in items):
        raise IndexingError("None beside integer arrays is not supported", "index in two steps")
    first = min(p for p, i in enumerate(items) if not isinstance(i, slice))
    last = max(p for p, i in enumerate(items) if not isinstance(i, slice))
    chosen = items[first : last + 1]
    if any(isinstance(i, slice) for i in chosen):
        raise IndexingError("integer arrays on axes apart are not supported", "transpose first")
    arrays = [_index_array(i, node.shape[first + p], first + p) for p, i in enumerate(chosen)]
    basic = [i if isinstance(i, slice) else slice(None) for i in items]
    node = _index_basic(node, basic)
    sizes = node.shape[first : last + 1]
    flat = arrays[0]
    for array, size in zip(arrays[1:], sizes[1:], strict=True):
        flat = flat * size_node(size, array.type.dtype) + array
    count = element_count(sizes)
    if len(arrays) > 1:
        flat = _outside_if_any_is(flat, arrays, sizes, count)
    merged = reshape(node, (*node.shape[:first], count, *node.shape[last + 1 :]))
    return gather_op(merged, flat, axis=first)


def _outside_if_any_is(
    flat: Node, arrays: Sequence[Node], sizes: Sequence[Size], count: Size
) -> Node:
    """Returns the flat index, past the end where an index leaves its own axis.

    A column that does not exist would else be an element of the next row.
    """
    inside: Node | None = None
    for array, size in zip(arrays, sizes, strict=True):
        if array.op.name == "constant" and isinstance(size, int):
            continue  # it was checked when it was given
        within = both(array >= 0, array < size_node(size, array.type.dtype))
        inside = both(inside, within)
    if inside is None:
        return flat
    return apply_named("where", inside, flat, size_node(count, flat.type.dtype))


def _index_array(item: Any, size: Size, axis: int) -> Node:
    array = _index_node(item, size, axis)
    if array.type.dtype.kind == "b":
        raise IndexingError(
            f"a boolean array on axis {axis} selects a number of elements known only when called",
            "use gx.where(mask, x, 0)",
        )
    if not array.type.dtype.is_integer:
        raise IndexingError(
            f"the index on axis {axis} is {array.type}, not integer",
            "cast it: gx.cast(i, 'int32'), or choose with gx.where",
        )
    if array.op.name == "constant" and isinstance(size, int):
        values = array.params["value"].array
        return as_node(np.where(values < 0, values + size, values).astype(values.dtype))
    if array.type.dtype.bits < 32:  # uint8 can't hold the size of the axis it indexes
        array = apply_named("cast", array, dtype=DEFAULT_INT)
    if array.type.dtype.kind == "u":
        return array
    # Several axes become one flat index, so a negative index must be counted from the front first.
    return apply_named("where", array < 0, array + size_node(size, array.type.dtype), array)
