"""The modified Bessel functions of the first kind, of whole order: elementwise records.

The slope of i0e(x) = e**-x I0(x) is a difference that cancels: JAX's i1e - i0e has lost 6 digits at
x = 1e6. With M_n(x) = (1/pi) integral of (1 - cos t)**n e**(-x (1 - cos t)) dt from 0 to pi it is
-M_1, and the slope of M_n is -M_(n + 1): positive numbers, each computed as one.

I_n and M_n are Kummer functions: e**-x I_n(x) = (x/2)**n / n! e**-z F(n + 1/2, 2 n + 1, z) and
M_n(x) = 2**n B(n + 1/2, 1/2) / pi e**-z F(1/2, n + 1, z) with z = 2 x, whose series have positive
terms; from z0 on stand their asymptotic series.

Source: NIST Digital Library of Mathematical Functions, 10.39.5, 13.2.2, 13.7.2.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from graphc.core.calls import public
from graphc.core.node import Node, apply_named
from graphc.core.op import Kink
from graphc.core.type import TensorType
from graphc.ops.arithmetic import step_sign
from graphc.ops.define import elementwise
from graphc.ops.special.fractions import is_double, polynomial
from graphc.ops.special.orders import check_count

#: Derivatives of i0 and i1 beyond this order of I_n are refused.
MAX_ORDER = 10
#: Terms of the asymptotic series for float64 and for float32, which holds 34!.
_FAR = (38, 14)
#: The series is one in z / 64, so that no coefficient leaves the range of float32.
_UNIT = 64.0


@cache
def _series(a: float, b: int, end: float) -> tuple[float, ...]:
    """Returns the coefficients of e**(-end / 2) F(a, b, z) in z / 64, enough for z < end."""
    found: list[float] = []
    term, reach, total, k = math.exp(-end / 2), math.exp(-end / 2), 0.0, 0
    while k < end or reach > 1e-18 * total:
        found.append(term)
        total += reach
        grow = (a + k) / ((b + k) * (k + 1.0))
        term, reach, k = term * grow * _UNIT, reach * grow * end, k + 1
    return tuple(found)


@cache
def _asymptotic(a: float, c: float, terms: int) -> tuple[float, ...]:
    """Returns (a)_k (c)_k / k!."""
    found = [1.0]
    for k in range(terms):
        found.append(found[-1] * (a + k) * (c + k) / (k + 1))
    return tuple(found)


def _far(z: Any, a: float, c: float) -> Any:
    return polynomial(1 / z, _asymptotic(a, c, _FAR[0] if is_double(z) else _FAR[1]))


def _kummer(xp: Any, z: Any, a: float, b: int, end: float) -> Any:
    """Returns e**-z F(a, b, z) for 0 <= z <= end."""
    inside = xp.minimum(z, end)
    return polynomial(inside * (1 / _UNIT), _series(a, b, end)) * xp.exp(end / 2 - inside)


def _scaled(xp: Any, size: Any, order: int) -> Any:
    """Returns e**-x I_n(x) for x >= 0."""
    if order < 2:
        return (xp.special.i0e if order == 0 else xp.special.i1e)(xp, size)
    end, z = 44.0 + order * order, size * 2
    near = _kummer(xp, z, order + 0.5, 2 * order + 1, end)
    near = near * (xp.minimum(size, end) * 0.5) ** order / math.factorial(order)
    large = xp.maximum(z, end)
    far = _far(large, order + 0.5, 0.5 - order)
    return xp.where(z < end, near, far / (xp.sqrt(large) * math.sqrt(math.pi)))


def _moment(xp: Any, x: Any, order: int) -> Any:
    z = xp.abs(x) * 2
    end = 44.0 + 4 * order
    lead = 2.0**order * math.gamma(order + 0.5) / math.pi
    near = _kummer(xp, z, 0.5, order + 1, end) * (lead * math.sqrt(math.pi) / math.factorial(order))
    large = xp.maximum(z, end)
    far = _far(large, order + 0.5, 0.5) * lead
    root = 1 / xp.sqrt(large)
    for _ in range(order):
        root = root / large
    return xp.where(z < end, near, far * root)


def _bessel_i(xp: Any, x: Any, order: int) -> Any:
    size = xp.abs(x)
    half = xp.exp(size * 0.5)  # e**x overflows before I_n does
    value = half * _scaled(xp, size, order) * half
    return xp.where(x < 0, -value, value) if order % 2 else value


def _bessel_value(xp: Any, x: Any, order: int) -> Any:
    def slope(v: Any) -> Any:
        above = _bessel_value(xp, v, order + 1)
        return (_bessel_value(xp, v, order - 1) + above) * 0.5 if order else above

    return xp.with_slope(lambda v: _bessel_i(xp, v, order), slope, x)


def _moment_value(xp: Any, x: Any, order: int) -> Any:
    return xp.with_slope(
        lambda v: _moment(xp, v, order),
        lambda v: -xp.sign(v) * _moment_value(xp, v, order + 1),
        x,
    )


def _i0e(xp: Any, x: Any) -> Any:
    return xp.with_slope(
        lambda v: xp.special.i0e(xp, v), lambda v: -xp.sign(v) * _moment_value(xp, v, 1), x
    )


def _i1e(xp: Any, x: Any) -> Any:
    return xp.with_slope(
        lambda v: xp.special.i1e(xp, v),
        lambda v: _moment_value(xp, v, 2) - _moment_value(xp, v, 1),
        x,
    )


def _check(x: TensorType, order: int) -> None:
    check_count("order", order, 0, MAX_ORDER)


def _bessel_slope(out: Node, x: Node, order: int) -> Node:
    above = bessel_i(x, order=order + 1)
    return (bessel_i(x, order=order - 1) + above) * 0.5 if order else above


_AT_ZERO = Kink(
    where="x = 0",
    at=lambda xp, x, **_: x == 0,
    slope=lambda xp, dx, x, **_: dx * 0,
    departs="",
)
bessel_i = elementwise(
    "bessel_i",
    run=lambda xp, x, order: _bessel_value(xp, x, order),
    partials=(_bessel_slope,),
    formula=lambda m, x, order: m.bessel_i(x, order),
    latex="I_{{{order}}}({0})",
    flops=60,
    domain="every x",
    ulp=16.0,
    check=_check,
    doc="Returns the modified Bessel function of the first kind, of whole order.",
)
bessel_moment = elementwise(
    "bessel_moment",
    run=lambda xp, x, order: _moment_value(xp, x, order),
    partials=(lambda out, x, order: -(step_sign(x) * bessel_moment(x, order=order + 1)),),
    formula=lambda m, x, order: m.bessel_moment(x, order),
    latex="M_{{{order}}}({0})",
    flops=300,
    domain="every x",
    ulp=16.0,
    kink=_AT_ZERO,
    check=_check,
    doc="Returns the derivative of that order of e**-x I0(x), without its sign, at abs(x).",
)
i0e = elementwise(
    "i0e",
    run=_i0e,
    partials=(lambda out, x: -(step_sign(x) * bessel_moment(x, order=1)),),
    formula=lambda m, x: m.bessel_moment(x, 0),
    latex=r"e^{{-|{0}|}} I_0({0})",
    flops=60,
    domain="every x",
    ulp=4.0,
    kink=_AT_ZERO,
    doc="Returns exp(-abs(x)) * i0(x), which does not overflow; at 0 its slope is 0.",
)
i1e = elementwise(
    "i1e",
    run=_i1e,
    partials=(lambda out, x: bessel_moment(x, order=2) - bessel_moment(x, order=1),),
    formula=lambda m, x: m.i1e(x),
    latex=r"e^{{-|{0}|}} I_1({0})",
    flops=60,
    domain="every x",
    ulp=8.0,
    doc="Returns exp(-abs(x)) * i1(x), which does not overflow.",
)


@public
def i0(x: Any) -> Node:
    """Returns the modified Bessel function of the first kind of order 0.

    Args:
        x: any shape; beyond 713 the result is infinite in float64.
    """
    return apply_named("bessel_i", x, order=0)


@public
def i1(x: Any) -> Node:
    """Returns the modified Bessel function of the first kind of order 1.

    Args:
        x: any shape; beyond 713 the result is infinite in float64.
    """
    return apply_named("bessel_i", x, order=1)
