"""Gathers and scatters by several index arrays, for NumPy and for arrays of mpmath numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.core.errors import IndexingError


def whole(indices: Any) -> Any:
    """Returns indices as 64-bit integers; what does not fit stays out of range."""
    array = np.asarray(indices)
    if array.dtype == np.uint64:
        return np.minimum(array, np.uint64(2**62)).astype(np.int64)
    return np.asarray(array, dtype=np.int64, order="C")


def key_of(ndim: int, indices: Sequence[Any], axes: Sequence[int]) -> tuple[Any, ...]:
    """Returns NumPy's index that has the arrays at their axes and everything elsewhere."""
    key: list[Any] = [slice(None)] * ndim
    for array, axis in zip(indices, axes, strict=True):
        key[axis] = whole(array)
    return tuple(key)


def gather_at(xp: Any, x: Any, indices: Sequence[Any], axes: Sequence[int]) -> Any:
    """Returns x at the arrays, all of which index one axis each."""
    try:
        return x[key_of(x.ndim, indices, axes)]
    except IndexError as error:
        raise IndexingError(f"a gather goes out of range: {error}") from None


def set_at(xp: Any, x: Any, updates: Any, indices: Sequence[Any], axes: Sequence[int]) -> Any:
    """Returns x with updates put at the arrays; of two at one place the last stays."""
    result = np.array(x)
    try:
        result[key_of(x.ndim, indices, axes)] = np.asarray(updates, order="C")
    except IndexError as error:
        raise IndexingError(f"a scatter goes out of range: {error}") from None
    return result


def add_at(xp: Any, x: Any, updates: Any, indices: Sequence[Any], axes: Sequence[int]) -> Any:
    """Returns x with updates added at the arrays."""
    return _joined_at(np.add, x, updates, key_of(x.ndim, indices, axes))


def extreme_at(
    xp: Any, x: Any, updates: Any, indices: Sequence[Any], axes: Sequence[int], larger: bool
) -> Any:
    """Returns x with the larger (or smaller) of it and the updates at the arrays."""
    key = key_of(x.ndim, indices, axes)
    return _joined_at(extreme_of(xp, x, larger), x, updates, key)


def extreme_of(xp: Any, x: Any, larger: bool) -> Any:
    """Returns the ufunc of the larger or smaller of two; NaN wins."""
    if np.asarray(x).dtype != object:
        return np.maximum if larger else np.minimum
    return np.frompyfunc(xp.scalars.max if larger else xp.scalars.min, 2, 1)


def _joined_at(join: Any, x: Any, updates: Any, key: tuple[Any, ...]) -> Any:
    result = np.array(x)
    try:
        join.at(result, key, updates)
    except IndexError as error:
        raise IndexingError(f"a scatter goes out of range: {error}") from None
    return result


def take_along(xp: Any, x: Any, indices: Any, axis: int) -> Any:
    """Returns the entries of x at indices of its own shape but for one axis."""
    try:
        return np.take_along_axis(x, whole(indices), axis)
    except IndexError as error:
        raise IndexingError(f"a gather goes out of range: {error}") from None


def add_along(xp: Any, updates: Any, indices: Any, axis: int, size: int) -> Any:
    """Returns zeros with each update added at its index along one axis."""
    shape = list(updates.shape)
    shape[axis] = size
    key = list(np.ogrid[tuple(slice(n) for n in updates.shape)])
    key[axis] = whole(indices)
    return _joined_at(np.add, zeros_for(xp, shape, updates), updates, tuple(key))


def zeros_for(xp: Any, shape: Sequence[int], like: Any) -> Any:
    """Returns zeros of the kind of numbers that an array holds."""
    if like.dtype != object:
        return np.zeros(shape, like.dtype)
    exact = like.size and isinstance(like.flat[0], (bool, int))
    result = np.empty(shape, dtype=object)
    result[...] = 0 if exact else xp.context.zero
    return result


def window(shape: Sequence[int], starts: Sequence[Any], sizes: Sequence[int]) -> tuple[slice, ...]:
    """Returns the slices of a window; a start counts from the end if negative, and is clamped."""
    found: list[slice] = []
    for length, start, size in zip(shape, starts, sizes, strict=True):
        first = int(start)
        first = min(max(first + length if first < 0 else first, 0), length - size)
        found.append(slice(first, first + size))
    return tuple(found)


def dynamic_slice(xp: Any, x: Any, starts: Sequence[Any], sizes: Sequence[int]) -> Any:
    """Returns the window of x that begins at the starts."""
    return x[window(x.shape, starts, sizes)]


def dynamic_update_slice(xp: Any, x: Any, update: Any, starts: Sequence[Any]) -> Any:
    """Returns x with a window replaced."""
    result = np.array(x)
    result[window(x.shape, starts, update.shape)] = update
    return result


def pad(xp: Any, x: Any, value: Any, pairs: Sequence[tuple[int, int]]) -> Any:
    """Returns x with so many values before and after along each axis."""
    shape = [low + n + high for n, (low, high) in zip(x.shape, pairs, strict=True)]
    result = np.empty(shape, x.dtype)
    result[...] = value
    result[tuple(slice(low, low + n) for n, (low, _) in zip(x.shape, pairs, strict=True))] = x
    return result
