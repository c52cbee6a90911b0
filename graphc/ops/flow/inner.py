"""What every pass asks of an op that carries bodies: which are run, how often, on which operands.

A new op of this kind is entered here, and then measured, simplified, watched and drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.core.graph import Graph
from graphc.core.node import Node
from graphc.core.type import Size


@dataclass(frozen=True, slots=True)
class Body:
    """One body of an op.

    Attributes:
        graph: the body.
        operands: which of the op's operands its inputs are bound to, in order.
        times: how often it is run for one run of the op: an upper bound where the op has one, 1
            where nobody knows (a while loop) or one of several is run (branches).
    """

    graph: Graph
    operands: Sequence[int]
    times: Size


#: Ops that run what they carry, each time they are run themselves.
RUNNING = frozenset(
    {"call", "map", "switch", "scan", "while_loop", "recompute", "custom", "levelled"}
)


def is_running(node: Node) -> bool:
    """Tells whether a node runs bodies, whose nodes then have values too."""
    return node.op.name in RUNNING


def bodies_run(node: Node) -> list[Body]:
    """Returns the bodies that a node runs; none for an op that only carries a graph."""
    name, params = node.op.name, node.params
    if name not in RUNNING:
        return []
    every = range(len(node.args))
    if name == "switch":
        return [Body(branch, range(1, len(node.args)), 1) for branch in params["branches"]]
    if name == "while_loop":
        times = 1 if params["bound"] is None else params["bound"]
        return [Body(params["test"], every, times), Body(params["graph"], every, times)]
    times: Size = 1
    if name == "map" or (name == "levelled" and any(params["mapped"])):
        pairs = zip(node.args, params["mapped"], strict=True)
        times = next(a.type.shape[0] for a, mapped in pairs if mapped)
    elif name == "scan":
        times = params["length"]
    return [Body(params["graph"], every, times)]


def with_bodies(node: Node, graphs: Sequence[Graph]) -> Mapping[str, Any]:
    """Returns a node's parameters with other bodies in the place of those that it runs."""
    if node.op.name == "switch":
        return {**node.params, "branches": tuple(graphs)}
    if node.op.name == "while_loop":
        return {**node.params, "test": graphs[0], "graph": graphs[1]}
    return {**node.params, "graph": graphs[0]}
