"""Windows over index arrays: which elements a convolution or a pooling takes in."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from graphc.core.node import Node
from graphc.sparse.pattern import (
    NOTHING,
    Array,
    Pattern,
    collected,
    elements,
    move,
    reduced,
    sizes,
    spread,
    union,
)


def window_parts(
    pick: Array,
    window: Sequence[int],
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    x_dilation: Sequence[int],
    dilation: Sequence[int],
    counts: Sequence[Any],
) -> Iterator[Array]:
    """Yields for each place of the window what stands there, 0 where nothing does.

    Args:
        pick: `[first, *space, last]`.
        window: elements on each space axis.
        strides: how far the window moves.
        padding: zeros before and after; negative ones crop.
        x_dilation: how far the input's elements stand apart.
        dilation: how far the window's elements stand apart.
        counts: how many windows fit, on each space axis.
    """
    wide = pick
    for axis, (step, (low, high)) in enumerate(zip(x_dilation, padding, strict=True), 1):
        size = wide.shape[axis]
        full = (size - 1) * step + 1 if size else 0
        shape = list(wide.shape)
        shape[axis] = max(full + low + high, 0)
        made = np.zeros(shape, pick.dtype)
        places = np.arange(size) * step + low
        inside = (places >= 0) & (places < shape[axis])
        made[_at(axis, places[inside])] = wide[_at(axis, np.flatnonzero(inside))]
        wide = made
    for offsets in itertools.product(*map(range, window)):
        where: list[Any] = [slice(None)]
        for offset, step, apart, count in zip(offsets, strides, dilation, counts, strict=True):
            first = offset * apart
            where.append(slice(first, first + (count - 1) * step + 1, step))
        yield wide[tuple(where)]


def _at(axis: int, places: Array) -> tuple[Any, ...]:
    return (*[slice(None)] * axis, places)


def pool_pattern(node: Node, pattern: Pattern) -> Pattern:
    """Returns the pattern of a pooling: the union over each window."""
    parts = _pool_parts(node, pattern, node.params, node.shape[1:-1])
    return union(parts, node.shape)


def _pool_parts(node: Node, pattern: Pattern, params: Any, counts: Any) -> list[Pattern]:
    ones = (1,) * len(params["window"])
    parts: list[list[Any]] = []
    for term in pattern:
        pieces = window_parts(
            term.pick,
            params["window"],
            params["strides"],
            params["padding"],
            params.get("dilation", ones),
            ones,
            counts,
        )
        parts.append([move((term,), lambda _, piece=piece: piece) for piece in pieces])
    return [part for pieces in parts for part in pieces]


def place_pattern(node: Node, pattern: Pattern) -> Pattern:
    """Returns the pattern of `pool_place`: each window may put its element at any of its places."""
    shape = sizes(node.shape)
    numbers = np.arange(1, elements(shape) + 1).reshape(shape)
    ones = (1,) * len(node.params["window"])
    params = node.params
    counts = node.args[0].shape[1:-1]
    owners = window_parts(
        numbers, params["window"], params["strides"], params["padding"], ones, ones, counts
    )
    return union([collected(pattern, owner - 1, shape) for owner in owners], shape)


def conv_pattern(node: Node, x: Pattern, kernel: Pattern, constant: Array | None) -> Pattern:
    """Returns the pattern of a convolution; places of the window that are 0 for all do not count.

    Args:
        node: the convolution.
        x: the pattern of its input.
        kernel: the pattern of its kernel.
        constant: the kernel's value, where it is known.
    """
    shape = sizes(node.shape)
    params = node.params
    x_layout, kernel_layout, out_layout = params["layouts"]
    found: list[Pattern] = []
    if x:
        channels = params["groups"] * params["batch_groups"]
        if channels == 1:
            found.append(_conv_over(node, x, constant))
        else:  # groups of channels: which channel meets which is not followed
            rows = reduced(x, (x_layout[1],), _set(node.args[0].shape, x_layout[1], 1))
            if params["batch_groups"] > 1:
                rows = reduced(rows, (x_layout[0],), _set(rows[0].pick.shape, x_layout[0], 1))
            found.append(_conv_over(node, rows, constant))
    if kernel:
        outer = kernel_layout[0]
        have = node.args[1].shape
        each = reduced(kernel, [a for a in range(len(have)) if a != outer], (have[outer],))
        line = [1] * len(shape)
        line[out_layout[1]] = have[outer]
        found.append(spread(move(each, lambda pick: pick.reshape(line)), shape))
    return union(found, shape) if found else NOTHING


def _set(shape: Sequence[Any], axis: int, size: int) -> tuple[Any, ...]:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _conv_over(node: Node, x: Pattern, constant: Array | None) -> Pattern:
    params = node.params
    x_layout, kernel_layout, out_layout = params["layouts"]
    order = (x_layout[0], *x_layout[2:], x_layout[1])
    line = move(x, lambda pick: np.transpose(pick, order))
    have = line[0].pick.shape
    line = reduced(line, (len(have) - 1,), (*have[:-1], 1))
    window = [node.args[1].shape[a] for a in kernel_layout[2:]]
    counts = [node.shape[a] for a in out_layout[2:]]
    full = (node.shape[out_layout[0]], *counts, node.shape[out_layout[1]])
    there = [True] * int(np.prod(window))
    if constant is not None:
        there = np.transpose(constant, kernel_layout).any(axis=(0, 1)).reshape(-1).tolist()
    found: list[Pattern] = []
    for term in line:
        pieces = window_parts(
            term.pick,
            window,
            params["strides"],
            params["padding"],
            params["x_dilation"],
            params["kernel_dilation"],
            counts,
        )
        found += [
            spread(move((term,), lambda _, p=piece: p), full)
            for piece, counts_here in zip(pieces, there, strict=True)
            if counts_here
        ]
    back = np.argsort((out_layout[0], *out_layout[2:], out_layout[1]))
    made = union(found, full)
    return move(made, lambda pick: np.transpose(pick, back))
