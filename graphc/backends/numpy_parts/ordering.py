"""Sorting, searching and the places of extremes, for NumPy and for arrays of mpmath numbers."""

from __future__ import annotations

from typing import Any

import numpy as np


def _is_nan(x: Any) -> Any:
    return np.asarray(x != x).astype(bool)


def descending_key(x: Any) -> Any:
    """Returns what sorts up as x sorts down; ties and NaN stay as they are."""
    if x.dtype.kind in "biu":
        return ~x
    return -x


def stable_order(x: Any, axis: int) -> Any:
    """Returns the order that sorts x along an axis: equal ones as they stand, NaN last."""
    if x.dtype == object:
        return np.lexsort((_ranks(x), _is_nan(x)), axis=axis)
    return np.argsort(x, axis=axis, kind="stable")


def _ranks(x: Any) -> Any:
    """Returns for each object its place among all: what NumPy can sort."""
    flat = x.ravel()
    usable = [i for i in range(flat.size) if flat[i] == flat[i]]
    ranks = np.zeros(flat.size, np.int64)
    rank, before = 0, None
    for i in sorted(usable, key=lambda i: flat[i]):
        if before is not None and flat[i] != before:
            rank += 1
        before, ranks[i] = flat[i], rank
    return ranks.reshape(x.shape)


def sort(xp: Any, x: Any, axis: int, descending: bool) -> tuple[Any, Any]:
    """Returns x sorted along an axis, and the order that sorts it."""
    if x.dtype == object:
        ranks = _ranks(x)
        order = np.lexsort((-ranks if descending else ranks, _is_nan(x)), axis=axis)
    else:
        order = stable_order(descending_key(x) if descending else x, axis)
    return np.take_along_axis(x, order, axis), order


def top_k(xp: Any, x: Any, k: int) -> tuple[Any, Any]:
    """Returns the k largest along the last axis, largest first, and where they stand.

    NaN counts as the largest, as for `max`; of equal ones the first comes first, but 0.0 is before
    -0.0, as XLA has it.
    """
    if x.dtype == object:
        keys = (-_ranks(x), ~_is_nan(x))
    elif x.dtype.kind in "biu":
        keys = (descending_key(x),)
    else:
        keys = (np.signbit(x) & (x == 0), -x, ~_is_nan(x))
    order = np.lexsort(keys, axis=-1)[..., :k]
    return np.take_along_axis(x, order, -1), order


def arg_extreme(xp: Any, x: Any, axis: int, keepdims: bool, larger: bool) -> Any:
    """Returns where the extreme first stands along an axis; a NaN is the extreme."""
    if x.dtype == object:
        ranks = np.where(_is_nan(x), x.size if larger else -1, _ranks(x))
        x = ranks
    return np.asarray((np.argmax if larger else np.argmin)(x, axis=axis, keepdims=keepdims))


def searchsorted(xp: Any, x: Any, values: Any, side: Any) -> Any:
    """Returns where each value would stand in the sorted vector x."""
    if x.dtype != object and values.dtype != object:
        return np.searchsorted(x, values, side=side)
    both = np.concatenate([x.ravel(), values.ravel()])
    ranks = np.where(_is_nan(both), both.size, _ranks(both))
    found = np.searchsorted(ranks[: x.size], ranks[x.size :], side=side)
    return found.reshape(values.shape)


def any_of(xp: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Returns whether any of the booleans holds."""
    return np.asarray(np.any(x.astype(bool), axis=axis, keepdims=keepdims))


def all_of(xp: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Returns whether all of the booleans hold."""
    return np.asarray(np.all(x.astype(bool), axis=axis, keepdims=keepdims))
