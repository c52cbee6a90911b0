"""One elementwise operation on neighbouring slices of a small array is one on the joined slice.

The gates of a recurrent cell are slices of one product, and three of them go through a sigmoid.
Where arrays are small, what an operation costs is its start, so the three are one.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, make, place_new_nodes
from graphc.core.type import Size, TensorType
from graphc.optimize.family import Context, Family
from graphc.optimize.inside import in_bodies, substituted
from graphc.optimize.price import Prices

NAME = "neighbours"

#: Elements up to which a joined slice is small: the start of an operation is what it costs.
_SMALL = 1024


def joined(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with equal operations on neighbouring slices joined."""
    return in_bodies(roots, lambda nodes, order: _joined(nodes, order, context))


#: A slice along one axis: from, to, and the operation on it.
_Part = tuple[int, int, Node]


def _joined(roots: Sequence[Node], order: Sequence[Node], context: Context) -> list[Node]:
    groups: dict[tuple[str, Node, int], list[_Part]] = {}
    for node in order:
        if len(node.args) != 1 or node.op.group != "elementwise" or node.params:
            continue
        arg = node.args[0]
        if arg.op.name != "slice":
            continue
        found = _along(arg)
        if found is not None:
            axis, start, stop = found
            key = node.op.name, arg.args[0], axis
            groups.setdefault(key, []).append((start, stop, node))
    replaced: dict[Node, Node] = {}
    prices = Prices(context.sizes, context.machine)
    for (_, whole, axis), parts in groups.items():
        for run in _runs(sorted(parts, key=lambda part: part[:2])):
            if len(run) > 1 and _count(whole, axis, run[-1][1] - run[0][0]) <= _SMALL:
                _replace(replaced, whole, axis, run, prices, context)
    return substituted(roots, replaced) if replaced else list(roots)


def _replace(
    replaced: dict[Node, Node],
    whole: Node,
    axis: int,
    run: Sequence[_Part],
    prices: Prices,
    context: Context,
) -> None:
    """Notes what stands in for the operations of one run, if that is predicted to cost less."""
    first, last, node = run[0][0], run[-1][1], run[0][2]
    before = place_new_nodes(node.place)
    try:
        size = whole.shape[axis]
        part = whole if (first, last) == (0, size) else _slice(whole, axis, first, last)
        made = make(node.op, (part,), node.params)
    finally:
        place_new_nodes(before)
    old = [part[2] for part in run]
    seconds = prices.of(old, [whole]), prices.of([made], [whole])
    words = f"{len(run)} times {describe(node, 2)} side by side"
    if context.weigh(NAME, words, describe(made, 2), *seconds, place=node.place):
        for start, stop, node in run:
            replaced[node] = _slice(made, axis, start - first, stop - first)


def _slice(x: Node, axis: int, start: int, stop: int) -> Node:
    bounds = tuple((start, stop, 1) if a == axis else None for a in range(x.ndim))
    return apply_named("slice", x, bounds=bounds)


def _along(node: Node) -> tuple[int, int, int] | None:
    """Returns axis, start and stop of a slice along one axis; None of any other."""
    bounds = node.params["bounds"]
    cut = [(axis, b) for axis, b in enumerate(bounds) if b is not None]
    if len(cut) != 1 or len(bounds) != node.ndim or not isinstance(node.type, TensorType):
        return None
    axis, (start, stop, step) = cut[0]
    whole = [isinstance(v, int) for v in (start, stop, step)]
    return (axis, start, stop) if all(whole) and step == 1 and 0 <= start < stop else None


def _runs(parts: Sequence[_Part]) -> list[list[_Part]]:
    """Returns the parts in runs of which each begins where the one before it ends."""
    runs: list[list[_Part]] = []
    for part in parts:
        if runs and runs[-1][-1][1] == part[0]:
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def _count(whole: Node, axis: int, length: int) -> float:
    sizes: list[Size] = [length if a == axis else s for a, s in enumerate(whole.shape)]
    count = 1.0
    for size in sizes:
        count *= size if isinstance(size, int) else 1e9
    return count


NEIGHBOURS = Family(
    name=NAME,
    doc="one elementwise operation on neighbouring slices of a small array is one operation",
    valid="the same operation on the same numbers",
    apply=joined,
)
