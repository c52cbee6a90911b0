"""Faults planted into op records, for tests that the checks find them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from graphc.core.node import Node
from graphc.core.op import op_named

#: What a fault does to a contribution or tangent.
Change = Callable[[Node], Node]


@contextmanager
def planted(name: str, direction: str, change: Change) -> Iterator[None]:
    """Changes what an op's reverse (`vjp`) or forward (`jvp`) rule returns, for a while."""
    op = op_named(name)
    rule = getattr(op, direction)
    assert callable(rule)

    def wrong_vjp(adjoint: Any, node: Node, wanted: Sequence[int]) -> list[Node | None]:
        return [None if c is None else change(c) for c in rule(adjoint, node, wanted)]

    def wrong_jvp(tangents: Any, node: Node) -> Node | None:
        tangent = rule(tangents, node)
        return None if tangent is None else change(tangent)

    object.__setattr__(op, direction, wrong_vjp if direction == "vjp" else wrong_jvp)
    try:
        yield
    finally:
        object.__setattr__(op, direction, rule)


def scaled(factor: float) -> Change:
    """Returns a fault that multiplies."""
    return lambda value: value * factor
