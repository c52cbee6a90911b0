"""The Gaussian, the error function and the normal distribution: elementwise records.

exp(-x**2) computed as it is written loses x**2 ulp, 700 at the end of its range, because x**2 is
rounded before exp sees it; every tail here is that loss. So `gaussian` is an operation of its own,
which takes x apart, and the tails of erfc and of the normal distribution are products with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from graphc.core.errors import ArgumentError
from graphc.core.node import Node
from graphc.core.type import TensorType
from graphc.ops.define import elementwise
from graphc.ops.source import number

#: Beyond this exp(-x**2 / 2) is 0 in every dtype.
_END = 40.0
# Chebyshev expansions, computed with 60 digits, written as polynomials, lowest power first.
#: (1 + 2 z) exp(z**2) erfc(z) in (z - 5/2) / (z + 5/2), z >= 1/2, to 1e-17 and to 1e-8.
_SCALED_TAIL_64 = (
    1.2648381843668615, -0.12235676308240434, -0.09902453957360198, 0.15762991902322465,
    -0.10296705603855409, 0.032760893268367425, 0.0009318928167427195, -0.004382078333836223,
    0.0004918658216306906, 0.0006321242606714221, -8.847930118446389e-05, -0.00011352175339583069,
    6.266224643830742e-06, 2.269670105525718e-05, 2.609020340569687e-06, -4.208880913776511e-06,
    -1.5881856404559327e-06, 5.097283312288253e-07, 5.434642908433654e-07, 5.309463075545826e-08,
    -1.4203156571641252e-07, -5.241570668051919e-08, 3.2836170305033344e-08,
    1.1970950909292388e-08, -5.90559595675224e-09,
)  # fmt: skip
_SCALED_TAIL_32 = (
    1.26483819, -0.122356778, -0.0990246976, 0.157630494, -0.102964381, 0.032754268,
    0.000916388302, -0.00434845093, 0.000527336229, 0.000551601718, -0.000113177059,
    -3.16244606e-05,
)  # fmt: skip
#: erf(x) / x in x**2, |x| <= 1/2, to 1e-18 and to 1e-9.
_NEAR_64 = (
    1.1283791670955126, -0.3761263890318375, 0.1128379167095487, -0.026866170645000076,
    0.005223977622024224, -0.0008548326511566567, 0.00012055286259121393, -1.4923005626894847e-05,
    1.6371282597755977e-06, -1.4621341491012844e-07,
)  # fmt: skip
_NEAR_32 = (
    1.12837917, -0.376126385, 0.112837741, -0.0268631502, 0.0052004464, -0.000769505667,
)  # fmt: skip


def _polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    total = x * 0 + coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total


def _is_double(x: Any) -> bool:
    return x.dtype.itemsize == 8


def _bell(xp: Any, x: Any, factor: float) -> Any:
    """Returns exp(-factor * x**2), by exp(-factor * h**2) with h**2 exact, and a series beside."""
    if x.dtype.kind == "c":
        head = xp.round(xp.real(x) * 16) / 16
        return xp.exp(head * head * -factor) * xp.exp((x - head) * (x + head) * -factor)
    size = xp.minimum(xp.abs(x), _END)
    unit = 2.0**20 if _is_double(x) else 2.0**8
    head = xp.round(size * unit) * (1 / unit)
    rest = (size - head) * (size + head) * -factor  # at most 2e-5 in float64, 0.04 in float32
    series = 1 + rest * (1 + rest * (1 / 2 + rest * (1 / 6 + rest * (1 / 24))))
    return xp.exp(head * head * -factor) * series


def scaled_tail(x: Any) -> Any:
    """Returns exp(x**2) erfc(x) for x >= 1/2."""
    coefficients = _SCALED_TAIL_64 if _is_double(x) else _SCALED_TAIL_32
    return _polynomial((x - 2.5) / (x + 2.5), coefficients) / (x * 2 + 1)


def _near(xp: Any, x: Any) -> Any:
    """Returns erf(x) for |x| <= 1/2."""
    squared = xp.minimum(x * x, 0.25)
    return x * _polynomial(squared, _NEAR_64 if _is_double(x) else _NEAR_32)


def _erfc(xp: Any, x: Any) -> Any:
    if xp.fast_erfc is not None and not _is_double(x):
        return xp.fast_erfc(x)
    size = xp.minimum(xp.abs(x), _END)
    tail = _bell(xp, x, 1.0) * scaled_tail(size)
    return xp.where(size < 0.5, 1 - _near(xp, x), xp.where(x < 0, 2 - tail, tail))


def _normal_cdf(xp: Any, x: Any) -> Any:
    # The Gaussian of x itself: the error of x / sqrt(2) would count x**2 times in the tail.
    scaled = x * math.sqrt(0.5)
    if xp.fast_erfc is not None and not _is_double(x):
        return xp.fast_erfc(-scaled) * 0.5
    size = xp.minimum(xp.abs(scaled), _END)
    tail = _bell(xp, x, 0.5) * scaled_tail(size) * 0.5
    near = _near(xp, scaled) * 0.5 + 0.5
    return xp.where(size < 0.5, near, xp.where(x > 0, 1 - tail, tail))


def normal_cdf_value(xp: Any, x: Any) -> Any:
    """Returns the value of `normal_cdf`, for records that are made with it."""
    return xp.with_slope(
        lambda v: _normal_cdf(xp, v), lambda v: _bell(xp, v, 0.5) / math.sqrt(2 * math.pi), x
    )


def _check_factor(x: TensorType, factor: float) -> None:
    if factor not in (0.5, 1.0):
        raise ArgumentError(f"factor={factor!r} is neither 0.5 nor 1.0", "scale x instead")


gaussian = elementwise(
    "gaussian",
    run=lambda xp, x, factor: xp.with_slope(
        lambda v: _bell(xp, v, factor), lambda v: v * _bell(xp, v, factor) * (-2 * factor), x
    ),
    partials=(lambda out, x, factor: x * out * (-2 * factor),),  # x * -2 might overflow
    formula=lambda m, x, factor: m.exp(-x * x if factor == 1.0 else m.div(-x * x, 2)),
    latex=r"e^{{-{factor} \cdot {0}^2}}",
    flops=20,
    domain="every x",
    ulp=3.0,
    holomorphic=True,
    check=_check_factor,
    doc="Returns exp(-factor * x**2) to the last digits; the factor is 1 or 1/2.",
)


def _tail_rounding(node: Node) -> float:
    # XLA's own float32 form is taken as it is, for its speed: x**2 reaches 104 in its tail.
    return 256.0 if node.type.dtype.bits == 32 else 5.0


erf = elementwise(
    "erf",
    run=lambda xp, x: xp.erf(x),
    partials=(lambda out, x: _erf_slope(x),),
    formula=lambda m, x: m.erf(x),
    latex=r"\operatorname{{erf}}({0})",
    flops=20,
    domain="every x",
    ulp=2.0,
    doc="Returns the error function, 2/sqrt(pi) times the integral of exp(-t**2) from 0 to x.",
)
erfc = elementwise(
    "erfc",
    run=lambda xp, x: xp.with_slope(
        lambda v: _erfc(xp, v), lambda v: _bell(xp, v, 1.0) * (-2 / math.sqrt(math.pi)), x
    ),
    partials=(lambda out, x: -_erf_slope(x),),
    formula=lambda m, x: m.erfc(x),
    latex=r"\operatorname{{erfc}}({0})",
    flops=60,
    domain="every x",
    ulp=5.0,
    rounding=_tail_rounding,
    doc="Returns 1 - erf(x), accurate in the right tail.",
)
normal_cdf = elementwise(
    "normal_cdf",
    run=lambda xp, x: normal_cdf_value(xp, x),
    partials=(lambda out, x: gaussian(x, factor=0.5) * number("1/sqrt(2*pi)", x.dtype),),
    formula=lambda m, x: m.erfc(x * m.number("-1/sqrt(2)")) / 2,
    latex=r"\Phi({0})",
    flops=60,
    domain="every x",
    ulp=5.0,
    rounding=_tail_rounding,
    doc="Returns the normal distribution function, erfc(-x / sqrt(2)) / 2, accurate in the tail.",
)


def _erf_slope(x: Node) -> Node:
    return gaussian(x, factor=1.0) * number("2/sqrt(pi)", x.dtype)
