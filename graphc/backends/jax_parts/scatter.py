"""Gathers and scatters by several index arrays, as XLA has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


def _key(ndim: int, indices: Sequence[Any], axes: Sequence[int]) -> tuple[Any, ...]:
    key: list[Any] = [slice(None)] * ndim
    for array, axis in zip(indices, axes, strict=True):
        key[axis] = array
    return tuple(key)


def gather_at(xp: Any, x: Any, indices: Sequence[Any], axes: Sequence[int]) -> Any:
    """Returns x at the arrays; NaN, or what JAX fills integers with, out of range."""
    return x.at[_key(x.ndim, indices, axes)].get(mode="fill")


def set_at(xp: Any, x: Any, updates: Any, indices: Sequence[Any], axes: Sequence[int]) -> Any:
    """Returns x with updates put at the arrays."""
    return x.at[_key(x.ndim, indices, axes)].set(updates)


def add_at(xp: Any, x: Any, updates: Any, indices: Sequence[Any], axes: Sequence[int]) -> Any:
    """Returns x with updates added at the arrays."""
    return x.at[_key(x.ndim, indices, axes)].add(updates)


def extreme_at(
    xp: Any, x: Any, updates: Any, indices: Sequence[Any], axes: Sequence[int], larger: bool
) -> Any:
    """Returns x with the larger (or smaller) of it and the updates at the arrays."""
    place = x.at[_key(x.ndim, indices, axes)]
    return place.max(updates) if larger else place.min(updates)


def take_along(xp: Any, x: Any, indices: Any, axis: int) -> Any:
    """Returns the entries of x at indices of its own shape but for one axis."""
    return jnp.take_along_axis(x, indices, axis, mode="fill")


def add_along(xp: Any, updates: Any, indices: Any, axis: int, size: int) -> Any:
    """Returns zeros with each update added at its index: JAX's own transpose of `take_along`."""
    shape = list(updates.shape)
    shape[axis] = size
    if not jnp.issubdtype(updates.dtype, jnp.inexact):  # JAX transposes nothing of integers
        key = list(jnp.ogrid[tuple(slice(n) for n in updates.shape)])
        key[axis] = indices
        return jnp.zeros(shape, updates.dtype).at[tuple(key)].add(updates)
    whole = jax.ShapeDtypeStruct(tuple(shape), updates.dtype)
    back = jax.linear_transpose(lambda x: take_along(xp, x, indices, axis), whole)
    return back(updates)[0]


def dynamic_slice(xp: Any, x: Any, starts: Sequence[Any], sizes: Sequence[int]) -> Any:
    """Returns the window of x that begins at the starts."""
    return lax.dynamic_slice(x, starts, sizes)


def dynamic_update_slice(xp: Any, x: Any, update: Any, starts: Sequence[Any]) -> Any:
    """Returns x with a window replaced."""
    return lax.dynamic_update_slice(x, update, starts)


def pad(xp: Any, x: Any, value: Any, pairs: Sequence[tuple[int, int]]) -> Any:
    """Returns x with so many values before and after along each axis."""
    return lax.pad(x, value, [(low, high, 0) for low, high in pairs])
