"""A region of rows as a loop over blocks of them."""

from __future__ import annotations

from graphc.core.graph import Graph
from graphc.core.node import Node, apply_named, make
from graphc.core.type import Shape, TensorType, Type
from graphc.ops.control import results_of
from graphc.ops.flow.scan import scan_op
from graphc.ops.logic import zeros_like
from graphc.ops.shaping import concat, reshape
from graphc.ops.tensor.arrange import moveaxis
from graphc.optimize.tiling.region import Region, Rows

#: Constants of more elements than this are given to the loop: each copy would be compiled in.
_SMALL = 256


class Body:
    """A block of rows as the body of a loop.

    Args:
        part: the region.
        rows: how many rows a block has.

    Attributes:
        part, rows: as given.
        count: how many whole blocks there are.
        formals: what stands in the body for rows, and for what is taken whole.
        entries: the nodes of which each block takes its rows.
        wholes: the nodes that each block takes as they are.
        turned: those of which the rows are not the first axis, so that they are moved.
        results: the body's sums, and what it makes row by row.
    """

    def __init__(self, part: Region, rows: int) -> None:
        self.part, self.rows, self.count = part, rows, part.rows // rows
        self._entries: dict[tuple[Node, int], Node] = {}
        self._wholes: dict[Node, Node] = {}
        self._level = 1 + max([n.params.get("level", 0) for n in part.order], default=0)
        self._block = Rows(part, rows, self._entry, self._whole)
        self.results = [*self._block.sums, *self._block.made]
        self.formals = [*self._entries.values(), *self._wholes.values()]
        self.entries = [node for node, _ in self._entries]
        self.wholes = list(self._wholes)
        self.turned = [node for node, axis in self._entries if axis]
        self.turned += [node for node in part.made if part.axes[node]]

    def results_by_node(self) -> dict[Node, Node]:
        """Returns what takes the place of the region's sums and of what it makes."""
        part, covered = self.part, self.count * self.rows
        sums = [self._formal("sum", i, n.type) for i, n in enumerate(part.sums)]
        axes = [part.axes[n] for n in part.made]
        outputs = [
            *[total + term for total, term in zip(sums, self._block.sums, strict=True)],
            *[_first(n, axis) for n, axis in zip(self._block.made, axes, strict=True)],
        ]
        body = Graph([*sums, *self.formals], outputs, f"{self.rows} rows")
        scanned = [
            reshape(_first(n, axis, covered), (self.count, self.rows, *_others(n, axis)))
            for n, axis in self._entries
        ]
        params = {
            "graph": body,
            "carries": len(sums),
            "scanned": len(scanned),
            "length": self.count,
            "reverse": False,
        }
        args = (*map(zeros_like, part.sums), *scanned, *self._wholes)
        found = results_of(make(scan_op, args, params))
        rest = self._rest(covered)
        made: dict[Node, Node] = {}
        for i, node in enumerate(part.sums):
            made[node] = found[i] if rest is None else found[i] + rest.sums[i]
        for i, (node, axis) in enumerate(zip(part.made, axes, strict=True)):
            stacked = reshape(found[len(sums) + i], (covered, *_others(node, axis)))
            if rest is not None:
                stacked = concat([stacked, _first(rest.made[i], axis)], 0)
            made[node] = moveaxis(stacked, 0, axis)
        return made

    def _rest(self, covered: int) -> Rows | None:
        """Returns the rows that no whole block has."""
        total = self.part.rows
        if covered == total:
            return None

        def entry(node: Node, axis: int) -> Node:
            bounds = [None] * node.ndim
            return apply_named(
                "slice", node, bounds=(*bounds[:axis], (covered, total, 1), *bounds[axis + 1 :])
            )

        return Rows(self.part, total - covered, entry, lambda node: node)

    def _entry(self, node: Node, axis: int) -> Node:
        if (node, axis) not in self._entries:
            kind = TensorType((self.rows, *_others(node, axis)), node.dtype)
            self._entries[node, axis] = self._formal("rows", len(self._entries), kind)
        return moveaxis(self._entries[node, axis], 0, axis)

    def _whole(self, node: Node) -> Node:
        if node.op.name == "constant" and node.size in range(_SMALL + 1):
            return node
        if node not in self._wholes:
            self._wholes[node] = self._formal("whole", len(self._wholes), node.type)
        return self._wholes[node]

    def _formal(self, role: str, index: int, kind: Type) -> Node:
        return apply_named("formal", name=f"{role}{index}", type=kind, level=self._level)


def _others(node: Node, axis: int) -> Shape:
    shape = node.shape
    return (*shape[:axis], *shape[axis + 1 :])


def _first(node: Node, axis: int, rows: int | None = None) -> Node:
    """Returns an array with an axis put first, and the first rows of it, if not all."""
    moved = moveaxis(node, axis, 0)
    if rows is None or rows == moved.shape[0]:
        return moved
    return apply_named("slice", moved, bounds=((0, rows, 1), *[None] * (node.ndim - 1)))
