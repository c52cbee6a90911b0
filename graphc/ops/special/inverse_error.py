"""The inverses of the error function and of the normal distribution: elementwise records.

Both tails are functions of q = 1 - |x|, which is exact where it is small: what takes log(1 - x**2)
from the rounded square, as XLA does, has 3 digits left at x = 1 - 1e-13. A slope is
exp(y**2) = erfcx(y) / q there, with no error of y multiplied by y**2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.node import Node, apply_named, as_node
from graphc.ops.define import elementwise
from graphc.ops.gaussian import scaled_tail
from graphc.ops.source import number
from graphc.ops.special.fractions import is_double, quotient

# Quotients of polynomials, lowest power first, fitted with 50 digits in Chebyshev points.
#: erfinv(x) / x in w = -log(1 - x**2), 0 <= w <= 6, to 1e-18 and to 3e-9.
_MIDDLE_64 = (
    (
        0.886226925452758, 0.3036036544285724, 0.07668403902183688, 0.01367639481517932,
        0.0017800105955267994, 0.00017242979280693665, 1.1694345383797653e-05,
        4.528205541014294e-07, 1.2849512068443692e-09, -5.576489173424368e-10,
    ),
    (
        1.0, 0.08078065091211692, 0.05234831017652518, 0.0033095470518331813,
        0.000817213079520801, 3.449760263207765e-05, 3.2698670209215774e-06,
        4.189814542907739e-08, -2.1693728125588475e-09, -4.2115666961288825e-11,
    ),
)  # fmt: skip
_MIDDLE_32 = (
    (0.886226928, 0.282249382, 0.0502773756, 0.00596939142, 0.000426144586, 1.05705132e-05),
    (1.0, 0.0566850205, 0.0288593304, 0.00107755823, 0.000115380741),
)
#: y / s in s = sqrt(-log(erfc(y))), 2.57 <= s <= 6.2, to 1e-18.
_TAIL_64 = (
    (
        0.004880584768726339, 0.8467289647666093, 2.027530221848722, 2.7850761468776586,
        3.1532248359684414, 1.0596131934523785, 0.10611225570850985, 0.002652996216287647,
        -4.954101972443651e-10,
    ),
    (
        1.0, 2.116564934003371, 4.044457746431568, 4.0078563286688, 3.3391810253706478,
        1.0664702008492686, 0.10612929080977732, 0.0026528903910051404,
    ),
)  # fmt: skip
#: The same in 1 / s, 6.1 <= s <= 27.3, to 1e-16; and for 2.57 <= s <= 10.3, to 6e-9.
_FAR_64 = (
    (
        1.000001811543814, 157.60610679068168, 6469.469883760797, 91470.47058400711,
        464625.8147893004, 734588.7427728842, 151961.97853884957, 36471.069117883446,
        -461.9884628118596,
    ),
    (
        1.0, 157.6076520873275, 6472.7446610216775, 91855.0286467824, 476717.2050570438,
        859952.8252191773, 564440.8250956094, 332592.75889857026,
    ),
)  # fmt: skip
_FAR_32 = (
    (1.00019935, 8.05330806, 5.84618198, -2.76028061, 0.925304972),
    (1.0, 8.0721455, 7.77205195, 3.64441534),
)

_Pair = Sequence[Sequence[float]]


def _quantile(xp: Any, x: Any, q: Any, far: bool) -> Any:
    """Returns y >= 0 of erf(y) = x and erfc(y) = q, given both as exactly as floats have them."""
    double = is_double(x)
    w = -xp.log(q * (2 - q))
    middle = x * quotient(w, _MIDDLE_64 if double else _MIDDLE_32)
    s = xp.sqrt(-xp.log(q))
    tail = s * (quotient(s, _TAIL_64) if double else quotient(1 / s, _FAR_32))
    if far and double:
        tail = xp.where(s < 6.1, tail, s * quotient(1 / s, _FAR_64))
    end = xp.where(q == 0, s, tail)  # s is infinite there
    return xp.where(w < 6, middle, end)


def _steep(xp: Any, y: Any, q: Any) -> Any:
    """Returns exp(y**2) for y >= 0 of erfc(y) = q."""
    far = y > 0.5
    near = xp.where(far, xp.ones_like(y) * 0.5, y)
    tail = scaled_tail(xp.where(far, y, xp.ones_like(y))) / q
    return xp.where(far, xp.where(q == 0, 1 / q, tail), xp.exp(near * near))


def _erfinv(xp: Any, x: Any) -> Any:
    size = xp.abs(x)
    y = _quantile(xp, size, 1 - size, far=False)
    return xp.where(x < 0, -y, y)


def _erfinv_steep(xp: Any, x: Any) -> Any:
    size = xp.abs(x)
    q = 1 - size
    return _steep(xp, _quantile(xp, size, q, far=False), q) * (math.sqrt(math.pi) / 2)


def erfinv_value(xp: Any, x: Any) -> Any:
    """Returns the value of `erfinv`, for records that are made with it."""
    return xp.with_slope(lambda v: _erfinv(xp, v), lambda v: _erfinv_slope_value(xp, v), x)


def _erfinv_slope_value(xp: Any, x: Any) -> Any:
    return xp.with_slope(
        lambda v: _erfinv_steep(xp, v),
        lambda v: 2 * erfinv_value(xp, v) * _erfinv_slope_value(xp, v) ** 2,
        x,
    )


def _sides(xp: Any, p: Any) -> tuple[Any, Any, Any]:
    """Returns whether p < 1/2, and |2 p - 1| with what is left of it to 1."""
    left = p < 0.5
    q = 2 * xp.where(left, p, 1 - p)  # exact from 1/2 on, and p itself below
    return left, 1 - q, q


def _normal_quantile(xp: Any, p: Any) -> Any:
    left, x, q = _sides(xp, p)
    y = _quantile(xp, x, q, far=True) * math.sqrt(2)
    return xp.where(left, -y, y)


def _normal_quantile_steep(xp: Any, p: Any) -> Any:
    _, x, q = _sides(xp, p)
    return _steep(xp, _quantile(xp, x, q, far=True), q) * math.sqrt(2 * math.pi)


def _normal_quantile_value(xp: Any, p: Any) -> Any:
    return xp.with_slope(
        lambda v: _normal_quantile(xp, v), lambda v: _normal_quantile_slope_value(xp, v), p
    )


def _normal_quantile_slope_value(xp: Any, p: Any) -> Any:
    return xp.with_slope(
        lambda v: _normal_quantile_steep(xp, v),
        lambda v: _normal_quantile_value(xp, v) * _normal_quantile_slope_value(xp, v) ** 2,
        p,
    )


erfinv_slope = elementwise(
    "erfinv_slope",
    run=_erfinv_slope_value,
    partials=(lambda out, x: erfinv(x) * out * out * 2,),
    formula=lambda m, x: m.erfinv_slope(x),
    latex=r"\frac{{\sqrt{{\pi}}}}{{2}} e^{{\operatorname{{erf}}^{{-1}}({0})^2}}",
    flops=150,
    domain="-1 < x < 1",
    ulp=8.0,
    doc="Returns the slope of erfinv, sqrt(pi) / 2 * exp(erfinv(x)**2), accurate near 1 and -1.",
)
erfinv = elementwise(
    "erfinv",
    run=erfinv_value,
    partials=(lambda out, x: erfinv_slope(x),),
    formula=lambda m, x: m.erfinv(x),
    latex=r"\operatorname{{erf}}^{{-1}}({0})",
    flops=90,
    domain="-1 < x < 1",
    ulp=4.0,
    doc="Returns y of erf(y) = x; infinite at 1 and -1, NaN beyond.",
)
normal_quantile_slope = elementwise(
    "normal_quantile_slope",
    run=_normal_quantile_slope_value,
    partials=(lambda out, p: normal_quantile(p) * out * out,),
    formula=lambda m, p: m.normal_quantile_slope(p),
    latex=r"\frac{{1}}{{\varphi(\Phi^{{-1}}({0}))}}",
    flops=150,
    domain="0 < p < 1",
    ulp=8.0,
    doc="Returns the slope of normal_quantile, sqrt(2 pi) * exp(normal_quantile(p)**2 / 2).",
)
normal_quantile = elementwise(
    "normal_quantile",
    run=_normal_quantile_value,
    partials=(lambda out, p: normal_quantile_slope(p),),
    formula=lambda m, p: m.normal_quantile(p),
    latex=r"\Phi^{{-1}}({0})",
    flops=90,
    domain="0 < p < 1",
    ulp=5.0,
    doc="Returns z of normal_cdf(z) = p (SciPy's ndtri); infinite at 0 and 1, NaN beyond.",
)


@public
def erfcinv(x: Any) -> Node:
    """Returns y of erfc(y) = x, accurate for small x; infinite at 0 and 2, NaN beyond.

    Args:
        x: any shape, 0 < x < 2.
    """
    node = as_node(x)
    made = apply_named("normal_quantile", node * 0.5)
    return made * number("-1/sqrt(2)", made.dtype)
