"""Hurwitz's zeta function and its derivatives by the exponent: one elementwise record.

zeta(s, q) is the sum of (q + k)**-s, its n-th derivative by s has (-log(q + k))**n beside. The
first terms are added as they are; Euler's and Maclaurin's rest is a series in s too, and it is
differentiated by carrying the first n + 1 terms of each factor's expansion about s.

Source: NIST Digital Library of Mathematical Functions, 25.11.1, 25.11.5.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.core.calls import public
from graphc.core.node import Node, apply_named
from graphc.core.type import TensorType
from graphc.ops.define import elementwise
from graphc.ops.special.orders import check_count
from graphc.ops.special.polygammas import TERMS, bernoulli

#: Terms that are added where q is small beside s.
_FIRST = 12
#: Derivatives by s beyond this order are refused.
MAX_ORDER = 12


def _zeta(xp: Any, s: Any, q: Any, order: int) -> Any:
    small = q < s + _FIRST
    total = s * 0 + q * 0
    for k in reversed(range(_FIRST)):
        here = q + k if k else q
        term = xp.power(here, -s)
        if order:
            term = term * (-xp.log(here)) ** order
        total = total + term
    far = xp.where(small, q + _FIRST, q)  # a rounded q + k would count s times
    lead = xp.power(far, 1 - s)
    inverse = 1 / far
    # The expansion in e of 1 / (s - 1 + e) + 1 / (2 X) + sum of B_2j / (2j)! (s + e) ... X**-2j.
    gap = 1 / (s - 1)
    series = [gap]
    for _ in range(order):
        series.append(series[-1] * -gap)
    series[0] = series[0] + 0.5 * inverse
    rising = [s * inverse * inverse, inverse * inverse + s * 0] + [s * 0] * max(0, order - 1)
    rising = rising[: order + 1]
    for j, b in enumerate(bernoulli(TERMS), start=1):
        scale = float(b / math.factorial(2 * j))
        series = [a + r * scale for a, r in zip(series, rising, strict=True)]
        for m in (2 * j - 1, 2 * j):
            rising = [
                (r * (s + m) + (rising[i - 1] if i else 0)) * inverse for i, r in enumerate(rising)
            ]
    logarithm = -xp.log(far)
    found, weight = series[order], 1.0
    power = logarithm
    for i in range(1, order + 1):
        weight = weight / i
        found = found + series[order - i] * power * weight
        power = power * logarithm
    # For huge s the series overflows where the power before it is 0, and nothing is left of both.
    rest = xp.where(lead == 0, lead, lead * found * float(math.factorial(order)))
    value = xp.where(small, total, total * 0) + rest
    value = xp.where(total - total == 0, value, total)  # infinite at q = 0
    value = xp.where(s == 1, math.inf if order % 2 == 0 else -math.inf, value)
    return xp.where((s < 1) | (q < 0), math.nan, value)


def _zeta_value(xp: Any, s: Any, q: Any, order: int) -> Any:
    def by_q(u: Any, v: Any) -> Any:
        slope = u * _zeta_value(xp, u + 1, v, order)
        return -(slope + order * _zeta_value(xp, u + 1, v, order - 1) if order else slope)

    return xp.special.with_slopes(
        xp,
        lambda u, v: _zeta(xp, u, v, order),
        (lambda u, v: _zeta_value(xp, u, v, order + 1), by_q),
        s,
        q,
    )


def _by_q(out: Node, s: Node, q: Node, order: int) -> Node:
    slope = s * zeta_op(s + 1, q, order=order)
    if order:
        slope = slope + zeta_op(s + 1, q, order=order - 1) * order
    return -slope


def _check(s: TensorType, q: TensorType, order: int) -> None:
    check_count("order", order, 0, MAX_ORDER)


zeta_op = elementwise(
    "zeta",
    run=lambda xp, s, q, order: _zeta_value(xp, s, q, order),
    partials=(lambda out, s, q, order: zeta_op(s, q, order=order + 1), _by_q),
    formula=lambda m, s, q, order: m.zeta(s, q, order),
    latex=r"\zeta^{{({order})}}({0}, {1})",
    flops=400,
    domain="s > 1, q > 0",
    ulp=16.0,
    rounding=lambda node: _rounding(node),
    check=_check,
    doc="Returns the derivative of that order by s of the sum of (q + k)**-s over k >= 0.",
)


def _rounding(node: Node) -> Node | None:
    """Returns the error of a value that may have zeros: a derivative's, where q < 1."""
    s, q = node.args
    size = apply_named("abs", node)
    order = node.params["order"]
    if order:
        first = apply_named("exp", apply_named("log", q) * -s)
        size = size + first * apply_named("abs", apply_named("log", q)) ** order
    return apply_named("mul", size, 16.0 * node.type.dtype.epsilon)


@public
def zeta(x: Any, q: Any = 1.0) -> Node:
    """Returns Hurwitz's zeta function, the sum of (q + k)**-x over k = 0, 1, ....

    It has derivatives by both, of any order up to 12 by x.

    Args:
        x: any shape; infinite at 1, NaN below.
        q: any shape that fits; NaN below 0. With q = 1, as by default, it is Riemann's.
    """
    return apply_named("zeta", x, q, order=0)
