"""Convolution and pooling by XLA's own instructions for them."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

#: Windows of so many elements are compared element by element: on the CPU that takes a third of
#: `reduce_window`'s time, and its derivative a tenth to a fiftieth of select-and-scatter's.
_FEW = 16
#: An element lies in at most so many windows where what they bring is added window by window.
_SHARES = 64


def conv(
    xp: Any,
    x: Any,
    kernel: Any,
    *,
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    x_dilation: Sequence[int],
    kernel_dilation: Sequence[int],
    groups: int,
    batch_groups: int,
    layouts: Sequence[Sequence[int]],
) -> Any:
    """Returns the convolution; the layouts name axes, so that nothing is transposed for it."""
    return lax.conv_general_dilated(
        x,
        kernel,
        tuple(strides),
        tuple(padding),
        lhs_dilation=tuple(x_dilation),
        rhs_dilation=tuple(kernel_dilation),
        dimension_numbers=lax.ConvDimensionNumbers(*[tuple(a) for a in layouts]),
        feature_group_count=groups,
        batch_group_count=batch_groups,
    )


def max_pool(xp: Any, x: Any, window: Any, strides: Any, padding: Any) -> Any:
    """Returns the largest element of each window; NaN where it holds one."""
    if math.prod(window) > _FEW:
        full = (1, *window, 1), (1, *strides, 1), ((0, 0), *padding, (0, 0))
        return lax.reduce_window(x, _lowest(x.dtype), lax.max, *full)
    best: Any = None
    for view in _views(x, window, strides, padding, _lowest(x.dtype)):
        best = view if best is None else jnp.where(_is_better(view, best), view, best)
    return best


def _is_better(new: Any, best: Any) -> Any:
    if not jnp.issubdtype(new.dtype, jnp.floating):
        return new > best
    return (new > best) | (jnp.isnan(new) & ~jnp.isnan(best))


def _lowest(dtype: Any) -> Any:
    # A number and no traced value: JAX then knows the maximum, whose derivative it has.
    if jnp.issubdtype(dtype, jnp.floating):
        return np.asarray(-np.inf, dtype)
    return np.asarray(jnp.iinfo(dtype).min, dtype)


def _counts(space: Any, window: Any, strides: Any, padding: Any) -> list[int]:
    axes = zip(space, window, strides, padding, strict=True)
    return [(size + low + high - span) // step + 1 for size, span, step, (low, high) in axes]


def _views(x: Any, window: Any, strides: Any, padding: Any, fill: Any) -> Iterator[Any]:
    """Yields for each place in a window the element there, of all windows."""
    counts = _counts(x.shape[1:-1], window, strides, padding)
    if any(low or high for low, high in padding):
        x = lax.pad(x, fill, ((0, 0, 0), *[(*ends, 0) for ends in padding], (0, 0, 0)))
    for offset in np.ndindex(*window):
        ends = zip(offset, counts, strides, strict=True)
        last = [first + (count - 1) * step + 1 for first, count, step in ends]
        yield lax.slice(x, (0, *offset, 0), (x.shape[0], *last, x.shape[-1]), (1, *strides, 1))


def pool_index(xp: Any, x: Any, window: Any, strides: Any, padding: Any) -> Any:
    """Returns the place of each window's largest element: the first of several, a NaN before all.

    What pads is no element: it is passed over even where all elements are -infinity.
    """
    if math.prod(window) > _FEW:
        return _index_of_many(x, window, strides, padding)
    padded = any(low or high for low, high in padding)
    ones = jnp.ones((1, *x.shape[1:-1], 1), bool)
    there = list(_views(ones, window, strides, padding, jnp.zeros((), bool)))
    best: Any = None
    found: Any = None
    known = there[0]
    for number, view in enumerate(_views(x, window, strides, padding, jnp.zeros((), x.dtype))):
        if best is None:
            best, found = view, jnp.zeros(view.shape, jnp.int32)
            continue
        better = _is_better(view, best)
        if padded:
            better = there[number] & (better | ~known)
            known = known | there[number]
        best, found = jnp.where(better, view, best), jnp.where(better, number, found)
    return found


def _index_of_many(x: Any, window: Any, strides: Any, padding: Any) -> Any:
    """Returns the places in one pass over pairs of an element and its place in the input."""
    space = x.shape[1:-1]
    flat = lax.iota(jnp.int32, math.prod(space)).reshape(1, *space, 1)
    none = np.int32(np.iinfo(np.int32).max)  # what pads comes last

    def join(left: Any, right: Any) -> Any:
        (a, i), (b, j) = left, right
        same = (a == b) | _both_nan(a, b)
        later = (i == none) | ((j != none) & (_is_better(b, a) | (same & (j < i))))
        return jnp.where(later, b, a), jnp.where(later, j, i)

    _, place = lax.reduce_window(
        (x, jnp.broadcast_to(flat, x.shape)),
        (_lowest(x.dtype), none),
        join,
        (1, *window, 1),
        (1, *strides, 1),
        ((0, 0), *padding, (0, 0)),
    )
    number = jnp.zeros((), jnp.int32)
    for axis in range(len(space)):
        inner = math.prod(space[axis + 1 :])
        number = number * window[axis] + (
            place // inner % space[axis] - _starts(place.shape, strides, padding, axis)
        )
    return number


def _both_nan(a: Any, b: Any) -> Any:
    return (a != a) & (b != b)


def _starts(shape: Any, strides: Any, padding: Any, axis: int) -> Any:
    """Returns where each window begins on one space axis of the input."""
    return lax.broadcasted_iota(jnp.int32, shape, axis + 1) * strides[axis] - padding[axis][0]


def pool_pick(xp: Any, x: Any, index: Any, window: Any, strides: Any, padding: Any) -> Any:
    """Returns of each window the element at the place `index`."""
    if math.prod(window) <= _FEW:
        result: Any = None
        for number, view in enumerate(_views(x, window, strides, padding, jnp.zeros((), x.dtype))):
            result = view if result is None else jnp.where(index == number, view, result)
        return result
    space, shape = x.shape[1:-1], index.shape
    place = _flat_place(index, space, window, strides, padding)
    rows = jnp.reshape(x, (x.shape[0], -1, x.shape[-1]))
    chosen = jnp.take_along_axis(rows, jnp.reshape(place, (shape[0], -1, shape[-1])), axis=1)
    return jnp.reshape(chosen, shape)


def _flat_place(index: Any, space: Any, window: Any, strides: Any, padding: Any) -> Any:
    """Returns where in the input, its space axes made one, the chosen elements stand."""
    place = jnp.zeros((), jnp.int32)
    for axis, size in enumerate(space):
        inner = math.prod(window[axis + 1 :])
        offset = index // inner % window[axis]
        place = place * size + offset + _starts(index.shape, strides, padding, axis)
    return place


def pool_place(
    xp: Any, x: Any, index: Any, window: Any, strides: Any, padding: Any, space: Any
) -> Any:
    """Returns zeros with each window's element added at its place.

    An element of the input lies in so many windows as strides go into a window: 1 where they do
    not overlap. Their shares are added as whole arrays, since a scatter on the CPU is a loop.
    """
    shares = [-(-span // step) for span, step in zip(window, strides, strict=True)]
    if math.prod(shares) > _SHARES:
        place = _flat_place(index, space, window, strides, padding)
        rows = jnp.arange(x.shape[0])[:, None, None]
        flat = jnp.reshape(place, (x.shape[0], -1, x.shape[-1]))
        made = jnp.zeros((x.shape[0], math.prod(space), x.shape[-1]), x.dtype)
        values = jnp.reshape(x, flat.shape)
        made = made.at[rows, flat, jnp.arange(x.shape[-1])].add(values)
        return jnp.reshape(made, (x.shape[0], *space, x.shape[-1]))
    total: Any = None
    for share in np.ndindex(*shares):
        part = _shared(x, share, strides, padding, space, 0)
        place = _shared(index, share, strides, padding, space, -1)
        here = place == _numbers(share, window, strides)
        total = _plus(total, jnp.where(here, part, jnp.zeros((), x.dtype)))
    return _joined(total, strides, padding, space)


def _plus(total: Any, part: Any) -> Any:
    return part if total is None else total + part


def _shared(x: Any, share: Any, strides: Any, padding: Any, space: Any, fill: int) -> Any:
    """Returns, for each step of the input, the window that began `share` steps before it."""
    edges: list[tuple[int, int, int]] = [(0, 0, 0)]
    shape: list[int] = [x.shape[0]]
    axes = zip(share, strides, padding, space, x.shape[1:-1], strict=True)
    for back, step, (low, _), size, count in axes:
        steps = -(-(low + size) // step)
        edges.append((back, steps - count - back, 0))
        shape += [steps, 1]
    made = lax.pad(x, jnp.asarray(fill, x.dtype), (*edges, (0, 0, 0)))
    return jnp.reshape(made, (*shape, x.shape[-1]))


def _numbers(share: Any, window: Any, strides: Any) -> Any:
    """Returns the places in the window of a step's elements; -2 past the window's end."""
    number = np.zeros((1,), np.int32)
    inside = np.ones((1,), bool)
    for back, span, step in zip(share, window, strides, strict=True):
        offset = np.arange(step) + back * step
        number = number[..., None] * span + offset
        inside = inside[..., None] & (offset < span)
    number = np.where(inside, number, -2)[0].astype(np.int32)
    shape = [1]
    for step in strides:
        shape += [1, step]
    return np.reshape(number, (*shape, 1))


def _joined(total: Any, strides: Any, padding: Any, space: Any) -> Any:
    """Returns steps and the elements within them as one axis, cropped to the input."""
    steps = total.shape[1:-1:2]
    full = [count * step for count, step in zip(steps, strides, strict=True)]
    made = jnp.reshape(total, (total.shape[0], *full, total.shape[-1]))
    first = [low for low, _ in padding]
    last = [low + size for low, size in zip(first, space, strict=True)]
    return lax.slice(made, (0, *first, 0), (made.shape[0], *last, made.shape[-1]), (1,) * made.ndim)


def sum_pool(xp: Any, x: Any, window: Any, strides: Any, padding: Any, dilation: Any) -> Any:
    """Returns the sum of each window over the input with zeros between its elements."""
    if jnp.issubdtype(x.dtype, jnp.floating) and x.dtype.itemsize == 2:
        x = x.astype(jnp.float32)  # as every sum of 16-bit floats; `apply` rounds it once
    zero = np.zeros((), x.dtype)
    spread = any(step > 1 for step in dilation)
    if not spread and math.prod(window) <= _FEW:
        return functools.reduce(operator.add, _views(x, window, strides, padding, zero))
    if spread and all(step == 1 for step in strides):
        found = _spread_sum(x, window, padding, dilation)
        if found is not None:
            return found
    return lax.reduce_window(
        x,
        zero,
        lax.add,
        (1, *window, 1),
        (1, *strides, 1),
        ((0, 0), *padding, (0, 0)),
        base_dilation=(1, *dilation, 1),
    )


def _spread_sum(x: Any, window: Any, padding: Any, dilation: Any) -> Any:
    """Returns the sum in steps of 1 over spread elements, the transpose of a sum in larger steps.

    As in `pool_place`, each element's shares are added as whole arrays: with zeros in between
    XLA's own loop on the CPU takes up to ten times as long. None where there are too many shares.
    """
    shares = [-(-span // step) for span, step in zip(window, dilation, strict=True)]
    first = [span - 1 - low for span, (low, _) in zip(window, padding, strict=True)]
    if math.prod(shares) > _SHARES or min(first) < 0:
        return None
    ends = zip(x.shape[1:-1], window, dilation, padding, strict=True)
    space = [(n - 1) * step + 1 + low + high - span + 1 for n, span, step, (low, high) in ends]
    edges = [(low, 0) for low in first]
    total: Any = None
    for share in np.ndindex(*shares):
        part = _shared(x, share, dilation, edges, space, 0)
        inside = _numbers(share, window, dilation) >= 0
        shape = np.broadcast_shapes(part.shape, inside.shape)
        if inside.all():
            part = jnp.broadcast_to(part, shape)
        else:
            part = jnp.where(inside, part, jnp.zeros((), x.dtype))
        total = _plus(total, part)
    return _joined(total, dilation, edges, space)
