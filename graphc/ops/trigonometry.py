"""Circular and hyperbolic functions and their inverses: elementwise records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from graphc.core.node import Node, apply_named, scalar
from graphc.core.op import Kink, Op
from graphc.ops.arithmetic import hypot, inverse_positive, reciprocal, square
from graphc.ops.chain import Partial, masked
from graphc.ops.define import Partials, elementwise
from graphc.ops.exponential import rsqrt


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


def _scalar_one_minus_square(x: Node) -> Node:
    # (1 - x)(1 + x), not 1 - x**2: both factors are exact near the ends, where it matters.
    return (1 - x) * (1 + x)


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
    lambda out, x: rsqrt(_scalar_one_minus_square(x)),
    r"\arcsin({0})",
    "-1 <= x <= 1",
    "Returns the inverse sine in [-pi/2, pi/2]; the slope at -1 and 1 is infinite.",
)
acos = _function(
    "acos",
    lambda out, x: -rsqrt(_scalar_one_minus_square(x)),
    r"\arccos({0})",
    "-1 <= x <= 1",
    "Returns the inverse cosine in [0, pi]; the slope at -1 and 1 is infinite.",
)
atan = _function(
    "atan",
    lambda out, x: reciprocal(square(x) + 1),
    r"\arctan({0})",
    "every x",
    "Returns the inverse tangent in (-pi/2, pi/2).",
)
# XLA on CPU takes e**(x - log 2), whose error grows with x: 13 ulp at 80, 110 at 700.
sinh = _function(
    "sinh", lambda out, x: cosh(x), r"\sinh({0})", "every x", "Returns (e^x - e^-x)/2.", ulp=128.0
)
cosh = _function(
    "cosh", lambda out, x: sinh(x), r"\cosh({0})", "every x", "Returns (e^x + e^-x)/2.", ulp=128.0
)
# An op of its own: where cosh overflows, the rules of 1 / cosh(x)**2 would form 0 * inf.
sech_squared = elementwise(
    "sech_squared",
    run=lambda xp, x: xp.divide(1, xp.cosh(x) * xp.cosh(x)),
    partials=(lambda out, x: out * tanh(x) * -2,),
    formula=lambda m, x: m.div(1, m.cosh(x) * m.cosh(x)),
    latex=r"\operatorname{{sech}}^2({0})",
    flops=17,
    domain="every x",
    ulp=32.0,
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
)
asinh = _function(
    "asinh",
    lambda out, x: reciprocal(hypot(x, 1.0)),
    r"\operatorname{{arsinh}}({0})",
    "every x",
    "Returns the inverse hyperbolic sine.",
)
acosh = _function(
    "acosh",
    lambda out, x: rsqrt(x - 1) * rsqrt(x + 1),
    r"\operatorname{{arcosh}}({0})",
    "x >= 1",
    "Returns the inverse hyperbolic cosine; the slope at 1 is infinite.",
)
atanh = _function(
    "atanh",
    lambda out, x: inverse_positive(_scalar_one_minus_square(x)),
    r"\operatorname{{artanh}}({0})",
    "-1 < x < 1",
    "Returns the inverse hyperbolic tangent.",
    ulp=128.0,  # XLA on CPU, float64, near -0.41, through its log1p; else 2
    # Their slope goes on where the value is NaN.
    peers=dict.fromkeys(
        ("jax", "sympy"), (lambda out, x: reciprocal(_scalar_one_minus_square(x)),)
    ),
)


def _atan2_unmasked(other: Node, y: Node, x: Node) -> Node:
    # other / (x**2 + y**2) in two steps: the sum of squares overflows from 1e154 on. The second
    # step is no division, because XLA makes a / b / c into a / (b * c).
    radius = hypot(x, y)
    return other / radius * reciprocal(radius)


#: The quotient as it stands: 0/0 at the origin.
_ATAN2_NAN = (
    lambda out, y, x: _atan2_unmasked(x, y, x),
    lambda out, y, x: _atan2_unmasked(-y, y, x),
)


def _atan2_slope(other: Node, y: Node, x: Node) -> Partial:
    return masked(hypot(x, y) != 0, _atan2_unmasked(other, y, x))


def _at_origin(xp: Any, y: Any, x: Any) -> Any:
    return (x == 0) & (y == 0)


atan2 = elementwise(
    "atan2",
    run=lambda xp, y, x: xp.arctan2(y, x),
    partials=(
        lambda out, y, x: _atan2_slope(x, y, x),
        lambda out, y, x: _atan2_slope(-y, y, x),
    ),
    formula=lambda m, y, x: m.atan2(y, x),
    latex=r"\operatorname{{atan2}}({0}, {1})",
    flops=25,
    domain="every y, x",
    ulp=4.0,
    kink=Kink(
        where="y = x = 0",
        at=_at_origin,
        slope=lambda xp, dy, dx, y, x: dy * 0,
        departs="JAX gives NaN there, graphc 0",
    ),
    peers={
        "jax": _ATAN2_NAN,
        "torch": (
            lambda out, y, x: _atan2_slope(x, y, x),
            lambda out, y, x: apply_named(
                "where", hypot(x, y) == 0, scalar(-0.0, y.dtype), _atan2_unmasked(-y, y, x)
            ),
        ),
        "pytensor": _ATAN2_NAN,
        "casadi": _ATAN2_NAN,
        "sympy": _ATAN2_NAN,
    },
    doc="Returns the angle of the point (x, y) in (-pi, pi]; the slope at (0, 0) is 0.",
)
