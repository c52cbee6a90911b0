"""The incomplete gamma functions, with derivatives of any order by both operands.

P(a, x) is the chance of a gamma variable below x. Differentiated n times by a its density
t**(a - 1) e**-t / Gamma(a) takes the factor B_n(log t - psi(a), -psi_1(a), ...), a complete Bell
polynomial. For n > 0 the integral is taken numerically, from 0 to x or from x on, whichever side
the first factor does not change its sign on, by the double exponential rule: nothing cancels, and
JAX's `igamma_grad_a`, which ends at n = 1, is not needed.

Source: Takahasi and Mori, "Double exponential formulas for numerical integration" (1974); Comtet,
"Advanced Combinatorics" (1974), 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.node import Node, apply_named
from graphc.core.type import TensorType
from graphc.ops.define import elementwise
from graphc.ops.exponential import exp, log
from graphc.ops.special.gammas import (
    digamma,
    digamma_value,
    lgamma,
    lgamma_value,
    polygamma_op,
)
from graphc.ops.special.orders import check_count
from graphc.ops.special.polygammas import polygamma_value

#: Derivatives by a beyond this order are refused.
MAX_ORDER = 6
_STEP = 1 / 12
#: The nodes, exp(t - exp(-t)), with their weights: from 1e-19 to 150 times the scale.
_NODES = tuple(
    (math.exp(t - math.exp(-t)), _STEP * (1 + math.exp(-t)) * math.exp(t - math.exp(-t)))
    for t in (k * _STEP for k in range(-45, 61))
)


def bell(order: int, first: Any, psi: Callable[[int], Any]) -> Any:
    """Returns B_n(first, -psi(1), -psi(2), ...), the complete Bell polynomial; 1 for n = 0."""
    found: list[Any] = [1.0]
    for n in range(order):
        total = found[n] * first if n else first
        for k in range(1, n + 1):
            term = psi(k) * float(math.comb(n, k)) if k > 1 or n > 1 else psi(k)
            total = total - (found[n - k] * term if n > k else term)
        found.append(total)
    return found[order]


def _integral(xp: Any, a: Any, x: Any, order: int) -> tuple[Any, Any]:
    """Returns the derivative of P over the density x**(a - 1), or x**a where that is told."""
    psi = [digamma_value(xp, a), *[polygamma_value(xp, a, k) for k in range(1, order)]]
    logarithm = xp.log(x)
    lower = logarithm < psi[0]
    apart = xp.maximum(xp.where(lower, a - x, x - a), 0)
    # Below x with t = x e**-u, above with t = x + u: so that the end falls off as an exponential.
    scale = xp.where(lower, 1, x + 1) / (
        apart + xp.sqrt(xp.maximum(a, x)) + xp.where(lower, xp.zeros_like(x), xp.ones_like(x))
    )

    def term(node: Any, weight: Any) -> Any:
        u = scale * node
        log_ratio = xp.where(lower, -u, xp.log1p(u / x))
        power = xp.where(lower, -(a * u + x * xp.expm1(-u)), (a - 1) * log_ratio - u)
        factor = bell(order, logarithm - psi[0] + log_ratio, lambda k: psi[k])
        return xp.exp(power) * factor * weight

    total = xp.special.summed(xp, term, _NODES, x * 0)
    return xp.where(lower, total, -total) * scale, lower


def _derivative(xp: Any, a: Any, x: Any, order: int) -> Any:
    """Returns the derivative of P of that order by a, for a > 0 and x > 0."""
    found, lower = _integral(xp, a, x, order)
    lead = xp.where(lower, a, a - 1) * xp.log(x)
    return found * xp.exp(lead - x - lgamma_value(xp, a))


def quotient_value(xp: Any, a: Any, x: Any, order: int) -> Any:
    """Returns the derivative of P of that order by a, over that by log x, for a > 0 and x > 0."""
    found, lower = _integral(xp, a, x, order)
    return xp.where(lower, found, found / x)


def _density(xp: Any, a: Any, x: Any) -> Any:
    return xp.exp((a - 1) * xp.log(x) - x - lgamma_value(xp, a))


def _value(xp: Any, a: Any, x: Any, order: int) -> Any:
    def plain(u: Any, v: Any) -> Any:
        if order == 0:
            return xp.special.igamma(xp, u, v)
        inside = (u > 0) & (v > 0) & (v < math.inf)
        found = _derivative(xp, xp.where(inside, u, 1.0), xp.where(inside, v, 1.0), order)
        return xp.where(inside, found, xp.where((u > 0) & (v >= 0), 0.0, math.nan))

    def by_x(u: Any, v: Any) -> Any:
        first = xp.log(v) - digamma_value(xp, u)
        return _density(xp, u, v) * bell(order, first, lambda k: polygamma_value(xp, u, k))

    return xp.special.with_slopes(xp, plain, (lambda u, v: _value(xp, u, v, order + 1), by_x), a, x)


def _complement(xp: Any, a: Any, x: Any) -> Any:
    return xp.special.with_slopes(
        xp,
        lambda u, v: xp.special.igammac(xp, u, v),
        (lambda u, v: -_value(xp, u, v, 1), lambda u, v: -_density(xp, u, v)),
        a,
        x,
    )


def _by_x(a: Node, x: Node, order: int) -> Node:
    density = exp((a - 1) * log(x) - x - lgamma(a))
    if order == 0:
        return density
    return density * bell(order, log(x) - digamma(a), lambda k: polygamma_op(a, order=k))


def _check(a: TensorType, x: TensorType, order: int) -> None:
    check_count("order", order, 0, MAX_ORDER)


def _rounding(node: Node) -> Node | None:
    """Returns the error: the density's exponent, and the libraries', are rounded in their parts."""
    a, x = node.args
    order = node.params.get("order", 0)
    parts = apply_named("abs", a * log(x)) + x + apply_named("abs", lgamma(a)) + 60.0
    size: Sequence[Node] = [apply_named("abs", node)]
    if order:
        # A derivative has zeros, beside which it is as accurate as around them.
        size = [*size, x * exp((a - 1) * log(x) - x - lgamma(a))]
    total = size[0] if len(size) == 1 else size[0] + size[1]
    return apply_named("mul", total * parts, 4.0 * node.type.dtype.epsilon)


igamma_op = elementwise(
    "igamma",
    run=lambda xp, a, x, order: _value(xp, a, x, order),
    partials=(
        lambda out, a, x, order: igamma_op(a, x, order=order + 1),
        lambda out, a, x, order: _by_x(a, x, order),
    ),
    formula=lambda m, a, x, order: m.igamma(a, x, order),
    latex=r"P^{{({order})}}({0}, {1})",
    flops=400,
    domain="a, x > 0",
    ulp=256.0,
    rounding=_rounding,
    check=_check,
    doc="Returns the derivative of that order by a of the regularized lower incomplete gamma.",
)
igammac = elementwise(
    "igammac",
    run=_complement,
    partials=(
        lambda out, a, x: -igamma_op(a, x, order=1),
        lambda out, a, x: -_by_x(a, x, 0),
    ),
    formula=lambda m, a, x: m.igammac(a, x),
    latex=r"Q({0}, {1})",
    flops=400,
    domain="a, x > 0",
    ulp=256.0,
    rounding=_rounding,
    doc="Returns the regularized upper incomplete gamma function (SciPy's gammaincc), 1 - igamma.",
)


@public
def igamma(a: Any, x: Any) -> Node:
    """Returns the regularized lower incomplete gamma function (SciPy's gammainc).

    It has derivatives by both operands, up to order 6 by a.

    Args:
        a: the shape parameter, a > 0; NaN below 0.
        x: the upper end, x >= 0.
    """
    return apply_named("igamma", a, x, order=0)
