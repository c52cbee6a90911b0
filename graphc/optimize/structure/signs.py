"""Elementwise operations that leave a positive operand as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphc.core.node import Node, scalar
from graphc.ops.chain import broadcast_to, is_constant
from graphc.optimize.facts.bits import NON_NEGATIVE, POSITIVE
from graphc.optimize.structure.systems import Worker


def _itself(node: Node, worker: Worker) -> Node | None:
    """Returns x of abs(x) and relu(x) for a positive x."""
    (x,) = node.args
    if not worker.facts.holds(x, POSITIVE) or not _told(node, "its operand", worker):
        return None
    return x


def _one(node: Node, worker: Worker) -> Node | None:
    """Returns 1 of sign(x) for a positive x."""
    if not worker.facts.holds(node.args[0], POSITIVE) or not _told(node, "1", worker):
        return None
    return broadcast_to(scalar(1.0, node.dtype), node.shape)


def _larger(node: Node, worker: Worker) -> Node | None:
    """Returns x of maximum(x, 0) for a positive x."""
    for x, other in (node.args, node.args[::-1]):
        if is_constant(other, 0.0) and x.type == node.type and worker.facts.holds(x, POSITIVE):
            return x if _told(node, "its operand", worker) else None
    return None


def _root(node: Node, worker: Worker) -> Node | None:
    """Returns x of sqrt(x**2) for a positive x, which does not overflow."""
    (inner,) = node.args
    same = inner.op.name == "mul" and inner.args[0] is inner.args[1]
    if inner.op.name != "square" and not same:
        return None
    x = inner.args[0]
    if not worker.facts.holds(x, POSITIVE | NON_NEGATIVE) or not _told(node, "x", worker):
        return None
    return x


def _told(node: Node, after: str, worker: Worker) -> bool:
    before = worker.prices.of([node], node.args)
    return worker.weigh(node, after, before, 0.0, "its operand is positive")


SIGNS: Mapping[str, Callable[[Node, Worker], Node | None]] = {
    "abs": _itself,
    "maximum": _larger,
    "relu": _itself,
    "sign": _one,
    "sqrt": _root,
}
