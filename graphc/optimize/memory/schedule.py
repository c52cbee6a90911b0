"""How much memory a graph's values take while it runs, as predicted before it is compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphc.core.graph import LEAF_OPS
from graphc.core.node import Node
from graphc.core.type import TupleType, element_count
from graphc.core.walk import topological_order, users
from graphc.ops.flow.inner import bodies_run
from graphc.optimize.price import number_of

#: Ops that XLA computes inside of what reads them, where that is one op.
_FUSED = frozenset({"elementwise", "shape"})
_READS = frozenset({"elementwise", "shape", "reduction"})
_GIVEN = LEAF_OPS | {"constant", "number"}


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """An order in which a graph may be run, and how long each value is needed.

    Attributes:
        order: the nodes, each after its operands; an adjoint is used up as soon as it is there.
        position: where in that order a node is computed.
        last: where its value is read last; of what is fused, where that is computed.
        sizes: bytes of a node's value; 0 for what is given, and for what is fused.
        live: bytes of all values that are needed, at each position.
        roots: the nodes asked for.
    """

    order: list[Node]
    position: dict[Node, int]
    last: dict[Node, int]
    sizes: dict[Node, float]
    live: list[float]
    roots: set[Node]

    @property
    def peak(self) -> float:
        """The largest number of bytes that are needed at a time."""
        return max(self.live, default=0.0)

    @property
    def turn(self) -> int:
        """The position at which they are needed."""
        return self.live.index(self.peak) if self.live else 0


def schedule(roots: Sequence[Node], sizes: Mapping[str, int]) -> Schedule:
    """Returns the order, lifetimes and sizes of the values of a graph."""
    order = _order(roots)
    position = {node: i for i, node in enumerate(order)}
    used = users(order)
    wanted = set(roots)
    when = dict(position)
    fused: set[Node] = set()
    for node in reversed(order):
        reader = used[node][0] if len(used[node]) == 1 and node not in wanted else None
        if reader is None or node.op.name in _GIVEN:
            continue
        if node.op.name == "item" or (node.op.group in _FUSED and reader.op.group in _READS):
            fused.add(node)
            when[node] = when[reader]
    last: dict[Node, int] = {}
    size: dict[Node, float] = {}
    inner = [0.0] * (len(order) + 1)
    for node in order:
        last[node] = max([when[u] for u in used[node]], default=position[node])
        if node in wanted:
            last[node] = len(order) - 1
        free = node in fused or node.op.name in _GIVEN or node.op.name == "item"
        size[node] = 0.0 if free else byte_count(node, sizes)
        for body in bodies_run(node):
            out = set(body.graph.outputs)  # they are the node's own value
            own = sum([byte_count(n, sizes) for n in body.graph.order() if n.args and n not in out])
            inner[position[node]] += own
    for node in reversed(order):  # a result of several lives as long as its items
        if node.op.name == "item":
            whole = node.args[0]
            last[whole] = max(last[whole], last[node])
    change = [0.0] * (len(order) + 1)
    for node in order:
        change[position[node]] += size[node]
        change[last[node] + 1] -= size[node]
    live: list[float] = []
    total = 0.0
    for i in range(len(order)):
        total += change[i]
        live.append(total + inner[i])
    return Schedule(order, position, last, size, live, wanted)


def _order(roots: Sequence[Node]) -> list[Node]:
    """Returns products and sums as early as can be, elementwise operations just before a reader."""
    first = topological_order(roots)
    level: dict[Node, int] = {}
    for node in first:
        level[node] = max([level[a] for a in node.args], default=-1) + 1
    used = users(first)
    for node in reversed(first):
        if used[node] and node.op.group in _FUSED:
            level[node] = min([level[u] for u in used[node]]) - 1
    return sorted(first, key=lambda n: level[n])


def byte_count(node: Node, sizes: Mapping[str, int]) -> float:
    """Returns the bytes of a node's value."""
    types = node.type.items if isinstance(node.type, TupleType) else (node.type,)
    return sum(number_of(element_count(t.shape), sizes) * t.dtype.bits / 8 for t in types)
