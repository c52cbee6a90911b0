"""A graph of named sizes as it is for certain numbers of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphc.core.dim import Dim
from graphc.core.graph import LEAF_OPS, Graph
from graphc.core.node import Node, make
from graphc.core.type import TensorType, tensor_type
from graphc.core.walk import rebuild, topological_order
from graphc.ops.source import dim_size_op, size_node


def with_sizes(
    roots: Sequence[Node], sizes: Mapping[str, int]
) -> tuple[list[Node], dict[Node, Node]]:
    """Returns the roots with every named size replaced by its number, and the leaves by theirs.

    Args:
        roots: what is computed.
        sizes: the number of each name.

    Raises:
        GraphcError: an operation has no result for these numbers.
    """
    known: dict[Graph, Graph] = {}

    def of_graph(graph: Graph) -> Graph:  # bodies nest 100 deep at most
        if graph not in known:
            inputs = [_numbered(n, sizes) for n in graph.inputs]
            outputs = walk(graph.outputs, dict(zip(graph.inputs, inputs, strict=True)))
            known[graph] = Graph(inputs, outputs, graph.name)
        return known[graph]

    def of_value(value: Any) -> Any:
        if isinstance(value, Dim):
            return value.value(sizes)
        if isinstance(value, Graph):
            return of_graph(value)
        if isinstance(value, tuple):
            return tuple([of_value(v) for v in value])
        return _type(value, sizes) if isinstance(value, TensorType) else value

    def step(node: Node, args: tuple[Node, ...]) -> Node:
        if node.op is dim_size_op:
            return size_node(of_value(node.params["size"]), node.params["dtype"])
        made = make(node.op, args, {name: of_value(v) for name, v in node.params.items()})
        made.place = made.place or node.place
        return made

    def walk(nodes: Sequence[Node], replaced: Mapping[Node, Node]) -> list[Node]:
        return rebuild(nodes, replaced, step)

    found = [n for n in topological_order(roots) if n.op.name in LEAF_OPS]
    leaves = {n: _numbered(n, sizes) for n in found}
    return walk(roots, leaves), leaves


def _numbered(leaf: Node, sizes: Mapping[str, int]) -> Node:
    kind = leaf.params["type"]
    made = _type(kind, sizes)
    return leaf if made is kind else make(leaf.op, (), {**leaf.params, "type": made})


def _type(kind: TensorType, sizes: Mapping[str, int]) -> TensorType:
    if kind.is_static:
        return kind
    shape = [s.value(sizes) if isinstance(s, Dim) else s for s in kind.shape]
    return tensor_type(tuple(shape), kind.dtype)
