"""Exponentials, logarithms and roots: elementwise records.

Slopes are written so that they keep full relative accuracy where the value saturates.
"""

from __future__ import annotations

from typing import Any

from graphc.core.node import Node, apply_named
from graphc.core.system import PEERS
from graphc.ops.arithmetic import inverse_positive, reciprocal
from graphc.ops.define import elementwise


def inverse(x: Node) -> Node:
    """Returns the slope of a logarithm: NaN for a negative number, but not for a complex one."""
    return reciprocal(x) if x.dtype.kind == "c" else inverse_positive(x)


exp = elementwise(
    "exp",
    run=lambda xp, x: xp.exp(x),
    partials=(lambda out, x: out,),
    formula=lambda m, x: m.exp(x),
    latex="e^{{{0}}}",
    flops=10,
    domain="every x",
    ulp=2.0,
    holomorphic=True,
    doc="Returns e ** x.",
)
expm1 = elementwise(
    "expm1",
    run=lambda xp, x: xp.expm1(x),
    # exp(x), not out + 1: at x = -40 the sum is 0, the slope is 4e-18.
    partials=(lambda out, x: exp(x),),
    formula=lambda m, x: m.expm1(x),
    latex="e^{{{0}}} - 1",
    flops=12,
    domain="every x",
    ulp=4.0,
    holomorphic=True,
    doc="Returns e ** x - 1, accurate near 0.",
)
log = elementwise(
    "log",
    run=lambda xp, x: xp.log(x),
    partials=(lambda out, x: inverse(x),),
    formula=lambda m, x: m.log(x),
    latex=r"\log({0})",
    flops=10,
    domain="x > 0",
    ulp=2.0,
    holomorphic=True,
    # Their slope goes on where the value is NaN.
    peers=dict.fromkeys(PEERS, (lambda out, x: reciprocal(x),)),
    doc="Returns the natural logarithm; value and slope are NaN for x < 0.",
)
log1p = elementwise(
    "log1p",
    run=lambda xp, x: xp.log1p(x),
    partials=(lambda out, x: inverse(x + 1),),
    formula=lambda m, x: m.log1p(x),
    latex=r"\log(1 + {0})",
    flops=12,
    domain="x > -1",
    ulp=2.0,
    holomorphic=True,
    peers=dict.fromkeys(PEERS, (lambda out, x: reciprocal(x + 1),)),
    doc="Returns log(1 + x), accurate near 0.",
)
sqrt = elementwise(
    "sqrt",
    run=lambda xp, x: xp.sqrt(x),
    partials=(lambda out, x: reciprocal(out * 2),),
    formula=lambda m, x: m.sqrt(x),
    latex=r"\sqrt{{{0}}}",
    flops=4,
    domain="x >= 0",
    ulp=0.5,
    holomorphic=True,
    doc="Returns the square root; the slope at 0 is infinite.",
)
rsqrt = elementwise(
    "rsqrt",
    run=lambda xp, x: xp.rsqrt(x),
    partials=(lambda out, x: out * -0.5 / x,),
    formula=lambda m, x: m.div(1, m.sqrt(x)),
    latex=r"\frac{{1}}{{\sqrt{{{0}}}}}",
    flops=5,
    domain="x > 0",
    ulp=2.0,
    holomorphic=True,
    doc="Returns 1 / sqrt(x).",
)


def logistic_density(xp: Any, x: Any) -> Any:
    """Returns e**-x / (1 + e**-x)**2 in its even form, which neither overflows nor cancels."""
    small = xp.exp(xp.where(xp.real(x) < 0, x, -x))
    return small / ((small + 1) * (small + 1))


# An op of its own: its slope is a product, where that of s(x) s(-x) is a difference, noise near 0.
sigmoid_slope = elementwise(
    "sigmoid_slope",
    run=lambda xp, x: xp.sigmoid_slope(x),
    partials=(lambda out, x: -(out * apply_named("tanh", x * 0.5)),),
    formula=lambda m, x: m.div(1, 1 + m.exp(-x)) * m.div(1, 1 + m.exp(x)),
    latex=r"\sigma({0}) \, \sigma(-{0})",
    flops=14,
    domain="every x",
    ulp=4.0,
    holomorphic=True,
    doc="Returns sigmoid(x) * sigmoid(-x), the slope of sigmoid.",
)
sigmoid = elementwise(
    "sigmoid",
    run=lambda xp, x: xp.sigmoid(x),
    # s(x) s(-x), not s (1 - s): at x = 37 the difference is 0, the slope is 9e-17.
    partials=(lambda out, x: sigmoid_slope(x),),
    formula=lambda m, x: m.div(1, 1 + m.exp(-x)),
    latex=r"\sigma({0})",
    flops=12,
    domain="every x",
    ulp=2.0,
    holomorphic=True,
    doc="Returns 1 / (1 + e ** -x).",
)
softplus = elementwise(
    "softplus",
    run=lambda xp, x: xp.softplus(x),
    partials=(lambda out, x: sigmoid(x),),
    formula=lambda m, x: m.log(1 + m.exp(x)),
    latex=r"\log(1 + e^{{{0}}})",
    flops=24,
    domain="every x",
    ulp=2.0,
    holomorphic=True,
    doc="Returns log(1 + e ** x) without overflow or cancellation.",
)
log_sigmoid = elementwise(
    "log_sigmoid",
    run=lambda xp, x: xp.negative(xp.softplus(xp.negative(x))),
    partials=(lambda out, x: sigmoid(-x),),
    formula=lambda m, x: -m.log(1 + m.exp(-x)),
    latex=r"\log \sigma({0})",
    flops=26,
    domain="every x",
    ulp=2.0,
    holomorphic=True,
    doc="Returns log(sigmoid(x)) = -softplus(-x) without cancellation.",
)
