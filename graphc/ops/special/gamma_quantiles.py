"""The quantile of the logarithm of a gamma variable, with derivatives of any order.

A gamma variable x of shape a has y = log x, with the density h(a, y) = e**(a y - e**y) / Gamma(a)
and the distribution function G(a, y) = P(a, e**y). At a fixed probability y moves with a by
-G_a / h, the implicit derivative. Its quotients D_n = (d/da)**n G / h close under differentiation:
dD_n/da = D_(n+1) - D_n (y - psi(a)) and dD_n/dy = B_n(y - psi(a), -psi_1(a), ...) - D_n (a - e**y).
The logarithm, since for a small a nearly all x lie below the smallest float.

Source: Figurnov, Mohamed and Mnih, "Implicit reparameterization gradients" (2018), equation 5;
DLMF 8.7.1 (the series) and 8.8.5 (from a to a + 1).
"""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes

from graphc.core.node import Node, apply_named
from graphc.core.type import TensorType
from graphc.ops.define import elementwise
from graphc.ops.exponential import exp
from graphc.ops.special.gammas import digamma, digamma_value, lgamma, lgamma_value, polygamma_op
from graphc.ops.special.igammas import MAX_ORDER, bell, quotient_value
from graphc.ops.special.inverse_error import erfinv_value
from graphc.ops.special.orders import check_count
from graphc.ops.special.polygammas import polygamma_value

#: Newton's steps at most; five are the rule.
STEPS = 20
_TERMS, _SMALL = 14, 0.5


def _bell_value(xp: Any, a: Any, first: Any, order: int) -> Any:
    return bell(order, first, lambda k: polygamma_value(xp, a, k))


def _quotient(xp: Any, a: Any, y: Any, order: int) -> Any:
    """Returns D_n. Below a = 1 it is taken at a + 1, where nothing lies near the smallest float."""
    x = xp.exp(y)
    first = y - digamma_value(xp, a + 1)
    raised = (a < 1) & (first < 0)
    safe_x = xp.where(raised, xp.maximum(x, 1e-30), x)
    above = quotient_value(xp, xp.where(raised, a + 1, a), safe_x, order)
    tail = _bell_value(xp, a + 1, xp.where(raised, first, xp.zeros_like(first)), order)
    return xp.where(raised, (above * x + tail) / a, above)


def _quotient_value(xp: Any, a: Any, y: Any, order: int) -> Any:
    def plain(u: Any, v: Any) -> Any:
        inside = (u > 0) & (v < 700) & (v > -math.inf)
        found = _quotient(xp, xp.where(inside, u, 1.0), xp.where(inside, v, 0.0), order)
        return xp.where(inside, found, xp.full_like(found, math.nan))

    def by_a(u: Any, v: Any) -> Any:
        last = _quotient_value(xp, u, v, order) * (v - digamma_value(xp, u))
        return _quotient_value(xp, u, v, order + 1) - last

    def by_y(u: Any, v: Any) -> Any:
        first = _bell_value(xp, u, v - digamma_value(xp, u), order)
        return first - _quotient_value(xp, u, v, order) * (u - xp.exp(v))

    return xp.special.with_slopes(xp, plain, (by_a, by_y), a, y)


def _check(a: TensorType, y: TensorType, order: int) -> None:
    check_count("order", order, 1, MAX_ORDER)


def _quotient_rounding(node: Node) -> Node:
    """Returns the error: that of the first factor, y - psi(a), over where it is integrated."""
    a, y = node.args
    size = apply_named("abs", y) + apply_named("abs", digamma(a)) + 1.0
    width = 1.0 / a + apply_named("rsqrt", a)
    factor = apply_named("integer_pow", size, exponent=node.params["order"])
    return (apply_named("abs", node) * (60.0 + a) + factor * width) * (
        8.0 * node.type.dtype.epsilon
    )


def _quotient_by_a(out: Node, a: Node, y: Node, order: int) -> Node:
    return igamma_quotient(a, y, order=order + 1) - out * (y - digamma(a))


def _quotient_by_y(out: Node, a: Node, y: Node, order: int) -> Node:
    first = bell(order, y - digamma(a), lambda k: polygamma_op(a, order=k))
    return first - out * (a - exp(y))


igamma_quotient = elementwise(
    "igamma_quotient",
    run=lambda xp, a, y, order: _quotient_value(xp, a, y, order),
    partials=(_quotient_by_a, _quotient_by_y),
    formula=lambda m, a, y, order: m.igamma_quotient(a, y, order),
    latex=r"D_{{{order}}}({0}, {1})",
    flops=450,
    domain="a > 0, y a logarithm",
    ulp=256.0,
    rounding=_quotient_rounding,
    check=_check,
    doc="Returns the derivative of that order by a of P(a, exp(y)), over its derivative by y.",
)


def _start(xp: Any, a: Any, p: Any) -> Any:
    """Returns a first guess: what is below it for sure, or Wilson and Hilferty's where higher."""
    below = (xp.log(p) + lgamma_value(xp, a + 1)) / a
    normal = erfinv_value(xp, p * 2 - 1) * math.sqrt(2)
    cube = 1 - 1 / (9 * a) + normal / (3 * xp.sqrt(a))
    guess = xp.log(a) + 3 * xp.log(xp.where(cube > 0.01, cube, xp.full_like(cube, 0.01)))
    return xp.where((a >= 1) & (cube > 0.01), xp.maximum(below, guess), below)


def _move(xp: Any, a: Any, p: Any, small: Any, y: Any) -> Any:
    """Returns a step of Newton's: on log P by y, or above the median on log Q by x.

    log P is concave in y, and log Q convex in x for a < 1: the steps then come from below and never
    leave. Up to x = 1/2, log P is a series, exact in y however small x is.
    """
    x = xp.exp(xp.where(small, xp.minimum(y, 0.0), y))
    term = total = xp.where(small, x, xp.zeros_like(x)) / (a + 1)
    for k in range(2, _TERMS + 1):
        term = term * x / (a + k)
        total = total + xp.where(small, term, xp.zeros_like(term))
    series = a * y - lgamma_value(xp, a + 1) - x + xp.log1p(total)
    by_series = (xp.log(p) - series) * (1 + total) / a
    inner = xp.where(small, xp.ones_like(x), x)
    density = xp.exp(a * xp.log(inner) - inner - lgamma_value(xp, a))
    under, over = xp.special.igamma(xp, a, inner), xp.special.igammac(xp, a, inner)
    by_under = (xp.log(p) - xp.log(under)) * under / density
    by_over = (xp.log(over) - xp.log(1 - p)) * over / density
    by_over = xp.log1p(xp.maximum(by_over, -0.9))
    return xp.where(small, by_series, xp.where(p <= 0.5, by_under, by_over))


def _quantile(xp: Any, a: Any, p: Any) -> Any:
    inside = (a > 0) & (a < math.inf) & (p > 0) & (p < 1)
    u, v = xp.where(inside, a, 1.0), xp.where(inside, p, 0.5)
    small = v <= xp.special.igamma(xp, u, xp.full_like(u, _SMALL))
    near = math.sqrt(float(ml_dtypes.finfo(u.dtype).eps)) / 16  # the error left is as its square
    found = xp.special.settled(
        xp, lambda y: _move(xp, u, v, small, y), _start(xp, u, v), near, STEPS
    )
    edge = xp.where(p == 0, xp.full_like(found, -math.inf), xp.full_like(found, math.nan))
    edge = xp.where(p == 1, xp.full_like(found, math.inf), edge)
    edge = xp.where(a > 0, edge, xp.full_like(found, math.nan))
    return xp.where(inside, found, edge)


def _quantile_value(xp: Any, a: Any, p: Any) -> Any:
    def by_a(u: Any, v: Any) -> Any:
        return -_quotient_value(xp, u, _quantile_value(xp, u, v), 1)

    def by_p(u: Any, v: Any) -> Any:
        y = _quantile_value(xp, u, v)
        return xp.exp(xp.exp(y) + lgamma_value(xp, u) - u * y)

    return xp.special.with_slopes(xp, lambda u, v: _quantile(xp, u, v), (by_a, by_p), a, p)


def _quantile_rounding(node: Node) -> Node:
    """Returns the error: P's, and its argument's, over its slope; and that of y itself."""
    a, p = node.args
    slope = exp(exp(node) + lgamma(a) - a * node)
    parts = apply_named("abs", a * node) + exp(node) + apply_named("abs", lgamma(a)) + 60.0
    chance = apply_named("minimum", p, 1.0 - p)
    return (chance * slope * parts + apply_named("abs", node)) * (4.0 * node.type.dtype.epsilon)


log_gamma_quantile = elementwise(
    "log_gamma_quantile",
    run=lambda xp, a, p: _quantile_value(xp, a, p),
    partials=(
        lambda out, a, p: -igamma_quotient(a, out, order=1),
        lambda out, a, p: exp(exp(out) + lgamma(a) - a * out),
    ),
    formula=lambda m, a, p: m.log_gamma_quantile(a, p),
    latex=r"\log P^{{-1}}({0}, {1})",
    flops=8000,
    domain="a > 0, 0 < p < 1",
    ulp=256.0,
    rounding=_quantile_rounding,
    doc="Returns log x of the x below which a gamma variable of shape a lies with probability p.",
)
