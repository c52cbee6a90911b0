"""Slicing, integer indexing (gather) and its transpose (scatter-add)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.core.calls import public
from graphc.core.dim import Dim
from graphc.core.errors import AxisError, DTypeError, IndexingError, ShapeError, show_value
from graphc.core.node import Node, as_node, make
from graphc.core.type import Shape, Size, TensorType, element_count, size_of, tensor_type
from graphc.ops.axes import normalize_axis, require_axes
from graphc.ops.chain import through
from graphc.ops.define import linear, require_numbers

#: For each axis None (all of it) or (start, stop, step), 0 <= start; a negative step counts down
#: from start and a stop of None then means past the front.
Bound = tuple[Size, Size | None, int]
Bounds = tuple[Bound | None, ...]


def slice_length(bound: Bound) -> Size:
    """Returns how many elements a slice takes."""
    start, stop, step = bound
    fits = isinstance(start, (int, Dim)) and isinstance(stop, (int, Dim, type(None)))
    if not fits or type(step) is not int:
        raise IndexingError(f"{show_value(bound)} are no start, stop and step")
    if stop is not None and (isinstance(start, Dim) or isinstance(stop, Dim)):
        return stop - start
    if isinstance(start, Dim) and step == -1:
        return start + 1
    if isinstance(start, Dim) or isinstance(stop, Dim):
        raise IndexingError(f"a step of {step} from the named {start} has no known length")
    # len(range(...)) would raise for lengths of 2**63 and more.
    span = (-1 if stop is None else stop) - start
    return max(-(-span // step), 0)


def _slice_infer(x: TensorType, bounds: Bounds) -> TensorType:
    sizes = [s if b is None else slice_length(b) for s, b in zip(x.shape, bounds, strict=True)]
    return tensor_type(tuple(sizes), x.dtype)


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
    made = tensor_type(shape, x.dtype)
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
    where = checked_indices(indices, node.shape[at], at)
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
    return scatter_add_op(node, checked_indices(indices, length, at), axis=at, size=length)


def checked_indices(indices: Any, size: Size, axis: int) -> Node:
    """Returns indices as a node; constant ones checked, and 32-bit where the size allows.

    NumPy's indices are 64-bit, which would ask for JAX's 64-bit types in a float32 graph.

    Raises:
        IndexingError: a constant index is out of range.
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
