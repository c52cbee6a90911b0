"""The gamma function's logarithm and its derivatives on mpmath numbers, at any size and digits.

mpmath's own compute Bernoulli's numbers anew for each number of digits, which takes seconds where
there are a thousand of them. Here they are kept as quotients of integers, and far fewer are needed:
an operand is first carried up to where the asymptotic series ends soon.

Source: NIST Digital Library of Mathematical Functions, 5.5.3, 5.11.1, 5.15.1, 5.15.8; Brent and
Harvey, "Fast computation of Bernoulli, tangent and secant numbers" (2013), section 6.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from graphc.ops.special.polygammas import cotangent

#: Bits that a sum is computed with beyond those asked for.
_SPARE = 30
#: A sum that cancels by more bits than any two floats and their digits can make it is 0.
_MOST_LOST = 4400

_bernoulli: list[tuple[int, int]] = []


def bernoulli(j: int) -> tuple[int, int]:
    """Returns Bernoulli's number B_2j, j > 0, as numerator and denominator."""
    if j > len(_bernoulli):
        _bernoulli[:] = _numbers(max(64, j + j // 5))  # the time grows with the cube
    return _bernoulli[j - 1]


def _numbers(count: int) -> Iterator[tuple[int, int]]:
    """Yields B_2, B_4, ..., B_(2 count), by the tangent numbers, which are integers."""
    tangents = [1] * (count + 1)
    for k in range(2, count + 1):
        tangents[k] = (k - 1) * tangents[k - 1]
    for k in range(2, count + 1):
        for j in range(k, count + 1):
            tangents[j] = (j - k) * tangents[j - 1] + (j - k + 2) * tangents[j]
    for k in range(1, count + 1):
        above, below = (-1) ** (k - 1) * 2 * k * tangents[k], 4**k * (4**k - 1)
        common = math.gcd(above, below)
        yield above // common, below // common


def settled(c: Any, parts: Callable[[], Sequence[Any]], spare: int = 0) -> Any:
    """Returns the sum of parts that may cancel, with all digits of the context.

    Args:
        c: the context.
        parts: computes the parts, at the context's precision of the moment.
        spare: bits that the parts need beyond those of the sum.
    """
    spare += _SPARE
    while True:
        with c.workprec(c.prec + spare):
            found = parts()
            value = c.fsum(found)
        if not c.isfinite(value):
            return value
        largest = max(c.mag(p) for p in found)
        lost = largest - c.mag(value) + _SPARE - 10 if value else c.prec + spare
        if lost <= spare:
            return +value
        if spare > 2 * c.prec + _MOST_LOST:
            return c.zero
        spare = lost + 10


def _parts(c: Any, x: Any, order: int) -> list[Any]:
    """Returns what adds up to psi of that order at x > 0, or to log(gamma(x)) for order -1."""
    sign, whole = (-1) ** (order + 1), math.factorial(max(order, 0))
    steps = max(0, c.prec // 3 + order + 2 - int(x))
    far = x + steps
    if order < 0:
        before = -c.log(c.fprod(x + k for k in range(steps))) if steps else c.zero
        lead = [(far - 0.5) * c.log(far), -far, c.log(2 * c.pi) / 2]
    else:
        before = whole * sum(((x + k) ** -(order + 1) for k in range(steps)), c.zero) * sign
        if order == 0:
            lead = [c.log(far), -1 / (2 * far)]
        else:
            first = sign * (whole // order) / far**order
            lead = [first, first * order / (2 * far)]
    least = c.ldexp(abs(lead[0]), -c.prec)
    factor = sign * c.mpf(math.factorial(order + 1)) / 2 / far ** (order + 2)
    series, square = c.zero, far * far
    for k in range(1, c.prec):
        above, below = bernoulli(k)
        term = factor * above / below
        series += term
        if abs(term) <= least:
            break
        factor = factor * ((2 * k + order) * (2 * k + order + 1))
        factor /= square * ((2 * k + 1) * (2 * k + 2))
    return [before, *lead, series]


def loggamma(c: Any, x: Any) -> Any:
    """Returns log(abs(gamma(x))) for an x that is finite and no pole."""
    x = c.convert(x)
    if x == 1 or x == 2:
        return c.zero
    if x > 0:
        return settled(c, lambda: _parts(c, x, -1))

    def parts() -> list[Any]:
        return [c.log(c.pi / abs(c.sinpi(x))), *[-p for p in _parts(c, 1 - x, -1)]]

    return settled(c, parts, max(0, c.mag(x)))


def psi(c: Any, order: int, x: Any) -> Any:
    """Returns the derivative of that order of digamma, for an x that is finite and no pole."""
    x = c.convert(x)
    if x > 0:
        return settled(c, lambda: _parts(c, x, order))

    def parts() -> list[Any]:
        cot = c.cospi(x) / c.sinpi(x)
        turned = c.polyval([c.mpf(k) for k in reversed(cotangent(order))], cot)
        sign = (-1) ** order
        return [-turned * c.pi ** (order + 1), *[sign * p for p in _parts(c, 1 - x, order)]]

    return settled(c, parts, max(0, c.mag(x)) + (order + 2) * 8)
