"""The record of one identity, and the few questions that identities ask of a node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from graphc.core.dim import Dim
from graphc.core.node import Node, apply_named, scalar
from graphc.core.type import TensorType
from graphc.ops.arithmetic import mul, neg, square
from graphc.ops.chain import broadcast_to
from graphc.ops.power import integer_pow, pow_
from graphc.ops.shaping import broadcast_op
from graphc.ops.source import constant_op

Validity = Literal["exact", "finite", "stable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One identity. Every field is required.

    Attributes:
        name: a few words, unique.
        pattern: the identity in formulas, for example `x * 1 -> x`.
        validity: `exact`: the same bits in IEEE arithmetic for every operand, infinities, signed
            zeros and subnormals included (one NaN counts as any other: IEEE fixes neither its sign
            nor its payload). `finite`: equal, 0.0 and -0.0 alike, wherever the operands and the
            value before are finite. `stable`: equal in exact arithmetic, with a smaller rounding
            error or a wider range afterwards.
        ops: names of the ops it fires on.
        needs: it can fire only where the op of an operand is among these names; empty where
            operands of any op may do. It spares most nodes most rules.
        kinds: dtype kinds it holds for: `f` float, `i` integer (signed or not), `b` bool.
        domain: where it holds, in words.
        apply: the rewritten node, of the same type, or None where the identity does not fit.
        example: `example(x, y)`: a graph of two matrices of one type on which it fires.
        hard: for `stable`, operands (x, y) at which the form before loses its digits.
        loses: for `stable`, what is wrong with the form before and where, in words that follow it:
            `loses the digits near x = 0`, `is infinite from x = 710 on`.
    """

    name: str
    pattern: str
    validity: Validity
    ops: tuple[str, ...]
    needs: frozenset[str]
    kinds: str
    domain: str
    apply: Callable[[Node], Node | None]
    example: Callable[[Node, Node], Any]
    hard: tuple[tuple[float, float], ...]
    loses: str


def exact(
    name: str,
    pattern: str,
    ops: str,
    apply: Callable[[Node], Node | None],
    example: Callable[[Node, Node], Any],
    kinds: str = "f",
    domain: str = "every operand",
    needs: str = "",
) -> Rule:
    """Returns an exact rule; `ops` and `needs` are names set apart by blanks."""
    return Rule(
        name=name,
        pattern=pattern,
        validity="exact",
        ops=tuple(ops.split()),
        needs=frozenset(needs.split()),
        kinds=kinds,
        domain=domain,
        apply=apply,
        example=example,
        hard=(),
        loses="",
    )


#: Ops of nodes that `number` and `is_number` may know, for a rule's `needs`.
NUMBERS = "constant broadcast_to"


def number(node: Node) -> Any:
    """Returns the one number that a constant holds everywhere, as a scalar array, or None."""
    if node.op is broadcast_op:
        node = node.args[0]
    if node.op is constant_op and node.params["value"].array.size == 1:
        return node.params["value"].array.reshape(())
    return None


def is_number(node: Node, value: float) -> bool:
    """Tells whether a node is `value` everywhere (0.0 and -0.0 alike)."""
    if node.op is not constant_op and node.op is not broadcast_op:
        return False
    if node.op is broadcast_op:
        node = node.args[0]
    return node.op is constant_op and node.params["value"].number == value


def is_zero(node: Node, negative: bool) -> bool:
    """Tells whether a node is 0.0 everywhere, or -0.0 everywhere."""
    return is_number(node, 0.0) and (str(number(node).item())[0] == "-") is negative


def is_integer(node: Node) -> bool:
    """Tells whether a node's arithmetic wraps, so that the ring's identities are exact."""
    return node.type.dtype.is_integer


def fit(value: Node, node: Node) -> Node | None:
    """Returns a value in the type of the node it replaces; None where it can't have it.

    That is where the dtypes differ, and where the value lacks a named size of the node: the operand
    that falls away may be the one that tells the size.
    """
    if value.type == node.type:
        return value
    if value.type.dtype is not node.type.dtype or not size_names(node) <= size_names(value):
        return None
    return broadcast_to(value, node.type.shape)


def spread(value: Node, node: Node) -> Node:
    """Returns a value in the shape of the node it replaces, where no operand's size is lost."""
    return broadcast_to(value, node.type.shape)


def uniform(value: float, like: Node) -> Node | None:
    """Returns a number in a node's type, None where a size of it has a name (see `fit`)."""
    assert isinstance(like.type, TensorType)
    return fit(scalar(value, like.type.dtype), like)


def size_names(node: Node) -> set[str]:
    """Returns the names in a node's shape."""
    return {name for size in node.type.shape if isinstance(size, Dim) for name in size.names}


def negated(node: Node) -> Node | None:
    """Returns a of -a, None for anything else."""
    return node.args[0] if node.op is neg else None


def squared(node: Node) -> Node | None:
    """Returns a of a * a, a**2, pow(a, 2.0) and square(a), None for anything else."""
    if node.op is square:
        return node.args[0]
    if node.op is integer_pow:
        return node.args[0] if node.params["exponent"] == 2 else None
    if node.op is mul and node.args[0] is node.args[1]:
        return node.args[0]
    if node.op is pow_ and is_number(node.args[1], 2):
        return node.args[0] if node.args[0].type == node.type else None
    return None


def of(name: str, node: Node) -> Node | None:
    """Returns a of name(a), None for anything else."""
    return node.args[0] if node.op.name == name else None


def one_of(node: Node, test: Callable[[Node], Any]) -> tuple[Node, Any] | None:
    """Returns (the other operand, what the test found); the second operand is tried first."""
    x, y = node.args
    found = test(y)
    if found is not None and found is not False:
        return x, found
    found = test(x)
    if found is not None and found is not False:
        return y, found
    return None


def beside(node: Node, value: float) -> Node | None:
    """Returns the operand beside one that is `value` everywhere, None where neither is."""
    x, y = node.args
    if is_number(y, value):
        return x
    return y if is_number(x, value) else None


def apply(name: str, *operands: Any, **params: Any) -> Node:
    """Returns an op of nodes and numbers."""
    return apply_named(name, *operands, **params)
