"""Where an axis goes through an operation, for the operations that treat its rows alike.

An operation treats rows alike along an axis where a part of its operands' rows makes the same part
of its result's rows, or a part of the sum that is its result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphc.core.node import Node
from graphc.core.type import Shape, TensorType
from graphc.ops.contraction.matrices import matmul_letters
from graphc.ops.contraction.sums import parse_subscripts


@dataclass(frozen=True, slots=True)
class Along:
    """What an operation does along an axis.

    Attributes:
        axis: where the axis is in the result; None where its rows are added up.
        cuts: other operands that have such an axis too, with its place: of them too only the same
            rows are taken.
    """

    axis: int | None
    cuts: Mapping[int, int] = field(default_factory=dict[int, int])


#: `rule(node, axes)`: the axis of each operand, None for one that has none.
Rule = Callable[[Node, Sequence[int | None]], Along | None]


def along(node: Node, axes: Sequence[int | None]) -> Along | None:
    """Returns what a node does along an axis; None where it does not treat rows alike.

    Args:
        node: an operation on arrays of static shapes.
        axes: for each operand the place of its axis, None for one that has none; all of one size.
    """
    if any(not isinstance(n.type, TensorType) for n in (node, *node.args)):
        return None
    if node.op.group == "elementwise":
        return _elementwise(node, axes)
    rule = _RULES.get(node.op.name)
    if rule is None and node.op.group == "reduction":
        rule = _reduction
    return None if rule is None else rule(node, axes)


def with_rows(node: Node, axis: int, rows: int) -> Mapping[str, Any]:
    """Returns a node's parameters for so many rows along an axis of its result."""
    shape = node.params.get("shape")
    if not isinstance(shape, tuple):
        return node.params
    return {**node.params, "shape": (*shape[:axis], rows, *shape[axis + 1 :])}


def _elementwise(node: Node, axes: Sequence[int | None]) -> Along | None:
    ends = {axis - arg.ndim for axis, arg in zip(axes, node.args, strict=True) if axis is not None}
    if len(ends) != 1:
        return None
    (end,) = ends
    size = node.shape[end]
    cuts = {
        i: arg.ndim + end
        for i, (arg, axis) in enumerate(zip(node.args, axes, strict=True))
        if axis is None and arg.ndim + end >= 0 and arg.shape[end] == size
    }
    return Along(node.ndim + end, cuts)


#: Parameters of reductions of one operand along axes, which mean the same for every row.
_OF_REDUCTIONS = frozenset({"axis", "keepdims", "reverse", "ord", "correction"})


def _reduction(node: Node, axes: Sequence[int | None]) -> Along | None:
    axis, given = axes[0], node.params.get("axis")
    if axis is None or given is None or len(axes) > 1 or set(node.params) - _OF_REDUCTIONS:
        return None
    reduced: tuple[int, ...] = (given,) if isinstance(given, int) else given
    if axis in reduced:
        return Along(None) if node.op.name == "sum" else None
    if node.ndim == node.args[0].ndim:
        return Along(axis)
    return Along(axis - sum(a < axis for a in reduced))


def moved_by_reshape(before: Shape, axis: int, after: Shape) -> int | None:
    """Returns where an axis is after a reshape that keeps it whole; None where it does not."""
    ahead = _count(before[:axis])
    place, count = 0, 1
    while place < len(after) and (count < ahead or after[place] == 1):
        count *= _number(after[place])
        place += 1
    whole = place < len(after) and count == ahead and after[place] == before[axis]
    return place if whole else None


def _count(sizes: Shape) -> int:
    count = 1
    for size in sizes:
        count *= _number(size)
    return count


def _number(size: Any) -> int:
    assert isinstance(size, int)  # shapes are static here
    return size


def _reshape(node: Node, axes: Sequence[int | None]) -> Along | None:
    (axis,) = axes
    assert axis is not None
    place = moved_by_reshape(node.args[0].shape, axis, node.shape)
    return None if place is None else Along(place)


def _transpose(node: Node, axes: Sequence[int | None]) -> Along | None:
    (axis,) = axes
    return Along(node.params["axes"].index(axis))


def _broadcast(node: Node, axes: Sequence[int | None]) -> Along | None:
    (axis,) = axes
    assert axis is not None
    return Along(axis + node.ndim - node.args[0].ndim)


def _slice(node: Node, axes: Sequence[int | None]) -> Along | None:
    (axis,) = axes
    assert axis is not None
    return Along(axis) if node.params["bounds"][axis] is None else None


def _same_place(node: Node, axes: Sequence[int | None]) -> Along | None:
    (axis,) = axes
    return Along(axis)


def _concat(node: Node, axes: Sequence[int | None]) -> Along | None:
    axis = _one(axes)
    if axis is None or axis == node.params["axis"]:
        return None
    return Along(axis, {i: axis for i, known in enumerate(axes) if known is None})


def _stack(node: Node, axes: Sequence[int | None]) -> Along | None:
    axis = _one(axes)
    if axis is None:
        return None
    cuts = {i: axis for i, known in enumerate(axes) if known is None}
    return Along(axis + (node.params["axis"] <= axis), cuts)


def _one(axes: Sequence[int | None]) -> int | None:
    found = set(axes) - {None}
    return found.pop() if len(found) == 1 else None


def _einsum(node: Node, axes: Sequence[int | None]) -> Along | None:
    terms, result = parse_subscripts(node.params["subscripts"], len(node.args))
    return _by_letters(node, terms, result, axes)


def _matmul(node: Node, axes: Sequence[int | None]) -> Along | None:
    return _by_letters(node, *matmul_letters(node), axes)


def _by_letters(
    node: Node, terms: Sequence[str], result: str, axes: Sequence[int | None]
) -> Along | None:
    having = [
        (arg.shape[axis], term[axis])
        for arg, term, axis in zip(node.args, terms, axes, strict=True)
        if axis is not None
    ]
    size, letter = having[0]
    if any(other != letter for _, other in having) or any(t.count(letter) > 1 for t in terms):
        return None
    places = {i: term.index(letter) for i, term in enumerate(terms) if letter in term}
    # An axis of size 1 is repeated: no row of it belongs to one of theirs.
    cuts = {
        i: place
        for i, place in places.items()
        if axes[i] is None and node.args[i].shape[place] == size
    }
    return Along(result.index(letter) if letter in result else None, cuts)


_RULES: dict[str, Rule] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "broadcast_to": _broadcast,
    "slice": _slice,
    "slice_transpose": _slice,
    "stop_gradient": _same_place,
    "concat": _concat,
    "stack": _stack,
    "einsum": _einsum,
    "matmul": _matmul,
}
