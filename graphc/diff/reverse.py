"""The engine `reverse`: graphc's own reverse-mode pass, with its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.core.node import Node, scalar
from graphc.core.system import GRAPHC, System
from graphc.ops.chain import broadcast_to
from graphc.ops.logic import zeros_like
from graphc.ops.sweep import Rule, op_rule, reverse_sweep, rule_of


@dataclass(frozen=True, slots=True, eq=False)
class Contribution:
    """What one edge adds to an adjoint.

    Attributes:
        user: the node that uses the operand.
        index: the operand's position in it.
        operand: the node whose adjoint grows.
        value: the amount, as graph.
    """

    user: Node
    index: int
    operand: Node
    value: Node


@dataclass(frozen=True, slots=True, eq=False)
class ReverseRecord:
    """A finished reverse pass.

    Attributes:
        output: what was differentiated.
        seed: its adjoint.
        wrt: the nodes asked for.
        gradients: their adjoints, in full shape, zeros where nothing flows.
        adjoints: of every node on the way, those that are not structurally zero.
        contributions: in the order in which they were made, from the output down.
    """

    output: Node
    seed: Node
    wrt: tuple[Node, ...]
    gradients: tuple[Node, ...]
    adjoints: dict[Node, Node]
    contributions: tuple[Contribution, ...]


def reverse(
    output: Node, wrt: Sequence[Node], seed: Node | None = None, rule: Rule = op_rule
) -> ReverseRecord:
    """Runs the reverse pass from a node down to `wrt` and keeps its record.

    Args:
        output: the node to differentiate; a scalar unless a seed is given.
        wrt: the nodes to differentiate by.
        seed: the output's adjoint; 1 without one.
        rule: where the contributions come from; each op's own rule unless given.
    """
    start = scalar(1.0, output.dtype) if seed is None else seed
    made: list[Contribution] = []

    def watch(user: Node, index: int, value: Node) -> None:
        made.append(Contribution(user, index, user.args[index], value))

    adjoints = reverse_sweep({output: start}, wrt, rule, watch, keep=True)
    gradients = tuple(full(adjoints.get(w), w) for w in wrt)
    return ReverseRecord(output, start, tuple(wrt), gradients, adjoints, tuple(made))


def reverse_gradients(
    output: Node, wrt: Sequence[Node], seed: Node | None = None, *, system: System = GRAPHC
) -> list[Node]:
    """Returns the adjoints of `wrt`, by a system's rules, without keeping a record."""
    start = scalar(1.0, output.dtype) if seed is None else seed
    adjoints = reverse_sweep({output: start}, wrt, rule_of(system))
    return [full(adjoints.get(w), w) for w in wrt]


def full(adjoint: Node | None, node: Node) -> Node:
    """Returns an adjoint in its node's shape, zeros where there is none."""
    return zeros_like(node) if adjoint is None else broadcast_to(adjoint, node.shape)
