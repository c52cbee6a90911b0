"""`associative_scan`: all running results of an associative function, in a logarithm of steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, DimError, ShapeError
from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, apply_public
from graphc.ops.axes import normalize_axis
from graphc.ops.chain import reshape
from graphc.ops.flow.bodies import (
    check_flag,
    check_function,
    known,
    name_of,
    nest_of,
    nodes_of,
    tensor_leaves,
)

#: Joins two stretches of every leaf.
Join = Callable[[list[Node], list[Node]], list[Node]]


@public
def associative_scan(combine: Any, xs: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Returns combine(...combine(combine(x0, x1), x2)..., xi) for every i along an axis.

    `combine` joins whole stretches at once, about 2 log2(n) times and twice the work of a loop: it
    must be associative, and work on any size of the axis. It need not be commutative.

    Args:
        combine: `combine(left, right) -> joined`, of two nests of xs's structure, elementwise along
            the axis.
        xs: a nest of graph values of one size along the axis.
        reverse: join from the end: entry i is that of xs from i on, the last one first.
        axis: the axis.

    Returns:
        A nest like `xs`.

    Raises:
        ShapeError: the sizes differ, or `combine` changes a type.
        DimError: the size is a name; a loop over one is gx.scan's.
        ArgumentError: `combine` is no function or returns another nest; there is nothing in `xs`.

    Source: Blelloch, "Prefix sums and their applications" (1990).
    """
    check_function(combine, "combine", 2)
    check_flag(reverse, "reverse")
    nest = nest_of(xs)
    nodes = nodes_of(nest.leaves)
    if not nodes:
        raise ArgumentError("there is nothing in xs", "pass a graph value, or a nest of them")
    axes = [normalize_axis(axis, n.ndim) for n in nodes]
    sizes = [n.shape[a] for n, a in zip(nodes, axes, strict=True)]
    for node, size in zip(nodes, sizes, strict=True):
        if not isinstance(size, int):
            raise DimError(
                f"{describe(node)} has the named size {size} along axis {axis}",
                "use gx.scan, or give the axis a number",
            )
        if size != sizes[0]:
            raise ShapeError(
                f"{describe(node)} has {size} entries along axis {axis}, {describe(nodes[0])} has "
                f"{sizes[0]}",
                "give all of them one size",
            )

    def join(left: list[Node], right: list[Node]) -> list[Node]:
        found = nest_of(combine(nest.build(left), nest.build(right)))
        if found.form != nest.form:
            raise ArgumentError(
                f"{name_of(combine, 'combine')} returns {found.form} for {nest.form}",
                "return the same nest",
            )
        made = tensor_leaves(found.leaves, name_of(combine, "combine"))
        for old, new in zip(left, made, strict=True):
            if old.type != new.type:
                raise ShapeError(
                    f"{name_of(combine, 'combine')} makes {new.type} of two {old.type}",
                    "keep the type",
                )
        return made

    if reverse:
        nodes = _cut(nodes, axes, slice(None, None, -1))
    found = _running(nodes, axes, join)
    if reverse:
        found = _cut(found, axes, slice(None, None, -1))
    return nest.build(found)


def _running(nodes: list[Node], axes: Sequence[int], join: Join) -> list[Node]:
    """Returns the running results: those of pairs, and between them one more join each."""
    size = known(nodes[0].shape[axes[0]])
    if size < 2:
        return nodes
    pairs = join(_cut(nodes, axes, slice(0, size - 1, 2)), _cut(nodes, axes, slice(1, size, 2)))
    odd = _running(pairs, axes, join)
    first = _cut(nodes, axes, slice(0, 1))
    if size == 2:
        return _laid(first, odd, axes)
    before = odd if size % 2 else _cut(odd, axes, slice(0, size // 2 - 1))
    later = join(before, _cut(nodes, axes, slice(2, size, 2)))
    even = [apply_named("concat", f, r, axis=a) for f, r, a in zip(first, later, axes, strict=True)]
    return _laid(even, odd, axes)


def _cut(nodes: Sequence[Node], axes: Sequence[int], part: slice) -> list[Node]:
    return [
        apply_public("index", n, (*[slice(None)] * a, part))
        for n, a in zip(nodes, axes, strict=True)
    ]


def _laid(even: Sequence[Node], odd: Sequence[Node], axes: Sequence[int]) -> list[Node]:
    """Returns entries 0, 2, 4, ... and 1, 3, 5, ... in one axis."""
    laid: list[Node] = []
    for left, right, a in zip(even, odd, axes, strict=True):
        count = known(right.shape[a])
        (body,) = _cut([left], [a], slice(0, count))
        both = apply_named("stack", body, right, axis=a + 1)
        shape = (*right.shape[:a], 2 * count, *right.shape[a + 1 :])
        whole = reshape(both, shape)
        if known(left.shape[a]) > count:
            (rest,) = _cut([left], [a], slice(count, count + 1))
            whole = apply_named("concat", whole, rest, axis=a)
        laid.append(whole)
    return laid
