"""Identities that hold where every value is finite, and up to the sign of a zero; off by default.

`x * 0` is NaN for an infinite x; `x + 0.0` turns -0.0 into 0.0. Reassociation, `(a + b) - b -> a`
and the like, is in no list: it is wrong by rounding for finite values too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.core.node import Node, make
from graphc.ops.arithmetic import neg, sub
from graphc.simplify.rule import NUMBERS, Rule, apply, beside, fit, is_number, uniform
from graphc.simplify.shapes import single


def _finite(
    name: str,
    pattern: str,
    ops: str,
    apply: Callable[[Node], Node | None],
    example: Callable[[Node, Node], Any],
    domain: str = "x finite",
    needs: str = "",
) -> Rule:
    return Rule(
        name=name,
        pattern=pattern,
        validity="finite",
        ops=tuple(ops.split()),
        needs=frozenset(needs.split()),
        kinds="f",
        domain=domain,
        apply=apply,
        example=example,
        hard=(),
        loses="",
    )


def _plus_zero(node: Node) -> Node | None:
    found = beside(node, 0)
    return None if found is None else fit(found, node)


def _minus_zero(node: Node) -> Node | None:
    x, y = node.args
    return fit(x, node) if is_number(y, 0) else None


def _zero_minus(node: Node) -> Node | None:
    x, y = node.args
    return fit(make(neg, (y,)), node) if is_number(x, 0) else None


def _times_zero(node: Node) -> Node | None:
    return None if beside(node, 0) is None else uniform(0, node)


def _minus_itself(node: Node) -> Node | None:
    x, y = node.args
    return uniform(0, node) if x is y else None


def _over_itself(node: Node) -> Node | None:
    x, y = node.args
    return uniform(1, node) if x is y else None


def _zero_over(node: Node) -> Node | None:
    return uniform(0, node) if is_number(node.args[0], 0) else None


def _negative_difference(node: Node) -> Node | None:
    (inner,) = node.args
    return make(sub, (inner.args[1], inner.args[0])) if inner.op is sub else None


def _compared_with_itself(node: Node) -> Node | None:
    x, y = node.args
    return uniform(node.op.name != "not_equal", node) if x is y else None


def _over(name: str, x: Node, *axis: int) -> Node:
    return apply(name, x, axis=axis, keepdims=False)


RULES: tuple[Rule, ...] = (
    _finite("plus zero", "x + 0 -> x", "add", _plus_zero, lambda x, y: x + 0.0,
            "every x, but the sign of a zero", needs=NUMBERS),
    _finite("minus negative zero", "x - 0 -> x", "sub", _minus_zero, lambda x, y: x - -0.0,
            "every x, but the sign of a zero", needs=NUMBERS),
    _finite("zero minus", "0 - x -> -x", "sub", _zero_minus, lambda x, y: 0.0 - x,
            "every x, but the sign of a zero", needs=NUMBERS),
    _finite("negative difference", "-(a - b) -> b - a", "neg", _negative_difference,
            lambda x, y: -(x - y), "every a, b, but the sign of a zero", needs="sub"),
    _finite("times zero", "x * 0 -> 0", "mul", _times_zero, lambda x, y: x * 0.0, needs=NUMBERS),
    _finite("minus itself", "x - x -> 0", "sub", _minus_itself, lambda x, y: x - x),
    _finite("over itself", "x / x -> 1", "div", _over_itself, lambda x, y: x / x,
            "x finite and not 0"),
    _finite("zero over", "0 / x -> 0", "div", _zero_over, lambda x, y: 0.0 / x,
            "x finite and not 0", needs=NUMBERS),
    _finite("compared with itself", "x = x -> true; x <= x -> true; x != x -> false",
            "equal not_equal less_equal greater_equal", _compared_with_itself,
            lambda x, y: (x == x, x != x, x <= x, x >= x), "x not NaN"),
    _finite("sum of single elements", "sum(x over axes of size 1) -> x", "sum mean", single,
            lambda x, y: (_over("sum", x), _over("mean", x[:1], 0)),
            "every x, but the sign of a zero"),
)  # fmt: skip
