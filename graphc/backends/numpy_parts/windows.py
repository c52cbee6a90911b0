"""Convolution and pooling in NumPy, for floats and for objects alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

#: The windows of a convolution are laid out beside each other, so many numbers at a time.
_ROOM = 2**24


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
    """Returns the convolution: windows side by side are a matrix, and the rest is its product."""
    x_layout, kernel_layout, out_layout = layouts
    x, kernel = np.transpose(x, x_layout), np.transpose(kernel, kernel_layout)
    out, inner, *window = kernel.shape
    whole = groups * batch_groups
    batch = x.shape[0] // batch_groups
    # [groups, out / groups, inner * window] and [groups, batch, inner, *space].
    size = inner * math.prod(window)
    factors = np.reshape(kernel, (whole, out // whole, size))
    x = np.reshape(x, (batch_groups, batch, groups, inner, *x.shape[2:]))
    x = np.reshape(np.moveaxis(x, 2, 0), (whole, batch, inner, *x.shape[4:]))
    x = spread(x, padding, x_dilation, 3)
    views = windows_of(x, window, strides, kernel_dilation, 3)
    counts = views.shape[3 : 3 + len(window)]
    result = np.empty((whole, batch, *counts, out // whole), np.result_type(x, kernel))
    each = max(1, whole * size * math.prod(counts))
    step = max(1, _ROOM // each)
    for first in range(0, batch, step):
        part = views[:, first : first + step]
        # [groups, batch, inner, *counts, *window] to [groups, batch * counts, inner * window]
        part = np.moveaxis(part, 2, 2 + len(window))
        rows = np.reshape(part, (whole, part.shape[1] * math.prod(counts), size))
        made = _product(rows, np.swapaxes(factors, 1, 2))
        result[:, first : first + step] = np.reshape(
            made, (whole, part.shape[1], *counts, out // whole)
        )
    # [groups, batch, *counts, out / groups] to [batch, out, *counts], then to the layout.
    result = np.moveaxis(result, (0, -1), (1, 2))
    result = np.reshape(result, (batch, out, *counts))
    return np.transpose(result, np.argsort(out_layout))


def _product(left: Any, right: Any) -> Any:
    if left.shape[-1] == 0:  # of objects NumPy would make None
        return np.zeros((*left.shape[:-1], right.shape[-1]), left.dtype)
    return np.matmul(left, right)


def spread(x: Any, padding: Any, dilation: Sequence[int], lead: int, fill: Any = 0) -> Any:
    """Returns x with zeros between the elements of its space axes and around them.

    Args:
        x: an array.
        padding: for each space axis the zeros before and behind; a negative number crops.
        dilation: how far apart the elements come to stand.
        lead: the axes before the space axes.
        fill: what stands in for zero.
    """
    shape, target, source = list(x.shape), [slice(None)] * x.ndim, [slice(None)] * x.ndim
    for axis, ((low, high), step) in enumerate(zip(padding, dilation, strict=True), lead):
        size = x.shape[axis]
        shape[axis] = low + (size - 1) * step + 1 + high
        first = max(0, -(low // step))  # the first element that is not cropped
        last = min(size, (shape[axis] - 1 - low) // step + 1)
        source[axis] = slice(first, max(first, last))
        start = low + first * step
        target[axis] = slice(start, start + max(0, (last - first - 1) * step + 1), step)
        if last <= first:
            target[axis] = slice(0, 0)
    if shape == list(x.shape) and all(low == 0 for low, _ in padding):
        return x
    result = np.full(shape, fill, x.dtype)
    result[tuple(target)] = x[tuple(source)]
    return result


def windows_of(
    x: Any, window: Sequence[int], strides: Sequence[int], dilation: Sequence[int], lead: int
) -> Any:
    """Returns the windows over the space axes, their own axes behind all others: a view."""
    axes = tuple(range(lead, lead + len(window)))
    reach = [(w - 1) * d + 1 for w, d in zip(window, dilation, strict=True)]
    views = np.lib.stride_tricks.sliding_window_view(x, reach, axis=axes)
    steps = [slice(None)] * lead + [slice(None, None, s) for s in strides]
    rest = [slice(None)] * (x.ndim - len(steps))
    return views[(*steps, *rest, *[slice(None, None, d) for d in dilation])]


# -- pooling ---------------------------------------------------------------------------------------


def max_pool(xp: Any, x: Any, window: Any, strides: Any, padding: Any) -> Any:
    """Returns the largest element of each window; NaN where it holds one."""
    if x.dtype == object or x.dtype.kind not in "iuf":  # NumPy's maximum of objects loses a NaN
        index = pool_index(xp, x, window, strides, padding)
        return pool_pick(xp, x, index, window, strides, padding)
    low = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return _by_axis(np.maximum, x, window, strides, padding, low)


def sum_pool(xp: Any, x: Any, window: Any, strides: Any, padding: Any, dilation: Any) -> Any:
    """Returns the sum of each window over the input with zeros between its elements."""
    x = spread(x, padding, dilation, 1, _zero(xp, x))
    return _by_axis(np.add, x, window, strides, ((0, 0),) * len(window), 0)


def _by_axis(join: Any, x: Any, window: Any, strides: Any, padding: Any, fill: Any) -> Any:
    """Returns the windows' elements joined, one axis after the other."""
    x = spread(x, padding, (1,) * len(window), 1, fill)
    for axis, (span, step) in enumerate(zip(window, strides, strict=True), 1):
        count = (x.shape[axis] - span) // step + 1
        before = (slice(None),) * axis
        result = x[(*before, slice(0, (count - 1) * step + 1, step))]
        for first in range(1, span):
            result = join(result, x[(*before, slice(first, first + (count - 1) * step + 1, step))])
        x = result
    return x


def _zero(xp: Any, x: Any) -> Any:
    return xp.context.zero if x.dtype == object and xp.is_float(x) else 0


def _places(window: Any, strides: Any, counts: Any) -> Any:
    """Yields for each place in a window its number and the slices that take it of all windows."""
    for number, offset in enumerate(np.ndindex(*window)):
        yield (
            number,
            (
                slice(None),
                *[
                    slice(first, first + (count - 1) * step + 1, step)
                    for first, count, step in zip(offset, counts, strides, strict=True)
                ],
            ),
        )


def _counts(space: Any, window: Any, strides: Any, padding: Any) -> list[int]:
    axes = zip(space, window, strides, padding, strict=True)
    return [(size + low + high - span) // step + 1 for size, span, step, (low, high) in axes]


def pool_index(xp: Any, x: Any, window: Any, strides: Any, padding: Any) -> Any:
    """Returns the place of each window's largest element: the first of several, a NaN before all.

    What pads is no element: it is passed over even where all elements are -infinity.
    """
    counts = _counts(x.shape[1:-1], window, strides, padding)
    ones = (1,) * len(window)
    real = spread(np.ones((1, *x.shape[1:-1], 1), bool), padding, ones, 1, False)
    x = spread(x, padding, ones, 1)
    best: Any = None
    found: Any = None
    known: Any = None
    for number, part in _places(window, strides, counts):
        view, there = x[part], real[part]
        if best is None:
            best, known = view, there
            found = np.zeros(view.shape, np.int32)
            continue
        better = (view > best) | ((view != view) & (best == best))
        better = there & (np.asarray(better).astype(bool) | ~known)
        best, found = np.where(better, view, best), np.where(better, np.int32(number), found)
        known = known | there
    return found


def pool_ties(xp: Any, x: Any, window: Any, strides: Any, padding: Any) -> Any:
    """Tells for each window whether two of its elements are the largest."""
    top = max_pool(xp, x, window, strides, padding)
    ones = (1,) * len(window)
    real = spread(np.ones((1, *x.shape[1:-1], 1), bool), padding, ones, 1, False)
    x = spread(x, padding, ones, 1)
    count = np.zeros(top.shape, int)
    for _, part in _places(window, strides, top.shape[1:-1]):
        count = count + ((np.asarray(x[part] == top).astype(bool)) & real[part])
    return count > 1


def pool_pick(xp: Any, x: Any, index: Any, window: Any, strides: Any, padding: Any) -> Any:
    """Returns of each window the element at the place `index`."""
    counts = _counts(x.shape[1:-1], window, strides, padding)
    x = spread(x, padding, (1,) * len(window), 1, _zero(xp, x))
    result: Any = None
    for number, part in _places(window, strides, counts):
        view = x[part]
        here = np.asarray(index == number).astype(bool)
        result = view if result is None else np.where(here, view, result)
    return result


def pool_place(
    xp: Any, x: Any, index: Any, window: Any, strides: Any, padding: Any, space: Any
) -> Any:
    """Returns zeros with each window's element added at its place."""
    counts = x.shape[1:-1]
    shape = [size + low + high for size, (low, high) in zip(space, padding, strict=True)]
    result = np.full((x.shape[0], *shape, x.shape[-1]), _zero(xp, x), x.dtype)
    for number, part in _places(window, strides, counts):
        here = np.asarray(index == number).astype(bool)
        result[part] += np.where(here, x, _zero(xp, x))
    inner = [slice(low, low + size) for size, (low, _) in zip(space, padding, strict=True)]
    return result[(slice(None), *inner)]
