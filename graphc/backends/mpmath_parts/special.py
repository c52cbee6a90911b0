"""The special functions that scalar formulas use, on mpmath numbers; `m` is the `Scalars`."""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any

from graphc.backends.mpmath_parts.gammas import bernoulli, loggamma, psi, settled

#: Beyond this the gamma function is infinite in every float.
HUGE = 10**9


def erfinv(m: Any, x: Any) -> Any:
    """Returns y of erf(y) = x."""
    size = abs(x)
    if size != size or size > 1:
        return m.nan
    y = _tail(m, 1 - size) if size > 0.5 else _middle(m, size)
    return -y if x < 0 else y


def normal_quantile(m: Any, p: Any) -> Any:
    """Returns z of Phi(z) = p."""
    p = m.context.convert(p)
    if not 0 <= p <= 1:
        return m.nan
    left = p < 0.5
    q = 2 * p if left else 2 * (1 - p)
    y = (_tail(m, q) if q < 0.5 else _middle(m, 1 - q)) * m.context.sqrt(2)
    return -y if left else y


def erfinv_slope(m: Any, x: Any) -> Any:
    """Returns the slope of erfinv."""
    c = m.context
    return c.sqrt(c.pi) / 2 * m.exp(erfinv(m, x) ** 2)


def normal_quantile_slope(m: Any, p: Any) -> Any:
    """Returns the slope of normal_quantile."""
    c = m.context
    return c.sqrt(2 * c.pi) * m.exp(normal_quantile(m, p) ** 2 / 2)


def _middle(m: Any, x: Any) -> Any:
    """Returns y of erf(y) = x for 0 <= x <= 1/2."""
    c = m.context

    def step(y: Any) -> Any:
        return (c.erf(y) - x) * c.sqrt(c.pi) / 2 * c.exp(y * y)

    return _newton(c, step, x * c.mpf("0.9"))


def _tail(m: Any, q: Any) -> Any:
    """Returns y of erfc(y) = q for q <= 1/2, where its logarithm is nearly a parabola."""
    c = m.context
    if q == 0:
        return m.inf
    target = c.log(q)

    def step(y: Any) -> Any:
        tail = c.erfc(y)
        return (target - c.log(tail)) * tail * c.exp(y * y) * c.sqrt(c.pi) / 2

    return _newton(c, step, c.sqrt(-target) * c.mpf("0.75"))


def _newton(c: Any, step: Callable[[Any], Any], y: Any) -> Any:
    """Returns y without its last Newton step's error; each step has twice the last one's bits."""
    bits = c.prec + 10
    plan = [bits]
    while plan[-1] > 60:
        plan.append(plan[-1] // 2 + 5)
    with c.workprec(plan.pop()):
        for _ in range(100):
            move = step(y)
            y -= move
            if abs(move) <= abs(y) * c.ldexp(1, -25):
                break
    for bits in reversed(plan):
        with c.workprec(bits):
            y -= step(y)
    return +y


def _is_pole(m: Any, x: Any) -> bool:
    return x != x or (x <= 0 and (abs(x) == m.inf or x == m.context.floor(x)))


def gamma(m: Any, x: Any) -> Any:
    """Returns the gamma function; an infinity at 0, NaN at the other poles."""
    if x == 0:
        return m.inf
    if _is_pole(m, x):
        return m.nan
    if x > HUGE or -x > HUGE:
        return m.inf if x > 0 else m.context.zero
    c = m.context
    with c.workprec(c.prec + 60 + max(0, c.mag(x))):  # a billion's logarithm has 35 bits
        value = c.exp(loggamma(c, abs(x)))
        if x < 0:
            value = -c.pi / (x * c.sinpi(x) * value)
    return +value


def lgamma(m: Any, x: Any) -> Any:
    """Returns log(abs(gamma(x)))."""
    if x == m.inf or (_is_pole(m, x) and abs(x) < m.inf):
        return m.inf
    return m.nan if x != x or x == -m.inf else loggamma(m.context, x)


def polygamma(m: Any, x: Any, order: int) -> Any:
    """Returns the derivative of psi of that order."""
    if x == 0:
        return m.inf if order % 2 else -m.inf
    if x == m.inf:
        return m.context.zero if order else m.inf
    if _is_pole(m, x):
        return m.inf if order % 2 and x > -m.inf else m.nan
    return psi(m.context, order, x)


def cbrt(m: Any, x: Any) -> Any:
    """Returns the real cube root."""
    if x == 0 or x != x or abs(x) == m.inf:
        return x
    root = m.context.cbrt(abs(x))
    return -root if x < 0 else root


def logaddexp(m: Any, x: Any, y: Any) -> Any:
    """Returns log(e**x + e**y)."""
    if x != x or y != y:
        return m.nan
    high, low = (x, y) if x >= y else (y, x)
    return high if abs(high) == m.inf else high + m.log1p(m.exp(low - high))


def logaddexp2(m: Any, x: Any, y: Any) -> Any:
    """Returns log2(2**x + 2**y)."""
    unit = m.context.log(2)
    return logaddexp(m, x * unit, y * unit) / unit


def xlogy(m: Any, x: Any, y: Any) -> Any:
    """Returns x log(y), 0 where x is 0."""
    return m.context.zero if x == 0 and y == y else x * m.log(y)


def xlog1py(m: Any, x: Any, y: Any) -> Any:
    """Returns x log(1 + y), 0 where x is 0."""
    return m.context.zero if x == 0 and y == y else x * m.log1p(y)


def entr(m: Any, x: Any) -> Any:
    """Returns -x log(x)."""
    if x < 0:
        return -m.inf
    return m.context.zero if x == 0 else -x * m.log(x)


def bessel_i(m: Any, x: Any, order: int) -> Any:
    """Returns the modified Bessel function of the first kind."""
    if abs(x) > HUGE:
        return m.inf if x > 0 or order % 2 == 0 else -m.inf
    return m.context.besseli(order, x)


def bessel_moment(m: Any, x: Any, order: int) -> Any:
    """Returns the derivative of that order of e**-x I0(x), without its sign, at |x|."""
    c, half = m.context, m.context.mpf("0.5")
    if x != x:
        return m.nan
    if abs(x) == m.inf:
        return c.zero
    scale = c.mpf(comb(2 * order, order)) / 2**order  # 2**n B(n + 1/2, 1/2) / pi
    return scale * c.hyp1f1(order + half, order + 1, -2 * abs(x))


def i1e(m: Any, x: Any) -> Any:
    """Returns e**-|x| I1(x)."""
    c = m.context
    if abs(x) <= 1000:
        return c.besseli(1, x) * c.exp(-abs(x))
    value = bessel_moment(m, x, 0) - bessel_moment(m, x, 1)
    return -value if x < 0 else value


def betaln(m: Any, x: Any, y: Any) -> Any:
    """Returns log(abs(B(x, y)))."""
    return settled(m.context, lambda: [lgamma(m, x), lgamma(m, y), -lgamma(m, x + y)])


def polygamma_step(m: Any, x: Any, d: Any, order: int) -> Any:
    """Returns psi_n(x + d) - psi_n(x)."""
    c = m.context
    if d == 0:
        return c.zero
    apart = max(0, c.mag(x) - c.mag(d)) if x and c.isfinite(x) and c.isfinite(d) else 0

    def parts() -> list[Any]:
        return [polygamma(m, x + d, order), -polygamma(m, x, order)]

    return settled(c, parts, 2 * apart)


def zeta(m: Any, s: Any, q: Any, order: int) -> Any:
    """Returns the derivative of that order by s of Hurwitz's zeta function."""
    c = m.context
    if not (s >= 1 and q >= 0):
        return m.nan
    if q == 0 or s == 1:
        return m.inf if order % 2 == 0 or q == 0 else -m.inf
    if q == m.inf or s == m.inf:
        return c.zero
    # Euler's and Maclaurin's sum; mpmath's own Hurwitz zeta fails for large operands.
    with c.workprec(c.prec + 40 + max(0, c.mag(s)) + abs(c.mag(q)).bit_length()):
        first = int(c.prec / 8 + s) + order + 2
        steps = max(0, first - int(q))  # for a large s the loop ends by itself, long before
        total = c.zero
        for k in range(steps):
            base = c.log(q + k)
            term = m.exp(-s * base) * (-base) ** order
            total += term
            if abs(term) <= abs(total) * c.ldexp(1, -c.prec - 10) and k > order:
                return +total
        far = q + steps
        log_far = c.log(far)
        gap = 1 / (s - 1)
        jet = [gap * (-gap) ** i for i in range(order + 1)]
        jet[0] += 1 / (2 * far)
        rising = ([s / far**2, 1 / far**2] + [c.zero] * order)[: order + 1]
        j = whole = 1
        while j < 10 * c.prec:
            above, below = bernoulli(j)
            whole *= 2 * j * (2 * j - 1)
            scale = c.mpf(above) / (below * whole)
            added = [r * scale for r in rising]
            jet = [a + b for a, b in zip(jet, added, strict=True)]
            least = c.ldexp(1, -c.prec - 10)
            if all(abs(b) < abs(a) * least for a, b in zip(jet, added, strict=True)):
                break
            for i in (2 * j - 1, 2 * j):
                rising = [
                    (r * (s + i) + (rising[n - 1] if n else 0)) / far for n, r in enumerate(rising)
                ]
            j += 1
        value = sum(jet[order - i] * (-log_far) ** i / c.factorial(i) for i in range(order + 1))
        total += m.exp((1 - s) * log_far) * value * c.factorial(order)
    return +total


#: Terms past which a sum or a fraction is given up: two huge operands that nearly meet.
MOST_TERMS = 20_000


def lower_share(c: Any, a: Any, x: Any) -> Any:
    """Returns P(a, x) for a > 0 and finite x > 0; NaN where it would take too long.

    All terms of the series x**a e**-x / gamma(a + 1) (1 + x / (a + 1) + ...) are positive. Far
    above a, P is 1 - Q. Source: DLMF 8.11.4.
    """
    if x > a + 1 and x > c.prec // 2:
        return 1 - upper_share(c, a, x)
    with c.workprec(c.prec + 30 + max(0, c.mag(x)) + max(0, c.mag(a))):
        total = term = c.one
        for n in range(1, MOST_TERMS):
            term *= x / (a + n)
            total += term
            if term < c.ldexp(total, -c.prec):
                break
        else:
            return c.nan
        value = total * c.exp(a * c.log(x) - x - loggamma(c, a + 1))
    return +value


def upper_share(c: Any, a: Any, x: Any) -> Any:
    """Returns Q(a, x) for a > 0 and finite x > 0; NaN where it would take too long.

    Far above a by the continued fraction, whose convergents are computed forward, and otherwise as
    1 - P. Source: DLMF 8.9.2.
    """
    if not (x > a + 1 and x > c.prec // 2):
        with c.workprec(c.prec + 40 + max(0, -c.mag(a)) + max(0, int(2 * x))):
            value = 1 - lower_share(c, a, x)
        return +value
    with c.workprec(c.prec + 30 + max(0, c.mag(x)) + max(0, c.mag(a))):
        b = x + 1 - a
        high, low = (c.one, b), (c.zero, c.one)  # numerators and denominators, latest first
        found = low[1] / high[1]
        for n in range(1, MOST_TERMS):
            step, b = n * (a - n), b + 2
            high = (high[1], b * high[1] + step * high[0])
            low = (low[1], b * low[1] + step * low[0])
            latest = low[1] / high[1]
            if abs(latest - found) <= c.ldexp(abs(latest), -c.prec):
                break
            found = latest
        else:
            return c.nan
        value = latest * c.exp(a * c.log(x) - x - loggamma(c, a))
    return +value


def igamma(m: Any, a: Any, x: Any, order: int) -> Any:
    """Returns the derivative of that order by a of P(a, x)."""
    c = m.context
    if not (a > 0 and x >= 0):
        return m.nan
    if x == 0 or x == m.inf:
        return c.one if x and not order else c.zero
    if order == 0:
        return lower_share(c, a, x)
    step = min(a, c.one) * c.ldexp(1, -c.prec // 2 - 8)
    with c.workprec(c.prec * (order + 1) + 60):
        # The differences' error is step**2 with steps of half of the digits asked for.
        total = c.zero
        for k in range(order + 1):
            place = a + step * (order - 2 * k)
            total += (-1) ** k * c.binomial(order, k) * lower_share(c, place, x)
        value = total / (2 * step) ** order
    return +value


def igammac(m: Any, a: Any, x: Any) -> Any:
    """Returns Q(a, x)."""
    c = m.context
    if not (a > 0 and x >= 0):
        return m.nan
    return c.zero if x == m.inf else c.one if x == 0 else upper_share(c, a, x)


def igamma_quotient(m: Any, a: Any, y: Any, order: int) -> Any:
    """Returns the derivative of that order by a of P(a, exp(y)), over its derivative by y."""
    c = m.context
    if not (a > 0 and abs(y) < m.inf):
        return m.nan
    with c.workprec(c.prec + 40):
        x = c.exp(y)
        value = igamma(m, a, x, order) / c.exp(a * y - x) * gamma(m, a)
    return +value


def log_gamma_quantile(m: Any, a: Any, p: Any) -> Any:
    """Returns y of P(a, exp(y)) = p, by Newton's steps on log P, which is concave, from below."""
    c = m.context
    if not (0 < a < m.inf and 0 <= p <= 1):
        return m.nan
    if p in (0, 1):
        return m.inf if p else -m.inf
    with c.workprec(c.prec + 100 - c.mag(1 - p)):
        y = (c.log(p) + loggamma(c, a + 1)) / a
        for _ in range(1000):
            x = c.exp(y)
            chance = lower_share(c, a, x)
            move = c.log(p / chance) * chance / c.exp(a * y - x) * gamma(m, a)
            y += move
            if abs(move) <= c.ldexp(1, 10 - c.prec // 2):  # squared by the last step
                break
    return +y


#: The names under which formulas call them.
NAMES = (
    "erfinv", "erfinv_slope", "normal_quantile", "normal_quantile_slope",
    "gamma", "lgamma", "polygamma",
    "cbrt", "logaddexp", "logaddexp2", "xlogy", "xlog1py", "entr",
    "bessel_i", "bessel_moment", "i1e",
    "betaln", "polygamma_step", "zeta", "igamma", "igammac",
    "igamma_quotient", "log_gamma_quantile",
)  # fmt: skip
