"""Circular and hyperbolic functions and their inverses: elementwise records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from graphc.core.node import Node
from graphc.core.op import Op
from graphc.core.system import PEERS
from graphc.ops.arithmetic import reciprocal, square
from graphc.ops.chain import Partial
from graphc.ops.define import Partials, elementwise
from graphc.ops.exponential import logistic_density
from graphc.ops.quadric import one_minus_square, one_plus_square, square_minus_one


def _function(
    name: str,
    partial: Callable[[Node, Node], Partial],
    latex: str,
    domain: str,
    doc: str,
    ulp: float = 4.0,
    peers: Mapping[str, Partials] = MappingProxyType({}),
) -> Op:
    return elementwise(
        name,
        run=lambda xp, x: getattr(xp, name)(x),
        partials=(partial,),
        formula=lambda m, x: getattr(m, name)(x),
        latex=latex,
        flops=15,
        domain=domain,
        ulp=ulp,
        holomorphic=True,
        peers=peers,
        doc=doc,
    )


sin = _function("sin", lambda out, x: cos(x), r"\sin({0})", "every x", "Returns the sine; radians.")
cos = _function(
    "cos", lambda out, x: -sin(x), r"\cos({0})", "every x", "Returns the cosine; radians."
)
tan = _function(
    "tan",
    lambda out, x: reciprocal(square(cos(x))),
    r"\tan({0})",
    "x no odd multiple of pi/2",
    "Returns the tangent; radians.",
)
asin = _function(
    "asin",
    lambda out, x: one_minus_square(x, power=-0.5),
    r"\arcsin({0})",
    "-1 <= x <= 1",
    "Returns the inverse sine in [-pi/2, pi/2]; the slope at -1 and 1 is infinite.",
)
acos = _function(
    "acos",
    lambda out, x: -one_minus_square(x, power=-0.5),
    r"\arccos({0})",
    "-1 <= x <= 1",
    "Returns the inverse cosine in [0, pi]; the slope at -1 and 1 is infinite.",
)
atan = _function(
    "atan",
    lambda out, x: one_plus_square(x, power=-1.0),
    r"\arctan({0})",
    "every x",
    "Returns the inverse tangent in (-pi/2, pi/2).",
)
sinh = _function(
    "sinh", lambda out, x: cosh(x), r"\sinh({0})", "every x", "Returns (e^x - e^-x)/2."
)
cosh = _function(
    "cosh", lambda out, x: sinh(x), r"\cosh({0})", "every x", "Returns (e^x + e^-x)/2."
)
# An op of its own: where cosh overflows, the rules of 1 / cosh(x)**2 would form 0 * inf.
sech_squared = elementwise(
    "sech_squared",
    run=lambda xp, x: logistic_density(xp, x * 2) * 4,
    partials=(lambda out, x: out * tanh(x) * -2,),
    formula=lambda m, x: m.div(1, m.cosh(x) * m.cosh(x)),
    latex=r"\operatorname{{sech}}^2({0})",
    flops=17,
    domain="every x",
    ulp=4.0,
    holomorphic=True,
    doc="Returns 1 / cosh(x)**2, the slope of tanh.",
)
# sech(x)**2, not 1 - tanh(x)**2: at x = 19 the difference has lost every digit.
tanh = _function(
    "tanh",
    lambda out, x: sech_squared(x),
    r"\tanh({0})",
    "every x",
    "Returns the hyperbolic tangent.",
    ulp=7.0,  # XLA on CPU, float64, from 18 to 19; else 5
)
asinh = _function(
    "asinh",
    lambda out, x: one_plus_square(x, power=-0.5),
    r"\operatorname{{arsinh}}({0})",
    "every x",
    "Returns the inverse hyperbolic sine.",
)
acosh = _function(
    "acosh",
    lambda out, x: square_minus_one(x, power=-0.5),
    r"\operatorname{{arcosh}}({0})",
    "x >= 1",
    "Returns the inverse hyperbolic cosine; the slope at 1 is infinite.",
)
atanh = _function(
    "atanh",
    lambda out, x: one_minus_square(x, power=-1.0),
    r"\operatorname{{artanh}}({0})",
    "-1 < x < 1",
    "Returns the inverse hyperbolic tangent.",
    # Their slope goes on where the value is NaN.
    peers=dict.fromkeys(PEERS, (lambda out, x: reciprocal((1 - x) * (1 + x)),)),
)
