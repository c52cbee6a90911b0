"""Exponentials, logarithms, roots and the error function: elementwise records.

Slopes are written so that they keep full relative accuracy where the value saturates.
"""

from __future__ import annotations

from graphc.core.node import Node, apply_named
from graphc.ops.arithmetic import inverse_positive, reciprocal, square
from graphc.ops.define import elementwise
from graphc.ops.source import number

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
    partials=(lambda out, x: inverse_positive(x),),
    formula=lambda m, x: m.log(x),
    latex=r"\log({0})",
    flops=10,
    domain="x > 0",
    ulp=2.0,
    holomorphic=True,
    # Their slope goes on where the value is NaN.
    peers=dict.fromkeys(("jax", "torch", "sympy"), (lambda out, x: reciprocal(x),)),
    doc="Returns the natural logarithm; value and slope are NaN for x < 0.",
)
log1p = elementwise(
    "log1p",
    run=lambda xp, x: xp.log1p(x),
    partials=(lambda out, x: inverse_positive(x + 1),),
    formula=lambda m, x: m.log1p(x),
    latex=r"\log(1 + {0})",
    flops=12,
    domain="x > -1",
    ulp=128.0,  # XLA on CPU, float64, near -0.41; else 2
    holomorphic=True,
    peers=dict.fromkeys(("jax", "sympy"), (lambda out, x: reciprocal(x + 1),)),
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
    partials=(lambda out, x: out / x * -0.5,),
    formula=lambda m, x: m.div(1, m.sqrt(x)),
    latex=r"\frac{{1}}{{\sqrt{{{0}}}}}",
    flops=5,
    domain="x > 0",
    ulp=2.0,
    holomorphic=True,
    doc="Returns 1 / sqrt(x).",
)


def _gauss(x: Node) -> Node:
    return exp(-square(x)) * number("2/sqrt(pi)", x.dtype)


erf = elementwise(
    "erf",
    run=lambda xp, x: xp.erf(x),
    partials=(lambda out, x: _gauss(x),),
    formula=lambda m, x: m.erf(x),
    latex=r"\operatorname{{erf}}({0})",
    flops=20,
    domain="every x",
    ulp=2.0,
    doc="Returns the error function, 2/sqrt(pi) times the integral of exp(-t**2) from 0 to x.",
)
erfc = elementwise(
    "erfc",
    run=lambda xp, x: xp.erfc(x),
    partials=(lambda out, x: -_gauss(x),),
    formula=lambda m, x: m.erfc(x),
    latex=r"\operatorname{{erfc}}({0})",
    flops=20,
    domain="every x",
    ulp=64.0,  # in the right tail, where the slope of x**2 counts
    doc="Returns 1 - erf(x), accurate in the right tail.",
)
sigmoid = elementwise(
    "sigmoid",
    run=lambda xp, x: xp.sigmoid(x),
    # s(x) s(-x), not s (1 - s): at x = 37 the difference is 0, the slope is 9e-17.
    partials=(lambda out, x: out * apply_named("sigmoid", -x),),
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
