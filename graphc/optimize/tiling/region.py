"""What of a graph can be computed for some rows at a time, and that part for a number of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from graphc.core.graph import LEAF_OPS
from graphc.core.node import Node, make
from graphc.core.type import TensorType
from graphc.core.walk import topological_order_until
from graphc.ops.shaping import broadcast_op, reshape_op
from graphc.optimize.tiling.along import along, moved_by_reshape, with_rows

#: Ops that only place a leaf's numbers otherwise: such a node is there whole as well.
_PLACING = frozenset({"reshape", "transpose", "broadcast_to", "stop_gradient"})


@dataclass(frozen=True, slots=True)
class Step:
    """How a node takes its operands' rows.

    Attributes:
        axis: where the axis is in its result; None where its rows are added up.
        rows: the operands of which the region makes these rows.
        cuts: operands from outside that have the axis, with its place; all others are taken whole.
    """

    axis: int | None
    rows: frozenset[int]
    cuts: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Region:
    """The part of a graph that treats the rows along one axis alike.

    Attributes:
        rows: the axis's size.
        order: its nodes, operands first.
        axes: where each node has the axis; nodes whose rows are added up are not in it.
        steps: how each node but the leaves is made.
        sums: the nodes whose rows are added up.
        made: the nodes that something outside needs, row by row.
    """

    rows: int
    order: Sequence[Node]
    axes: Mapping[Node, int]
    steps: Mapping[Node, Step]
    sums: Sequence[Node]
    made: Sequence[Node]

    @property
    def ends(self) -> list[Node]:
        """What the rest of the graph takes from it."""
        return [*self.sums, *self.made]


def region(roots: Sequence[Node], order: Sequence[Node], rows: int) -> Region | None:
    """Returns what can be computed row by row from the leaves whose first axis has that size.

    Args:
        roots: what is computed.
        order: their topological order.
        rows: the size.
    """
    axes: dict[Node, int] = {}
    steps: dict[Node, Step] = {}
    sums: dict[Node, None] = {}
    later: set[Node] = set()  # what waits for results of all rows
    loose: set[Node] = set()  # leaves, and leaves in other places: they are there whole as well
    for node in order:
        args = node.args
        if not args:
            shape = node.type.shape if isinstance(node.type, TensorType) else ()
            if shape[:1] == (rows,) and node.op.name in LEAF_OPS:
                axes[node] = 0
                loose.add(node)
        elif any(a in later or a in sums for a in args):
            later.add(node)
        elif any(a in axes for a in args):
            step = _step(node, axes, loose)
            if step is None:
                if any(a in axes and a not in loose for a in args):
                    later.add(node)
            elif step.axis is None:
                sums[node], steps[node] = None, step
            else:
                axes[node], steps[node] = step.axis, step
                if node.op.name in _PLACING and all(a in loose for a in args):
                    loose.add(node)
    needed = dict.fromkeys(a for node in order if node in later for a in node.args)
    needed.update(dict.fromkeys(roots))
    made = [n for n in needed if n in axes and n not in loose]
    if not made and not sums:
        return None
    outside = {n: None for n in order if n not in axes and n not in sums}
    inside = topological_order_until([*sums, *made], outside)
    used = {*sums, *made}
    for node in reversed(inside):
        if node in used and node in steps:
            used.update([node.args[i] for i in steps[node].rows])
    return Region(rows, [n for n in inside if n in used], axes, steps, list(sums), made)


def _step(node: Node, axes: Mapping[Node, int], loose: set[Node]) -> Step | None:
    """Returns how a node takes its operands' rows: of all that have some, else of fewer.

    x[:, None] - x[None, :] takes the rows of one x, and the other one whole.
    """
    having = [i for i, a in enumerate(node.args) if a in axes]
    bound = [i for i in having if node.args[i] not in loose]
    for rows in [having, *([bound] if bound else [[i] for i in having])]:
        found = along(node, [axes[a] if i in rows else None for i, a in enumerate(node.args)])
        if found is not None:
            return Step(found.axis, frozenset(rows), found.cuts)
    return None


class Rows:
    """A region for a number of rows.

    Args:
        part: the region.
        rows: the number.
        entry: `entry(node, axis)`: these rows of a node outside of it.
        whole: `whole(node)`: a node outside of it, as it is.
    """

    def __init__(
        self,
        part: Region,
        rows: int,
        entry: Callable[[Node, int], Node],
        whole: Callable[[Node], Node],
    ) -> None:
        self.rows, self.entry, self.whole = rows, entry, whole
        made: dict[Node, Node] = {}
        for node in part.order:
            step = part.steps.get(node)
            if step is None:
                made[node] = entry(node, part.axes[node])
                continue
            args: list[Node] = []
            for i, arg in enumerate(node.args):
                cut = step.cuts.get(i)
                if i in step.rows:
                    args.append(made[arg])
                else:
                    args.append(whole(arg) if cut is None else self._cut(arg, cut))
            axis, params = step.axis, node.params
            made[node] = make(
                node.op, tuple(args), params if axis is None else with_rows(node, axis, rows)
            )
            made[node].place = made[node].place or node.place
        self.sums = [made[n] for n in part.sums]
        self.made = [made[n] for n in part.made]

    def _cut(self, node: Node, axis: int) -> Node:
        """Returns the rows of a node outside: a number that is repeated is repeated less often."""
        steps: list[tuple[Node, int]] = []
        while True:
            before = node.args[0] if node.op in (broadcast_op, reshape_op) else None
            if before is None:
                found = self.entry(node, axis)
                break
            if node.op is broadcast_op:
                place = axis - (node.ndim - before.ndim)
                if place < 0 or before.shape[place] != node.shape[axis]:
                    found = make(
                        broadcast_op, (self.whole(before),), with_rows(node, axis, self.rows)
                    )
                    break
            else:
                there = moved_by_reshape(node.shape, axis, before.shape)
                if there is None:
                    found = self.entry(node, axis)
                    break
                place = there
            steps.append((node, axis))
            node, axis = before, place
        for node, axis in reversed(steps):
            found = make(node.op, (found,), with_rows(node, axis, self.rows))
        return found
