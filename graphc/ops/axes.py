"""Axes as people write them, made plain."""

from __future__ import annotations

from typing import Any

from graphc.core.errors import AxisError, show_value
from graphc.core.type import Shape, Size, as_index


def normalize_axis(axis: Any, ndim: int) -> int:
    """Returns an axis counted from the front.

    Raises:
        AxisError: it is no integer or out of range.
    """
    index = as_index(axis)
    if index is None:
        raise AxisError(
            f"axis {show_value(axis)} is no integer", "give an integer, for example axis=0"
        )
    if not -ndim <= index < ndim:
        has = {0: "no axes", 1: "one axis, 0"}.get(ndim, f"axes 0 to {ndim - 1}")
        raise AxisError(
            f"axis {show_value(index)} is out of range: the value has {has}",
            "-1 is the last axis" if ndim else "leave the axis out",
        )
    return index % ndim


def normalize_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Returns the axes meant by None (all), one axis, or a sequence, sorted.

    Raises:
        AxisError: one is out of range, or there twice.
    """
    if axis is None:
        return tuple(range(ndim))
    given = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    axes = [normalize_axis(a, ndim) for a in given]
    if len(set(axes)) < len(axes):
        raise AxisError(f"axis {show_value(given)} names an axis twice", "name each axis once")
    return tuple(sorted(axes))


def require_axes(axes: Any, ndim: int) -> None:
    """Raises AxisError unless the axes are a tuple, each counted from the front, none twice.

    What people write is made plain before it becomes a parameter; a saved graph may hold anything.
    """
    plain = isinstance(axes, tuple) and all(type(a) is int and 0 <= a < ndim for a in axes)
    if not plain or len(set(axes)) < len(axes):
        raise AxisError(
            f"{show_value(axes)} are not axes of a value that has {ndim}", "name each axis once"
        )


def reduced_shape(shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Shape:
    """Returns the shape that reducing over the axes leaves."""
    if keepdims:
        return tuple(1 if i in axes else size for i, size in enumerate(shape))
    return tuple(size for i, size in enumerate(shape) if i not in axes)


def reduced_count(shape: Shape, axes: tuple[int, ...]) -> Size:
    """Returns how many elements each result of the reduction is made of."""
    count: Size = 1
    for axis in axes:
        count = count * shape[axis]
    return count
