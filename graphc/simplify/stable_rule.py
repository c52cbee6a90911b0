"""The record of a stable form, and what such forms ask of a node beyond `rule`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.core.const import Const
from graphc.core.node import Node, make, scalar
from graphc.ops.arithmetic import mul, neg
from graphc.ops.chain import broadcast_to
from graphc.ops.shaping import broadcast_op
from graphc.ops.source import constant_op
from graphc.simplify.rule import Rule, apply, fit, is_number, negated, number, of, one_of

Points = tuple[tuple[float, float], ...]

#: Longer sums are left as they are: a rule must cost a bounded time at every node.
MOST_TERMS = 8


def stable(
    name: str,
    pattern: str,
    ops: str,
    apply: Callable[[Node], Node | None],
    example: Callable[[Node, Node], Any],
    hard: Points,
    loses: str,
    domain: str = "every x",
) -> Rule:
    """Returns a stable rule; `ops` are names set apart by blanks, the rest as in `Rule`."""

    def of_floats(node: Node) -> Node | None:
        if node.type.dtype.kind != "f":
            return None
        found = apply(node)
        return None if found is None else fit(found, node)

    return Rule(
        name=name,
        pattern=pattern,
        validity="stable",
        ops=tuple(ops.split()),
        needs=frozenset(),
        kinds="f",
        domain=domain,
        apply=of_floats,
        example=example,
        hard=hard,
        loses=loses,
    )


# -- numbers ---------------------------------------------------------------------------------------


def number_of(node: Node) -> float | None:
    """Returns the finite number that a node is everywhere, None for anything else."""
    if node.op is not constant_op and node.op is not broadcast_op:
        return None
    found = number(node)
    if found is None or not np.isfinite(found):
        return None
    return float(found)


def with_number(node: Node) -> tuple[Node, float] | None:
    """Returns (a, c) of a + c, c + a and a - c, for a number c."""
    if node.op.name == "add":
        found = one_of(node, number_of)
        return None if found is None else (found[0], float(found[1]))
    if node.op.name == "sub":
        c = number_of(node.args[1])
        return None if c is None else (node.args[0], -c)
    return None


def one_plus(node: Node) -> Node | None:
    """Returns a of 1 + a, a + 1 and a - (-1)."""
    found = with_number(node)
    return found[0] if found is not None and found[1] == 1 else None


def minus_one(node: Node) -> Node | None:
    """Returns a of a - 1 and a + (-1)."""
    found = with_number(node)
    return found[0] if found is not None and found[1] == -1 else None


def one_minus(node: Node) -> Node | None:
    """Returns a of 1 - a."""
    if node.op.name == "sub":
        return node.args[1] if is_number(node.args[0], 1) else None
    found = one_plus(node)
    return None if found is None else negated(found)


def scaled(node: Node) -> tuple[Node, float]:
    """Returns (a, c) of a * c, c * a, a / c and -a; (node, 1) for anything else."""
    inner = negated(node)
    if inner is not None:
        found, factor = scaled_once(inner)
        return found, -factor
    return scaled_once(node)


def scaled_once(node: Node) -> tuple[Node, float]:
    """Returns (a, c) of a * c, c * a and a / c; (node, 1) for anything else."""
    if node.op.name == "mul":
        found = one_of(node, number_of)
        return (node, 1.0) if found is None else (found[0], float(found[1]))
    if node.op.name == "div":
        c = number_of(node.args[1])
        return (node, 1.0) if not c else (node.args[0], 1 / c)
    return node, 1.0


def times(node: Node, factor: float) -> Node:
    """Returns node * factor, where a factor 1 or -1 makes no product."""
    if factor in (1.0, -1.0):
        return node if factor == 1.0 else -node
    return node * factor


# -- sums and signs --------------------------------------------------------------------------------


def same(x: Node, y: Node) -> bool:
    """Tells whether two nodes are one, or one sum or product written in two orders."""
    if x is y:
        return True
    commutes = x.op is y.op and x.op.name in ("add", "mul", "hypot", "maximum", "minimum")
    return commutes and x.args[0] is y.args[1] and x.args[1] is y.args[0]


def opposite(node: Node) -> Node:
    """Returns -node in the form that the exact rules give it."""
    if node.op is neg:
        return node.args[0]
    if node.op is mul:
        for index in (1, 0):
            factor = node.args[index]
            if factor.op is constant_op and not factor.type.shape:
                flipped = make(
                    constant_op, (), {"value": Const(np.negative(factor.params["value"].array))}
                )
                args = (node.args[0], flipped) if index else (flipped, node.args[1])
                return make(mul, args)
    return make(neg, (node,))


def are_opposite(x: Node, y: Node) -> bool:
    """Tells whether x = -y by their form: -a and a, 2 * a and -2 * a, a - b and b - a."""
    if negated(x) is y or negated(y) is x:
        return True
    if x.op.name == "sub" and y.op.name == "sub":
        return x.args[0] is y.args[1] and x.args[1] is y.args[0]
    (a, c), (b, d) = scaled(x), scaled(y)
    return a is b and c == -d and c != 1


def below_one(node: Node) -> Node | None:
    """Returns a of 1 / a, in either spelling."""
    if node.op.name == "div" and is_number(node.args[0], 1):
        return node.args[1]
    return of("reciprocal", node)


def exponent(node: Node) -> Node | None:
    """Returns t of exp(t), and -t of 1 / exp(t)."""
    t = of("exp", node)
    if t is not None:
        return t
    below = below_one(node)
    t = None if below is None else of("exp", below)
    return None if t is None else opposite(t)


def log_of_term(term: Node) -> Node | None:
    """Returns the logarithm of exp(t), of c * exp(t) and of a number c, for c > 0."""
    c = number_of(term)
    if c is not None:
        return scalar(math.log(c), term.type.dtype) if c > 0 else None
    inner, factor = scaled(term)
    t = exponent(inner)
    if t is None or factor <= 0:
        return None
    return t if factor == 1 else t + math.log(factor)


def isru_argument(node: Node) -> Node | None:
    """Returns x of isru(x), and of direction(x, 1), the slope of hypot, which is the same."""
    x = of("isru", node)
    if x is None and node.op.name == "direction" and number_of(node.args[1]) in (1.0, -1.0):
        return node.args[0]
    return x


def terms(node: Node) -> list[tuple[int, Node]]:
    """Returns (sign, term) of a sum from left to right; one term for what is no sum.

    Empty where there are more than `MOST_TERMS`.
    """
    found: list[tuple[int, Node]] = []
    todo = [(1, node)]
    while todo:
        sign, item = todo.pop()
        if item.op.name in ("add", "sub"):
            x, y = item.args
            todo += [(-sign if item.op.name == "sub" else sign, y), (sign, x)]
        elif item.op is neg:
            todo.append((-sign, item.args[0]))
        else:
            found.append((sign, item))
        if len(found) + len(todo) > MOST_TERMS:
            return []
    return found


def inside(node: Node, *names: str) -> Node | None:
    """Returns a of f(g(a)), the names inwards from the node's own operand."""
    found: Node | None = node.args[0]
    for name in names:
        found = None if found is None else of(name, found)
    return found


def stacked(parts: Sequence[Node], like: Node) -> Node:
    """Returns nodes along a new last axis, each in the shape of `like`."""
    shape = like.type.shape
    wide = [broadcast_to(part, shape) for part in parts]
    return apply("stack", *wide, axis=len(shape))


# -- for the examples ------------------------------------------------------------------------------


def pair(x: Node, y: Node) -> Node:
    """Returns two matrices along a third axis."""
    return apply("stack", x, y, axis=2)


def reduced(name: str, x: Node, keepdims: bool = False, **params: Any) -> Node:
    """Returns a reduction over the third axis."""
    return apply(name, x, axis=(2,), keepdims=keepdims, **params)
