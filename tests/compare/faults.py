"""Faults planted into op records, for tests that the checks find them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import graphc as gx
from graphc.core.node import Node
from graphc.core.op import op_named

#: What a fault does to a contribution or tangent.
Change = Callable[[Node], Node]
#: What a fault does to all contributions of a rule: `change(contributions, node)`.
Rewire = Callable[[list[Node | None], Node], list[Node | None]]


@contextmanager
def planted(name: str, direction: str, change: Change) -> Iterator[None]:
    """Changes what an op's reverse (`vjp`) or forward (`jvp`) rule returns, for a while."""
    op = op_named(name)
    rule = getattr(op, direction)
    assert callable(rule)

    def wrong_vjp(adjoint: Any, node: Node, wanted: Sequence[int]) -> list[Node | None]:
        return [None if c is None else change(c) for c in rule(adjoint, node, wanted)]

    def wrong_jvp(tangents: Any, node: Node) -> Any:
        tangent = rule(tangents, node)
        if isinstance(tangent, tuple):  # of an op of several results
            return tuple(None if t is None else change(t) for t in tangent)
        return None if tangent is None else change(tangent)

    with replaced_rule(name, direction, wrong_vjp if direction == "vjp" else wrong_jvp):
        yield


@contextmanager
def replaced_rule(name: str, direction: str, rule: Callable[..., Any]) -> Iterator[None]:
    """Puts another rule in an op's record, for a while."""
    op = op_named(name)
    before = getattr(op, direction)
    object.__setattr__(op, direction, rule)
    try:
        yield
    finally:
        object.__setattr__(op, direction, before)


def scaled(factor: float) -> Change:
    """Returns a fault that multiplies."""
    return lambda value: value * factor


def negated(value: Node) -> Node:
    """A fault: the sign of a contribution turned."""
    return -value


def transposed(value: Node) -> Node:
    """A fault: the last two axes exchanged, where that keeps the shape."""
    square = value.ndim >= 2 and value.shape[-1] == value.shape[-2]
    return gx.matrix_transpose(value) if square else value


def without(position: int) -> Rewire:
    """Returns a fault that drops the contribution to one operand."""
    return lambda parts, node: [None if i == position else p for i, p in enumerate(parts)]


def exchanged(first: int, second: int) -> Rewire:
    """Returns a fault that gives two operands each other's contribution, where shapes allow."""

    def change(parts: list[Node | None], node: Node) -> list[Node | None]:
        if max(first, second) >= len(parts):
            return parts
        a, b = parts[first], parts[second]
        same = node.args[first].type == node.args[second].type
        if same:
            parts[first], parts[second] = b, a
        return parts

    return change


@contextmanager
def rewired(name: str, direction: str, change: Rewire) -> Iterator[None]:
    """Changes which operand's share goes where, in the reverse or the forward rule, for a while.

    In the forward rule the operands' tangents are dropped or exchanged before the rule sees them.
    """
    rule = getattr(op_named(name), direction)

    def wrong_vjp(adjoint: Any, node: Node, wanted: Sequence[int]) -> list[Node | None]:
        full: list[Node | None] = [None] * len(node.args)
        for index, value in zip(wanted, rule(adjoint, node, wanted), strict=True):
            full[index] = value
        made = change(full, node)
        return [made[index] for index in wanted]

    def wrong_jvp(tangents: Sequence[Node | None], node: Node) -> Any:
        made = change(list(tangents), node)
        return None if all(t is None for t in made) else rule(made, node)

    with replaced_rule(name, direction, wrong_vjp if direction == "vjp" else wrong_jvp):
        yield
