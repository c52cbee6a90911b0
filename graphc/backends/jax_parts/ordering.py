"""Sorting, searching and the places of extremes, as XLA has them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax


def sort(xp: Any, x: Any, axis: int, descending: bool) -> tuple[Any, Any]:
    """Returns x sorted along an axis, and the order that sorts it.

    One sort gives both; XLA drops the order where nobody reads it. Downwards the key is turned
    around, and not the result, so that equal elements stay as they stand.
    """
    places = lax.broadcasted_iota(jnp.int32, x.shape, axis)
    exact = not jnp.issubdtype(x.dtype, jnp.inexact)
    key = x if not descending else jnp.bitwise_not(x) if exact else -x
    key, order = lax.sort((key, places), dimension=axis, is_stable=True, num_keys=1)
    values = key if not descending else jnp.bitwise_not(key) if exact else -key
    return values, order


def top_k(xp: Any, x: Any, k: int) -> tuple[Any, Any]:
    """Returns the k largest along the last axis, largest first, and where they stand."""
    if x.dtype == jnp.bool_:
        values, order = lax.top_k(x.astype(jnp.uint8), k)
        return values.astype(jnp.bool_), order
    if jnp.issubdtype(x.dtype, jnp.inexact):
        # To XLA a NaN whose sign bit is set is the smallest of all.
        x = jnp.where(jnp.isnan(x), jnp.full_like(x, jnp.nan), x)
    values, order = lax.top_k(x, k)
    return values, order


def arg_extreme(xp: Any, x: Any, axis: int, keepdims: bool, larger: bool) -> Any:
    """Returns where the extreme first stands along an axis; a NaN is the extreme."""
    find = jnp.argmax if larger else jnp.argmin
    return find(x, axis=axis, keepdims=keepdims)


def searchsorted(xp: Any, x: Any, values: Any, side: str) -> Any:
    """Returns where each value would stand in the sorted vector x."""
    return jnp.searchsorted(x, values, side=side)


def any_of(xp: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Returns whether any of the booleans holds."""
    return jnp.any(x, axis=axis, keepdims=keepdims)


def all_of(xp: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Returns whether all of the booleans hold."""
    return jnp.all(x, axis=axis, keepdims=keepdims)
