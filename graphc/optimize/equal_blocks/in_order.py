"""A graph in an order in which equal blocks stand one after another, and what tells them equal."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.core.const import freeze
from graphc.core.node import Node
from graphc.core.walk import topological_order
from graphc.optimize.equal_blocks.rows import row_of

#: Rows of one array that must be there for it to count as stacked.
_LEAST_ROWS = 4


class Ordering:
    """A graph in topological order: the nodes that compute, and the leaves beside them.

    Attributes:
        nodes: what computes, operands before users.
        rows: entries of arrays that are taken apart: the array and the place.
    """

    def __init__(self, roots: Sequence[Node]) -> None:
        order = topological_order(roots)
        names = {op.name for op in {node.op for node in order}}
        if "item" in names:
            order = _items_behind(order)
        self.rows: dict[Node, tuple[Node, int]] = {}
        if "slice" in names and "reshape" in names:
            self.rows = _rows(order, roots)
        if self.rows:
            parts = {node.args[0] for node in self.rows}
            order = [n for n in order if n not in self.rows and n not in parts]
        self.nodes = [n for n in order if n.args]
        self._numbers: dict[Any, int] = {}
        self._types: dict[int, Any] = {}
        self._signed: dict[int, int] = {}

    @functools.cached_property
    def position(self) -> dict[Node, int]:
        """Returns where each node stands."""
        return {node: i for i, node in enumerate(self.nodes)}

    def symbols(self) -> np.ndarray[Any, Any]:
        """Returns a number for each node's operation."""
        ops = [n.op for n in self.nodes]
        numbers = {op: i for i, op in enumerate(dict.fromkeys(ops))}
        return np.fromiter(map(numbers.__getitem__, ops), np.int64, len(ops))

    def signature(self, i: int) -> int:
        """Returns a number that is the same for equal operations on operands of equal types."""
        found = self._signed.get(i)
        if found is None:
            node = self.nodes[i]
            params = tuple([(k, freeze(v)) for k, v in node.params.items()])
            key = (id(node.op), params, *[self._type(a.type) for a in node.args])
            found = self._signed[i] = self._numbers.setdefault(key, len(self._numbers))
        return found

    def _type(self, of: Any) -> Any:
        known = self._types.get(id(of))
        if known is None:  # equal types are mostly one object
            known = self._types[id(of)] = (of, self._numbers.setdefault(of, len(self._numbers)))
        return known[1]

    def step(self, before: Node, after: Node) -> Any:
        """Returns how an operand moves from a block to the next; None where it follows no rule."""
        if before is after:
            return 0
        first, second = self.position.get(before), self.position.get(after)
        if first is not None and second is not None:
            return second - first
        if first is not None or second is not None:
            return None
        left, right = self.rows.get(before), self.rows.get(after)
        if left and right:
            return ("row", right[1] - left[1]) if left[0] is right[0] else None
        names = (before.op.name, after.op.name)
        if left or right or names[0] == "formal" or before.args or after.args:
            return None
        if names == ("constant", "constant"):
            return "constant"
        given = ("input", "param")
        return "leaf" if names[0] in given and names[1] in given else None

    def steps(self, i: int, period: int) -> tuple[Any, ...]:
        """Returns how each operand of node i moved since the block before."""
        before, after = self.nodes[i - period].args, self.nodes[i].args
        return tuple([self.step(a, b) for a, b in zip(before, after, strict=True)])


def _items_behind(order: list[Node]) -> list[Node]:
    """Returns the order with the results of a node right behind it, so that a block has both."""
    items: dict[Node, list[Node]] = {}
    for node in order:
        if node.op.name == "item":
            items.setdefault(node.args[0], []).append(node)
    found: list[Node] = []
    for node in order:
        if node.op.name != "item":
            found.append(node)
            if node in items:
                found += sorted(items[node], key=lambda n: n.params["index"])
    return found


def _rows(order: Sequence[Node], roots: Sequence[Node]) -> dict[Node, tuple[Node, int]]:
    """Returns the rows of arrays of which at least a few rows are taken, and nothing else."""
    found: dict[Node, tuple[Node, int]] = {}
    counts: dict[Node, int] = {}
    for node in order:
        place = row_of(node)
        if place is not None:
            found[node] = place
            counts[place[0]] = counts.get(place[0], 0) + 1
    parts = {node.args[0] for node in found}
    shared = parts & set(roots)
    for node in order:
        if node not in found:
            shared.update(a for a in node.args if a in parts)
    return {
        node: place
        for node, place in found.items()
        if counts[place[0]] >= _LEAST_ROWS and node.args[0] not in shared
    }
