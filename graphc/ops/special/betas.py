"""The logarithm of the beta function, and differences of psi: elementwise records.

log B(x, y) = lgamma(x) + lgamma(y) - lgamma(x + y) cancels where an operand is large: JAX's betaln
has 7 digits left at (12, 0.3). Stirling's series are subtracted term by term instead. Its slopes
are differences of psi, taken the same way.

Source: Didonato and Morris, "Significant digit computation of the incomplete beta function ratios"
(1992), section 6; NIST Digital Library of Mathematical Functions, 5.11.1, 5.15.8.
"""

from __future__ import annotations

import math
from typing import Any

from graphc.core.calls import public
from graphc.core.node import Node, apply_named, as_node
from graphc.core.type import TensorType
from graphc.ops.define import elementwise
from graphc.ops.special import gamma_tables as tables
from graphc.ops.special.fractions import is_double, quotient
from graphc.ops.special.gammas import (
    digamma,
    digamma_value,
    gammasgn,
    lgamma,
    lgamma_value,
    polygamma_op,
    sine_of_pi,
)
from graphc.ops.special.orders import check_count, order_of
from graphc.ops.special.polygammas import (
    TERMS,
    bernoulli,
    polygamma_value,
    rest,
    shift,
    whole_power,
)

#: From here on Stirling's series is taken.
_LARGE = 8.0


def _stirling(x: Any) -> Any:
    """Returns lgamma(x) - (x - 1/2) log(x) + x - log(2 pi) / 2 for x >= 4."""
    return quotient(1 / (x * x), tables.LOG_FAR_64 if is_double(x) else tables.LOG_FAR_32) / x


def _betaln(xp: Any, x: Any, y: Any) -> Any:
    low, high = xp.minimum(x, y), xp.maximum(x, y)
    # B(-a, y) B(a, y - a) = pi / (a sin(pi a)), up to the sign.
    turned = (low < 0) & (low + high > 0)
    size, rest = xp.where(turned, -low, 1.0), low + high
    left = xp.where(turned, xp.minimum(size, rest), low)
    value = _on_the_right(xp, left, xp.where(turned, xp.maximum(size, rest), high))
    sine = xp.abs(sine_of_pi(xp, size)[0])
    lead = -xp.log(sine / size / math.pi) - 2 * xp.log(size)  # no product underflows
    return xp.where(turned, lead - value, value)


def _on_the_right(xp: Any, low: Any, high: Any) -> Any:
    """Returns log(abs(B)) with Stirling's series where both operands are positive."""
    large = xp.maximum(high, _LARGE)
    between = xp.minimum(xp.maximum(low, 0.0), _LARGE)
    both = xp.maximum(low, _LARGE)
    logarithm = xp.log1p(between / large)
    total = between + large
    fall = (large - 0.5) * logarithm + between * (xp.log(total) - 1)
    fall = fall + (_stirling(total) - _stirling(large))
    one_large = lgamma_value(xp, low) - fall
    share = both / large
    two_large = (both - 0.5) * xp.log(share / (1 + share)) - large * xp.log1p(share)
    two_large = two_large - 0.5 * xp.log(large) + 0.5 * math.log(2 * math.pi)
    two_large = two_large + (_stirling(both) + _stirling(large) - _stirling(both + large))
    plain = lgamma_value(xp, low) + lgamma_value(xp, high) - lgamma_value(xp, low + high)
    value = xp.where(low >= _LARGE, two_large, one_large)
    return xp.where((high < _LARGE) | (low <= 0), plain, value)


def _step(xp: Any, x: Any, d: Any, order: int) -> Any:
    """Returns psi_n(x + d) - psi_n(x) for x > 0 and x + d > 0."""
    total, count = x * 0, shift(order)
    whole = math.factorial(order)
    for k in reversed(range(count)):
        here = x + k if k else x
        if order == 0:
            total = total + (d / (here + d)) / here
        else:
            fall = xp.expm1(xp.log1p(d / here) * -(order + 1.0))
            total = total + whole_power(xp, here, whole, order + 1) * fall
    far = x + count
    inverse, logarithm = 1 / far, xp.log1p(d / far)
    square = inverse * inverse
    if order == 0:
        series = (d / (far + d)) * inverse * 0.5
        power = inverse * 0 + 1
        for j, b in enumerate(bernoulli(TERMS), start=1):
            power = power * square
            series = series - power * xp.expm1(logarithm * (-2.0 * j)) * float(b / (2 * j))
        return total + (logarithm + series)
    series = xp.expm1(logarithm * -float(order))
    series = series + inverse * (order * 0.5) * xp.expm1(logarithm * -(order + 1.0))
    power = inverse * 0 + 1
    for j, c in enumerate(rest(order), start=1):
        power = power * square
        series = series + power * xp.expm1(logarithm * -(order + 2.0 * j)) * c
    total = total + whole_power(xp, far, math.factorial(order - 1), order) * series
    return total if order % 2 else -total


def _polygamma_step(xp: Any, x: Any, d: Any, order: int) -> Any:
    inside = (x > 0) & (x + d > 0)
    near = _step(xp, xp.where(inside, x, 1.0), xp.where(inside, d, 1.0), order)

    def plain(v: Any) -> Any:
        return polygamma_value(xp, v, order) if order else digamma_value(xp, v)

    return xp.where(inside, near, plain(x + d) - plain(x))


def _step_value(xp: Any, x: Any, d: Any, order: int) -> Any:
    return xp.special.with_slopes(
        xp,
        lambda u, v: _polygamma_step(xp, u, v, order),
        (
            lambda u, v: _step_value(xp, u, v, order + 1),
            lambda u, v: polygamma_value(xp, u + v, order + 1),
        ),
        x,
        d,
    )


def _betaln_value(xp: Any, x: Any, y: Any) -> Any:
    return xp.special.with_slopes(
        xp,
        lambda u, v: _betaln(xp, u, v),
        (lambda u, v: -_step_value(xp, u, v, 0), lambda u, v: -_step_value(xp, v, u, 0)),
        x,
        y,
    )


def _check(x: TensorType, d: TensorType, order: int) -> None:
    check_count("order", order, 0)


def _slope(x: Node, order: int) -> Node:
    return polygamma_op(x, order=order) if order else digamma(x)


def _step_rounding(node: Node) -> Node | None:
    """Returns the error of a difference: of its two parts where an end is left of 0."""
    x, d = node.args
    order = node.params["order"]
    end, parts = x + d, apply_named("abs", node) * 0
    for v in (x, end):
        parts = parts + apply_named("abs", _slope(v, order))
        parts = parts + apply_named("abs", v * _slope(v, order_of(order + 1)))
    inside = apply_named("minimum", x, end) > 0
    size = apply_named("abs", node) + apply_named("where", inside, x * 0, parts)
    return apply_named("mul", size, 12.0 * node.type.dtype.epsilon)


polygamma_step = elementwise(
    "polygamma_step",
    run=lambda xp, x, d, order: _step_value(xp, x, d, order),
    partials=(
        lambda out, x, d, order: polygamma_step(x, d, order=order + 1),
        lambda out, x, d, order: polygamma_op(x + d, order=order + 1),
    ),
    formula=lambda m, x, d, order: m.polygamma_step(x, d, order),
    latex=r"\left(\psi^{{({order})}}({0} + {1}) - \psi^{{({order})}}({0})\right)",
    flops=700,
    domain="x, y > 0",
    ulp=12.0,
    rounding=lambda node: _step_rounding(node),
    check=_check,
    doc="Returns psi_n(x + d) - psi_n(x), n the order, accurate for small d.",
)


def _rounding(node: Node) -> Node | None:
    """Returns the error of a value with zeros: relative to its parts, which are of size 1 there.

    Left of 0 the parts are larger: the reflection's, or where that has none, three logarithms,
    with what a rounded operand makes of each.
    """
    x, y = node.args
    low, total = apply_named("minimum", x, y), x + y
    lead = apply_named("abs", lgamma(low) + lgamma(-low))
    parts = apply_named("abs", total * digamma(total))
    for v in (x, y, total):
        parts = parts + apply_named("abs", lgamma(v))
    for v in (x, y):
        parts = parts + apply_named("abs", v * digamma(v))
    more = apply_named("where", total > 0, lead, parts)
    size = apply_named("abs", node) + 1.0 + apply_named("where", low < 0, more, x * 0)
    return apply_named("mul", size, 12.0 * node.type.dtype.epsilon)


betaln = elementwise(
    "betaln",
    run=_betaln_value,
    partials=(
        lambda out, x, y: -polygamma_step(x, y, order=0),
        lambda out, x, y: -polygamma_step(y, x, order=0),
    ),
    formula=lambda m, x, y: m.betaln(x, y),
    latex=r"\log \left|B({0}, {1})\right|",
    flops=400,
    domain="x, y > 0",
    ulp=12.0,
    rounding=_rounding,
    doc="Returns log(abs(beta(x, y))), accurate where an operand is large.",
)


@public
def beta(x: Any, y: Any) -> Node:
    """Returns gamma(x) * gamma(y) / gamma(x + y), as exp(betaln(x, y)) with its sign.

    Its relative error is that of the exponential, abs(betaln(x, y)) times the rounding of betaln.

    Args:
        x: any shape.
        y: any shape that fits.
    """
    value = betaln(x, y)
    first, second = (as_node(v, value.dtype) for v in (x, y))
    signs = gammasgn(first) * gammasgn(second) * gammasgn(first + second)
    return signs * apply_named("exp", value)
