"""The gamma function, its logarithm, and all derivatives of that: elementwise records.

Where x is below -1/2 the values come from those of -x, not of 1 - x: that is rounded, and at -150
Gamma moves by 300 ulp with it. XLA's own gamma is exp(lgamma), off by 2,000 ulp at 170.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphc.core.calls import public
from graphc.core.node import Node, apply_named, as_node
from graphc.core.type import TensorType
from graphc.ops.define import elementwise
from graphc.ops.special import gamma_tables as tables
from graphc.ops.special.fractions import is_double, quotient
from graphc.ops.special.orders import check_count, order_of
from graphc.ops.special.polygammas import polygamma_value

#: The zero of psi(1 + x), as the sum of two floats.
_ZERO_64 = (0.46163214496836236, -1.5522348162858677e-17)
_ZERO_32 = (0.4616321325302124, 1.2438149938918909e-08)
#: Words for where all of them are finite.
NO_POLE = "x not 0, -1, -2, ..."


def sine_of_pi(xp: Any, x: Any) -> tuple[Any, Any]:
    """Returns sin(pi x), and cos(pi x) with the same sign left out; x less an integer is exact."""
    rest = x - xp.round(x)
    odd = xp.mod(xp.round(x), 2) != 0
    sine = xp.sin(rest * math.pi)
    return xp.where(odd, -sine, sine), xp.where(
        odd, -xp.cos(rest * math.pi), xp.cos(rest * math.pi)
    )


def _table(name: str, x: Any) -> Any:
    return getattr(tables, f"{name}_{64 if is_double(x) else 32}")


def _mirrored(xp: Any, x: Any) -> tuple[Any, Any]:
    """Returns where x is mirrored, and the argument above -1/2 that is then left."""
    flip = x <= -0.5
    return flip, xp.where(flip, -x, x)


def _gamma(xp: Any, x: Any) -> Any:
    flip, y = _mirrored(xp, x)
    low = y < 1
    near = quotient(xp.where(low, y + 0.5, y - 0.5), _table("WHOLE", x))
    near = xp.where(low, near / y, near)
    # Above the cap it is infinite, and infinity times e**-x is not.
    large = xp.minimum(xp.where(y < 2, xp.ones_like(y) * 2, y), 300 if is_double(x) else 60)
    half = xp.power(large, large * 0.5 - 0.25)  # the whole power overflows before Gamma does
    far = (half * xp.exp(-large)) * half * quotient(1 / large, _table("STIRLING", x))
    value = xp.where(y < 2, near, far * math.sqrt(2 * math.pi))
    sine = sine_of_pi(xp, x)[0]
    sine = xp.where(sine == 0, math.nan, sine)
    return xp.where(flip, (-math.pi / (x * sine)) / value, value)


def _lgamma(xp: Any, x: Any) -> Any:
    flip, y = _mirrored(xp, x)
    low = y < 1
    between = xp.where(low, y + 1, y)
    factor = xp.where(low, y * (y - 1), (y - 1) * (y - 2))  # exact up to their product
    near = factor * xp.where(
        between < 2,
        quotient(between, _table("LOG_LOW", x)),
        quotient(between, _table("LOG_HIGH", x)),
    )
    logarithm = xp.log(xp.abs(y))
    near = xp.where(low, near - logarithm, near)
    far = (y - 0.5) * (logarithm - 1) + (0.5 * math.log(2 * math.pi) - 0.5)
    far = far + quotient(1 / (y * y), _table("LOG_FAR", x)) / y
    value = xp.where(y < 4, near, far)
    sine = xp.abs(sine_of_pi(xp, x)[0])
    return xp.where(flip, xp.log(math.pi / (y * sine)) - value, value)


def _digamma(xp: Any, x: Any) -> Any:
    flip, y = _mirrored(xp, x)
    low = y < 1
    inner = xp.where(low, y, y - 1)
    head, rest = _ZERO_64 if is_double(x) else _ZERO_32
    near = ((inner - head) - rest) * quotient(inner + 0.5, _table("SLOPE_LOW", x))
    near = xp.where(low, near - 1 / y, near)
    far = xp.log(y) - 0.5 / y - quotient(1 / (y * y), _table("SLOPE_FAR", x)) / (y * y)
    value = xp.where(y < 2, near, xp.where(y * y > 1e30, xp.log(y), far))
    sine, cosine = sine_of_pi(xp, x)
    pole = xp.where(sine == 0, xp.nan, math.pi * cosine / sine)
    return xp.where(flip, value + 1 / y - pole, value)


def gamma_value(xp: Any, x: Any) -> Any:
    """Returns the value of `gamma`."""
    return xp.with_slope(
        lambda v: _gamma(xp, v), lambda v: gamma_value(xp, v) * digamma_value(xp, v), x
    )


def lgamma_value(xp: Any, x: Any) -> Any:
    """Returns the value of `lgamma`, for records that are made with it."""
    return xp.with_slope(lambda v: _lgamma(xp, v), lambda v: digamma_value(xp, v), x)


def digamma_value(xp: Any, x: Any) -> Any:
    """Returns the value of `digamma`, for records that are made with it."""
    return xp.with_slope(lambda v: _digamma(xp, v), lambda v: polygamma_value(xp, v, 1), x)


def _near_zero(following: Callable[[Node], Node]) -> Callable[[Node], Node | None]:
    """Returns the error of a value that has zeros: beside them, what a rounded operand makes."""

    def rounding(node: Node) -> Node | None:
        (x,) = node.args
        eps = node.type.dtype.epsilon
        size = apply_named("abs", node) + apply_named("abs", x * following(x))
        return apply_named("mul", size, 6.0 * eps)

    return rounding


gamma = elementwise(
    "gamma",
    run=gamma_value,
    partials=(lambda out, x: out * digamma(x),),
    formula=lambda m, x: m.gamma(x),
    latex=r"\Gamma({0})",
    flops=110,
    domain=NO_POLE,
    ulp=8.0,
    doc="Returns the gamma function, (x - 1)! for whole x; NaN at -1, -2, ....",
)
lgamma = elementwise(
    "lgamma",
    run=lgamma_value,
    partials=(lambda out, x: digamma(x),),
    formula=lambda m, x: m.lgamma(x),
    latex=r"\log \left|\Gamma({0})\right|",
    flops=110,
    domain=NO_POLE,
    ulp=6.0,
    rounding=_near_zero(lambda x: digamma(x)),
    doc="Returns log(abs(gamma(x))), without overflow; infinite at 0, -1, -2, ....",
)
digamma = elementwise(
    "digamma",
    run=digamma_value,
    partials=(lambda out, x: polygamma_op(x, order=1),),
    formula=lambda m, x: m.polygamma(x, 0),
    latex=r"\psi({0})",
    flops=80,
    domain=NO_POLE,
    ulp=6.0,
    rounding=_near_zero(lambda x: polygamma_op(x, order=1)),
    doc="Returns the slope of log(gamma(x)); infinite at 0, NaN at -1, -2, ....",
)


def _check(x: TensorType, order: int) -> None:
    check_count("order", order, 1)


polygamma_op = elementwise(
    "polygamma",
    run=lambda xp, x, order: polygamma_value(xp, x, order),
    partials=(lambda out, x, order: polygamma_op(x, order=order + 1),),
    formula=lambda m, x, order: m.polygamma(x, order),
    latex=r"\psi^{{({order})}}({0})",
    flops=250,
    domain=NO_POLE,
    ulp=8.0,
    rounding=lambda node: _polygamma_rounding(node),
    check=_check,
    doc="Returns the derivative of that order of digamma.",
)


def _polygamma_rounding(node: Node) -> float | Node | None:
    order = node.params["order"]
    following = polygamma_op(node.args[0], order=order_of(order + 1))
    size = apply_named("abs", node) + apply_named("abs", node.args[0] * following)
    return apply_named("mul", size, 6.0 * node.type.dtype.epsilon)


@public
def polygamma(n: int, x: Any) -> Node:
    """Returns the n-th derivative of digamma at x; digamma itself for n = 0.

    Args:
        n: a Python integer, 0 to 100.
        x: any shape; 0, -1, -2, ... are poles.

    Raises:
        ArgumentError: n is no such integer.
    """
    check_count("n", n, 0)
    node = as_node(x)
    return digamma(node) if n == 0 else polygamma_op(node, order=n)


@public
def gammasgn(x: Any) -> Node:
    """Returns the sign of gamma(x): 1 or -1, NaN at the poles -1, -2, ...; 1 at 0, as SciPy.

    Args:
        x: any shape.
    """
    node = apply_named("stop_gradient", as_node(x) * 1.0)
    whole = apply_named("floor", node)
    sign = 1.0 - 2.0 * apply_named("mod", whole, 2.0)
    pole = apply_named("where", apply_named("equal", whole, node), node * math.nan, sign)
    return apply_named("where", node < 0, pole, apply_named("where", node >= 0, 1.0, node))
