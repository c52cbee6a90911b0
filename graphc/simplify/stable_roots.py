"""Stable forms of roots that overflow, or lose their slope, before their value does."""

from __future__ import annotations

import decimal
import math
from fractions import Fraction

from graphc.core.node import Node, scalar
from graphc.ops.axes import reduced_count
from graphc.ops.source import number, size_node
from graphc.simplify.rule import Rule, apply, squared
from graphc.simplify.stable_rule import exponent, number_of, pair, reduced, stable, terms

#: Digits of a root that no float is.
_DIGITS = 60


def _hypot(node: Node) -> Node | None:
    found = terms(node.args[0])
    if len(found) < 2 or any(sign < 0 for sign, _ in found):
        return None
    made: Node | None = None
    for _, term in found:
        x = squared(term)
        if x is None:
            c = number_of(term)
            if c is None or c <= 0:
                return None
            x = _root_of(c, node)
        made = x if made is None else apply("hypot", made, x)
    return made if node.op.name == "sqrt" or made is None else apply("reciprocal", made)


def _root_of(c: float, like: Node) -> Node:
    """Returns the root of a number: where no float is, the root itself, rounded to the dtype."""
    root = math.sqrt(c)
    if Fraction(root) ** 2 == Fraction(c):
        return scalar(root, like.type.dtype)
    with decimal.localcontext(prec=_DIGITS):
        return number(str(decimal.Decimal(c).sqrt()), like.type.dtype)


def _norm(node: Node) -> Node | None:
    (total,) = node.args
    if total.op.name == "matmul":
        x = total.args[0]
        if total.args[1] is not x or len(x.type.shape) != 1:
            return None
        return apply("norm", x, axis=(0,), keepdims=False, ord=2)
    x = squared(total.args[0]) if total.op.name in ("sum", "mean") else None
    if x is None:
        return None
    made = apply("norm", x, **total.params, ord=2)
    if total.op.name == "sum":
        return made
    count = reduced_count(x.type.shape, total.params["axis"])
    return made * apply("rsqrt", size_node(count, node.type.dtype))


def _abs(node: Node) -> Node | None:
    x = squared(node.args[0])
    if x is None:
        return None
    return abs(x) if node.op.name == "sqrt" else apply("reciprocal", abs(x))


def _std(node: Node) -> Node | None:
    (inner,) = node.args
    return apply("std", inner.args[0], **inner.params) if inner.op.name == "var" else None


def _sqrt_exp(node: Node) -> Node | None:
    x = exponent(node.args[0])
    if x is None:
        return None
    return apply("exp", x * (0.5 if node.op.name == "sqrt" else -0.5))


# -- the table -------------------------------------------------------------------------------------


def _exp(x: Node) -> Node:
    return apply("exp", x)


ROOTS: tuple[Rule, ...] = (
    stable("hypot", "sqrt(x**2 + y**2) -> hypot(x, y); numbers and up to 8 squares; rsqrt",
           "sqrt rsqrt", _hypot,
           lambda x, y: (apply("sqrt", x * x + y * y), apply("sqrt", x * x + 1.0),
                         apply("sqrt", x * x + y * y + 4.0), apply("rsqrt", x * x + y * y)),
           ((3e200, 4e200),),
           "is infinite or 0 where a square overflows or underflows: beyond 1e154, below 1e-154 "
           "(1e19, 1e-19 in float32)"),
    stable("norm", "sqrt(sum(x**2)) -> norm(x); sqrt(mean(x**2)) -> norm(x) / sqrt(n)", "sqrt",
           _norm,
           lambda x, y: (apply("sqrt", reduced("sum", apply("square", pair(x, y)))),
                         apply("sqrt", reduced("mean", apply("square", pair(x, y))))),
           ((3e200, 4e200), (3e-200, 4e-200)),
           "is infinite or 0 where a square overflows or underflows: beyond 1e154, below 1e-154 "
           "(1e19, 1e-19 in float32); its slope at 0 is NaN, that of norm 0"),
    stable("absolute value", "sqrt(x**2) -> |x|; rsqrt(x**2) -> 1 / |x|", "sqrt rsqrt", _abs,
           lambda x, y: (apply("sqrt", apply("square", x)), apply("rsqrt", x * x)),
           ((3e200, 0.0), (-3e-200, 0.0)),
           "is infinite or 0 where the square overflows or underflows; its slope at 0 is NaN, "
           "that of abs 0"),
    stable("standard deviation", "sqrt(var(x)) -> std(x)", "sqrt", _std,
           lambda x, y: apply("sqrt", reduced("var", pair(x, y), correction=0)), ((3.0, 3.0),),
           "loses the slope, NaN where all elements are equal; that of std is 0 there"),
    stable("root of exp", "sqrt(exp(x)) -> exp(x / 2); rsqrt(exp(x)) -> exp(-x / 2)", "sqrt rsqrt",
           _sqrt_exp, lambda x, y: (apply("sqrt", _exp(x)), apply("rsqrt", _exp(x))),
           ((800.0, 0.0), (-800.0, 0.0)),
           "is infinite from x = 710 on (89 in float32), 0 below -745 (-104)"),
)  # fmt: skip
