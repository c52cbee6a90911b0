"""The cost of a graph, counted and not run: nodes, tree size, flops, bytes, depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphc.core.dim import Dim
from graphc.core.errors import ArgumentError
from graphc.core.graph import Graph, bodies
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.type import TensorType
from graphc.core.walk import topological_order

#: Tree sizes are exact up to 2**_TREE_BITS and stay there beyond: longer sums cost quadratic time.
_TREE_BITS = 20_000
_TREE_LIMIT = 2**_TREE_BITS


@dataclass(frozen=True, slots=True)
class Cost:
    """What a graph costs.

    Attributes:
        nodes: distinct nodes, those of blocks' bodies once each.
        edges: operands, counted per use.
        tree_size: nodes if nothing were shared; exact up to 2**20000, then that.
        flops: floating point operations by the usual counts; a Dim where a size has no number.
        bytes: bytes read and written if every node went through memory; a Dim likewise.
        depth: nodes on the longest path, bodies included.
        ops: how many nodes each op has, by name.
    """

    nodes: int
    edges: int
    tree_size: int
    flops: int | Dim
    bytes: int | Dim
    depth: int
    ops: dict[str, int]


def cost(outputs: Any, sizes: Mapping[str, int] | None = None) -> Cost:
    """Returns the cost of a node, or a nest of nodes.

    Args:
        outputs: what is computed; shared parts count once (but in `tree_size`).
        sizes: numbers for named sizes.

    Raises:
        ArgumentError: something is no graph value.
    """
    nodes, _ = flatten(outputs)
    for node in nodes:
        if not isinstance(node, Node):
            raise ArgumentError(f"{node!r} is no graph value", "cost takes nodes")
    return _Counter(dict(sizes or {})).count(nodes)


class _Counter:
    def __init__(self, sizes: dict[str, int]) -> None:
        self.sizes = sizes
        self.known: dict[Graph, Cost] = {}
        self.counted: set[Graph] = set()

    def count(self, roots: list[Node]) -> Cost:
        order = topological_order(roots)
        tree: dict[Node, int] = {}
        depth: dict[Node, int] = {}
        ops: dict[str, int] = {}
        edges, extra = 0, 0
        flops: Any = 0
        moved: Any = 0
        for node in order:
            inner = [self._body(b) for b in bodies(node)]
            name = node.op.name
            ops[name] = ops.get(name, 0) + 1
            edges += len(node.args)
            size = 1 + sum([tree[a] for a in node.args]) + sum([c.tree_size for c in inner])
            tree[node] = min(size, _TREE_LIMIT)
            below = max([depth[a] for a in node.args], default=0)
            depth[node] = below + 1 + max([c.depth for c in inner], default=0)
            flops = flops + self._number(node.op.flops(node))
            moved = moved + self._bytes(node)
            for body, part in zip(bodies(node), inner, strict=True):
                if body not in self.counted:
                    self.counted.add(body)
                    extra += part.nodes
        return Cost(
            nodes=len(order) + extra,
            edges=edges,
            tree_size=min(sum([tree[r] for r in dict.fromkeys(roots)]), _TREE_LIMIT),
            flops=flops,
            bytes=moved,
            depth=max([depth[r] for r in roots], default=0),
            ops=dict(sorted(ops.items())),
        )

    def _body(self, graph: Graph) -> Cost:
        if graph not in self.known:
            self.known[graph] = self.count(list(graph.outputs))
        return self.known[graph]

    def _number(self, value: Any) -> Any:
        return value.value(self.sizes) if isinstance(value, Dim) and self.sizes else value

    def _bytes(self, node: Node) -> Any:
        if not node.args:
            return 0
        total: Any = 0
        for part in (node, *node.args):
            if isinstance(part.type, TensorType):
                total = total + self._number(part.type.size * (part.type.dtype.bits // 8))
        return total
