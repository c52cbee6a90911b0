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
    factors = np.reshape(kernel, (whole, out // whole, -1))
    x = np.reshape(x, (batch_groups, batch, groups, inner, *x.shape[2:]))
    x = np.reshape(np.moveaxis(x, 2, 0), (whole, batch, inner, *x.shape[4:]))
    x = spread(x, padding, x_dilation, 3)
    views = windows_of(x, window, strides, kernel_dilation, 3)
    counts = views.shape[3 : 3 + len(window)]
    result = np.empty((whole, batch, *counts, out // whole), np.result_type(x, kernel))
    each = max(1, whole * inner * math.prod(window) * math.prod(counts))
    step = max(1, _ROOM // each)
    for first in range(0, batch, step):
        part = views[:, first : first + step]
        # [groups, batch, inner, *counts, *window] to [groups, batch * counts, inner * window]
        part = np.moveaxis(part, 2, 2 + len(window))
        rows = np.reshape(part, (whole, -1, inner * math.prod(window)))
        made = _product(rows, np.swapaxes(factors, 1, 2))
        result[:, first : first + step] = np.reshape(made, (whole, -1, *counts, out // whole))
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
