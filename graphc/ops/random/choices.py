"""Draws from a finite set: categories, choices with and without replacement, permutations."""

from __future__ import annotations

from typing import Any

from graphc.core.calls import guarded
from graphc.core.dim import Dim
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, apply_public, as_node
from graphc.core.type import Shape, Size, as_index, broadcast_shapes, element_count, shape_of
from graphc.ops.axes import normalize_axis
from graphc.ops.random.arguments import float_dtype, parameter, require
from graphc.ops.random.bits import random_integers, random_permutation, random_uniform
from graphc.ops.random.draws import gumbel
from graphc.ops.random.keys import as_key


@guarded("random.permutation")
def permutation(key: Any, x: Any, axis: Any = 0) -> Node:
    """Returns the entries of x along an axis in random order, as `jax.random.permutation` does.

    Args:
        key: `u32[2]`.
        x: a graph value or an array; or an integer or named size n, for 0, 1, ..., n - 1.
        axis: the axis along which whole slices change places.

    Raises:
        ArgumentError: x is a scalar.
        ShapeError: x is a negative integer.
    """
    node = as_key(key)
    count = _population(x)
    if count is not None:
        return random_permutation(node, size=count)
    value = as_node(x)
    if not value.shape:
        raise ArgumentError(f"{value!r} has no axis to permute", "pass an array, or an integer")
    where = normalize_axis(axis, value.ndim)
    order = random_permutation(node, size=value.shape[where])
    return apply_public("take", value, order, axis=where)


def _population(x: Any) -> Size | None:
    """Returns n where x stands for 0, 1, ..., n - 1, else None."""
    return x if isinstance(x, Dim) else as_index(x)


@guarded("random.categorical")
def categorical(key: Any, logits: Any, axis: Any = -1, shape: Any = None) -> Node:
    """Returns categories drawn with probabilities softmax(logits), as `jax.random.categorical`.

    Args:
        key: `u32[2]`.
        logits: `f[...]`, logarithms of the probabilities, up to a constant.
        axis: the axis along which one distribution lies.
        shape: of the draw; the logits' without `axis` unless given, which must broadcast to it.

    Returns:
        `i32[shape]`; no derivative flows to the logits.

    Raises:
        ShapeError: the logits do not fit the shape.
    """
    node, target = as_key(key), float_dtype(None, logits)
    if isinstance(logits, (int, float, bool, str, bytes)) or logits is None:
        raise ArgumentError(f"logits={show_value(logits)} are no array", "one for each category")
    values = as_node(as_node(logits), target)
    if not values.shape:
        raise ShapeError(f"logits of type {values.type} have no axis", "one for each category")
    where = normalize_axis(axis, values.ndim)
    batch = (*values.shape[:where], *values.shape[where + 1 :])
    asked = batch if shape is None else shape_of(shape)
    if broadcast_shapes(asked, batch) != asked:
        raise ShapeError("the logits do not fit the shape", "leave it out, or put axes in front")
    extra = len(asked) - len(batch)
    full = (*asked[: extra + where], values.shape[where], *asked[extra + where :])
    noise = gumbel(node, full, target)
    return apply_public("argmax", noise + values, axis=extra + where)


@guarded("random.choice")
def choice(
    key: Any, x: Any, shape: Any = (), replace: bool = True, p: Any = None, axis: Any = 0
) -> Node:
    """Returns entries of x drawn at random, as `jax.random.choice` draws them.

    Args:
        key: `u32[2]`.
        x: a graph value or an array; or an integer or named size n, for 0, 1, ..., n - 1.
        shape: how many are drawn, in which shape.
        replace: whether one entry may come twice.
        p: `f[n]`, the probabilities, 0 or more, of any sum; all alike unless given.
        axis: the axis of x along which is chosen.

    Returns:
        x's shape with `shape` in the place of the axis.

    Raises:
        ArgumentError: x is a scalar, `replace` no bool, or a probability negative.
        ShapeError: there are fewer entries than draws without replacement, or p does not fit.
    """
    node, count = as_key(key), _population(x)
    if not isinstance(replace, bool):
        raise ArgumentError(f"replace={show_value(replace)} is neither True nor False", "say one")
    wanted = shape_of(shape)
    value = None if count is not None else as_node(x)
    where = 0
    if value is not None:
        if not value.shape:
            raise ArgumentError(f"{value!r} has nothing to choose from", "pass an array")
        where = normalize_axis(axis, value.ndim)
        count = value.shape[where]
    assert count is not None
    draws = element_count(wanted)
    if isinstance(count, int) and count < 1:
        raise ShapeError(f"there is nothing to choose from {count} entries", "take 1 or more")
    if not replace and not (isinstance(count, int) and isinstance(draws, int) and draws <= count):
        raise ShapeError(
            f"{draws} draws from {count} entries need replacement", "draw fewer, or replace=True"
        )
    chosen = _places(node, count, wanted, replace, p)
    return chosen if value is None else apply_public("take", value, chosen, axis=where)


def _places(key: Node, count: Size, shape: Shape, replace: bool, p: Any) -> Node:
    draws = element_count(shape)
    if p is None:
        if replace:
            return random_integers(key, shape=shape, low=0, high=count, dtype=as_node(0).dtype)
        return apply_public("reshape", random_permutation(key, size=count)[:draws], shape)
    target = float_dtype(None, p)
    chances = parameter("p", p, target)
    require("p", p, lambda v: v >= 0, "0 or more")
    if chances.shape != (count,):
        raise ShapeError(f"p is {chances.type} for {count} entries", "give one for each entry")
    if replace:
        sums = apply_public("cumulative_sum", chances)
        drawn = (1 - random_uniform(key, shape=shape, dtype=target)) * sums[-1]
        return apply_public("cast", apply_public("searchsorted", sums, drawn), "int32")
    noise = gumbel(key, (count,), target) + apply_public("log", chances)
    _, places = apply_public("top_k", noise, draws)
    return apply_public("reshape", apply_public("cast", places, "int32"), shape)
