"""The derivatives of psi: a sum of positive terms, and Euler's and Maclaurin's rest of it.

(-1)**(n + 1) psi_n(x) = n! sum over k of (x + k)**-(n + 1). The first terms are added as they are,
for the others stands the asymptotic series in Bernoulli's numbers. Nothing cancels for x > 0.

Source: NIST Digital Library of Mathematical Functions, 5.15.1, 5.15.6, 5.15.8.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from graphc.ops.special.fractions import polynomial

if TYPE_CHECKING:
    from fractions import Fraction

#: Terms of the asymptotic series.
TERMS = 14


@cache
def bernoulli(count: int) -> tuple[Fraction, ...]:
    """Returns Bernoulli's numbers B_2, B_4, ... B_(2 count)."""
    from fractions import Fraction  # `import graphc` goes without

    numbers: list[Fraction] = []
    row: list[Fraction] = []
    for m in range(2 * count + 1):
        row.append(Fraction(1, m + 1))
        for j in range(m, 0, -1):
            row[j - 1] = j * (row[j - 1] - row[j])
        numbers.append(row[0])
    return tuple(numbers[2::2])


def shift(order: int) -> int:
    """Returns how many terms are added so that the rest is exact to 1e-17."""
    return 10 + order


@cache
def rest(order: int) -> tuple[float, ...]:
    """Returns the asymptotic series' coefficients in X**-2, less its first two terms."""
    base = math.factorial(order - 1)
    return tuple(
        float(b * math.factorial(2 * k + order - 1) / (math.factorial(2 * k) * base))
        for k, b in enumerate(bernoulli(TERMS), start=1)
    )


@cache
def _scale(value: int, power: int) -> tuple[float, float]:
    """Returns c, a power of 2, and value / c**power of moderate size: no factor overflows."""
    from fractions import Fraction  # as above

    exponent = round(math.log2(value) / power) if value > 50_000 else 0
    rest = Fraction(value) / Fraction(2) ** (exponent * power)
    return 2.0**exponent, float(rest)


def whole_power(xp: Any, x: Any, factor: int, power: int) -> Any:
    """Returns factor * x**-power."""
    c, rest = _scale(factor, power)
    return xp.power(x * (1 / c), -float(power)) * rest


def _positive(xp: Any, x: Any, order: int, first: int = 0) -> Any:
    """Returns n! times the sum of (x + k)**-(n + 1) over k >= first."""
    total: Any = None
    whole = math.factorial(order)
    for k in reversed(range(first, first + shift(order))):
        term = whole_power(xp, x + k if k else x, whole, order + 1)
        total = term if total is None else total + term
    far = x + (first + shift(order))
    inverse = 1 / far
    series = polynomial(inverse * inverse, (0.0, *rest(order))) + order * 0.5 * inverse
    lead = whole_power(xp, far, math.factorial(order - 1), order)
    return total + (lead + lead * series)


@cache
def cotangent(order: int) -> tuple[int, ...]:
    """Returns the derivative of cot in units of it: coefficients in c = cot, with one sign."""
    row = [0, 1]
    for _ in range(order):
        slope = [k * v for k, v in enumerate(row)][1:]
        row = [0] * (len(row) + 1)
        for k, v in enumerate(slope):
            row[k] -= v
            row[k + 2] -= v
    return tuple(row)


def _mirror(xp: Any, x: Any, order: int) -> Any:
    """Returns the derivative of pi cot(pi x)."""
    rest = x - xp.round(x)
    size = xp.abs(rest)
    sine = xp.sin(rest * math.pi)
    cosine = xp.sin((0.5 - size) * math.pi)  # which keeps its digits where it is small
    sine = xp.where(rest == 0, xp.nan if order % 2 == 0 else sine, sine)
    cot = cosine / sine
    coefficients = [float(c) for c in cotangent(order)]
    parity = (order + 1) % 2
    value = polynomial(cot * cot, coefficients[parity::2])
    return (value * cot if parity else value) * math.pi ** (order + 1)


def _value(xp: Any, x: Any, order: int) -> Any:
    left = x < 0
    y = xp.where(left, -x, x)
    one = xp.ones_like(x)
    right = _positive(xp, xp.where(left, one, y), order)
    mirrored = -_positive(xp, xp.where(left, y, one), order, first=1) - _mirror(xp, x, order)
    return xp.where(left, mirrored, right if order % 2 else -right)


def polygamma_value(xp: Any, x: Any, order: int) -> Any:
    """Returns the value of `polygamma`."""
    return xp.with_slope(
        lambda v: _value(xp, v, order), lambda v: polygamma_value(xp, v, order + 1), x
    )
