"""Powers and logarithms to other bases, cube roots, sums of logarithms: elementwise records."""

from __future__ import annotations

import math
from typing import Any

from graphc.core.node import Node, apply_named
from graphc.ops.arithmetic import reciprocal
from graphc.ops.define import elementwise
from graphc.ops.exponential import inverse, sigmoid
from graphc.ops.source import number

log2 = elementwise(
    "log2",
    run=lambda xp, x: xp.log2(x),
    partials=(lambda out, x: inverse(x) * number("1/log(2)", x.dtype),),
    formula=lambda m, x: m.div(m.log(x), m.log(m.number("2"))),
    latex=r"\log_2({0})",
    flops=11,
    domain="x > 0",
    ulp=3.0,
    holomorphic=True,
    doc="Returns the logarithm to base 2; value and slope are NaN for x < 0.",
)
log10 = elementwise(
    "log10",
    run=lambda xp, x: xp.log10(x),
    partials=(lambda out, x: inverse(x * number("log(10)", x.dtype)),),
    formula=lambda m, x: m.div(m.log(x), m.log(m.number("10"))),
    latex=r"\log_{{10}}({0})",
    flops=11,
    domain="x > 0",
    ulp=3.0,
    holomorphic=True,
    doc="Returns the logarithm to base 10; value and slope are NaN for x < 0.",
)
# XLA's exp2 is exp(x log 2), whose product is rounded first: 300 ulp at x = 1,000.
exp2 = elementwise(
    "exp2",
    run=lambda xp, x: xp.exp2(x),
    partials=(lambda out, x: out * number("log(2)", x.dtype),),
    formula=lambda m, x: m.power(m.number("2"), x),
    latex="2^{{{0}}}",
    flops=10,
    domain="every x",
    ulp=2.0,
    doc="Returns 2 ** x.",
)
cbrt = elementwise(
    "cbrt",
    run=lambda xp, x: xp.cbrt(x),
    partials=(lambda out, x: reciprocal(out * out * 3),),
    formula=lambda m, x: m.cbrt(x),
    latex=r"\sqrt[3]{{{0}}}",
    flops=10,
    domain="x != 0",
    ulp=2.0,
    doc="Returns the real cube root, negative for x < 0; the slope at 0 is infinite.",
)


def _logaddexp(xp: Any, x: Any, y: Any) -> Any:
    top = xp.maximum(x, y)
    apart = xp.abs(x - y)
    same = x == y  # two infinities of one sign, too
    value = top + xp.log1p(xp.exp(-xp.where(same, xp.zeros_like(top), apart)))
    return xp.where(same & (xp.abs(x) == math.inf), top, value)


def _logaddexp2(xp: Any, x: Any, y: Any) -> Any:
    top = xp.maximum(x, y)
    apart = xp.abs(x - y)
    same = x == y
    rest = xp.log1p(xp.exp2(-xp.where(same, xp.zeros_like(top), apart)))
    return xp.where(same & (xp.abs(x) == math.inf), top, top + rest * (1 / math.log(2)))


def _sum_rounding(node: Node) -> Node | None:
    """Returns the error of a sum of logarithms, relative to its parts: it may be 0."""
    parts = apply_named("maximum", *[apply_named("abs", a) for a in node.args])
    return apply_named("mul", apply_named("abs", parts) + 1.0, 3.0 * node.type.dtype.epsilon)


def _scaled(x: Node) -> Node:
    return x * number("log(2)", x.dtype)


logaddexp = elementwise(
    "logaddexp",
    run=_logaddexp,
    partials=(lambda out, x, y: sigmoid(x - y), lambda out, x, y: sigmoid(y - x)),
    formula=lambda m, x, y: m.logaddexp(x, y),
    latex=r"\log(e^{{{0}}} + e^{{{1}}})",
    flops=25,
    domain="every x, y",
    ulp=3.0,
    rounding=_sum_rounding,
    doc="Returns log(e**x + e**y) without overflow; two equal infinities have no slope (NaN).",
)
logaddexp2 = elementwise(
    "logaddexp2",
    run=_logaddexp2,
    partials=(
        lambda out, x, y: sigmoid(_scaled(x - y)),
        lambda out, x, y: sigmoid(_scaled(y - x)),
    ),
    formula=lambda m, x, y: m.logaddexp2(x, y),
    latex=r"\log_2(2^{{{0}}} + 2^{{{1}}})",
    flops=25,
    domain="every x, y",
    ulp=3.0,
    rounding=_sum_rounding,
    doc="Returns log2(2**x + 2**y) without overflow; two equal infinities have no slope (NaN).",
)


def _logit(xp: Any, p: Any) -> Any:
    middle = xp.abs(p - 0.5) < 0.25
    inner = xp.where(middle, p - 0.5, xp.zeros_like(p)) * 2  # exact, also beside 1/2
    outer = xp.where(middle, xp.ones_like(p) * 0.5, p)
    return xp.where(middle, 2 * xp.atanh(inner), xp.log(outer / (1 - outer)))


logit = elementwise(
    "logit",
    run=_logit,
    partials=(lambda out, p: reciprocal(p * (1 - p)),),
    formula=lambda m, p: m.log(m.div(p, 1 - p)),
    latex=r"\log \frac{{{0}}}{{1 - {0}}}",
    flops=30,
    domain="0 < p < 1",
    ulp=4.0,
    doc="Returns log(p / (1 - p)), the inverse of sigmoid, accurate near 1/2 too.",
)
