"""The functions that scalar formulas use, on mpmath numbers of any precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath.ctx_mp import MPContext

from graphc.backends.mpmath_parts import special
from graphc.ops.source import EXACT_NUMBERS

#: Beyond 10**20 exp is 0 or infinite for every float, and computing it exactly would take for ever.
_HUGE = 10**20
#: Bits before the point beyond which an angle is not reduced and a power has reached its limit.
_LONGEST = 2**16


class Scalars:
    """What `Op.formula` may use, on mpmath numbers; IEEE's answers where mpmath raises."""

    def __init__(self, context: MPContext) -> None:
        self.context = context
        self.nan, self.inf, self.pi = context.nan, context.inf, +context.pi

    def _real(self, function: Callable[[Any], Any], x: Any) -> Any:
        """Returns function(x), NaN where a real argument has no real value."""
        complex_in = isinstance(x, self.context.mpc)
        if not complex_in and self.context.isnan(x):
            return self.nan
        try:
            value = function(x)
        except (ValueError, ZeroDivisionError):
            return self.nan
        return self.nan if isinstance(value, self.context.mpc) and not complex_in else value

    def div(self, x: Any, y: Any) -> Any:
        c = self.context
        if y == 0 and not isinstance(y, c.mpc):
            if x == 0 or c.isnan(x):
                return self.nan
            return self.inf if x > 0 else -self.inf
        return c.convert(x) / c.convert(y)

    def power(self, x: Any, y: Any) -> Any:
        c = self.context
        if y == 0:
            return c.one
        if not isinstance(x, c.mpc) and x == 0 and y < 0:
            return self.inf
        if isinstance(x, int) and isinstance(y, int) and x.bit_length() * abs(y) < _LONGEST:
            return x**y if y >= 0 else c.mpf(x) ** y
        if not isinstance(x, c.mpc) and not isinstance(y, c.mpc) and c.isfinite(y):
            size = y * c.log(abs(x)) if x and c.isfinite(x) else c.zero
            if c.mag(size) > _LONGEST:
                whole = c.isint(y)
                sign = self.nan if x < 0 and not whole else -1 if x < 0 and int(y % 2) else 1
                return self.exp(size) * sign
        return self._real(lambda v: c.power(v, y), x)

    def exp(self, x: Any) -> Any:
        if not isinstance(x, self.context.mpc) and abs(x) > _HUGE:
            return self.inf if x > 0 else self.context.zero
        return self.context.exp(x)

    def expm1(self, x: Any) -> Any:
        if isinstance(x, self.context.mpc) or abs(x) > _HUGE:
            return self.exp(x) - 1
        return self.context.expm1(x)

    def log(self, x: Any) -> Any:
        if not isinstance(x, self.context.mpc) and x == 0:
            return -self.inf
        return self._real(self.context.log, x)

    def log1p(self, x: Any) -> Any:
        if isinstance(x, self.context.mpc):
            return self.context.log(1 + x)
        if x == -1:
            return -self.inf
        return self._real(self.context.log1p, x)

    def atanh(self, x: Any) -> Any:
        if not isinstance(x, self.context.mpc) and abs(x) == 1:
            return self.inf * x
        return self._real(self.context.atanh, x)

    def erfc(self, x: Any) -> Any:
        if not isinstance(x, self.context.mpc) and abs(x) > _HUGE:
            return self.context.mpf(0 if x > 0 else 2)
        return self._real(self.context.erfc, x)

    def sin(self, x: Any) -> Any:
        return self._turning(self.context.sin, x)

    def cos(self, x: Any) -> Any:
        return self._turning(self.context.cos, x)

    def tan(self, x: Any) -> Any:
        return self._turning(self.context.tan, x)

    def _turning(self, function: Callable[[Any], Any], x: Any) -> Any:
        """Returns a function of an angle, NaN where reducing the angle would take for ever."""
        real = x.real if isinstance(x, self.context.mpc) else x
        if self.context.mag(real) > _LONGEST:
            return self.nan
        return self._real(function, x)

    def sinh(self, x: Any) -> Any:
        return self._growing(self.context.sinh, x, self.inf)

    def cosh(self, x: Any) -> Any:
        if not isinstance(x, self.context.mpc) and self.context.mag(x) > _LONGEST:
            return self.inf
        return self._real(self.context.cosh, x)

    def tanh(self, x: Any) -> Any:
        return self._growing(self.context.tanh, x, self.context.one)

    def _growing(self, function: Callable[[Any], Any], x: Any, limit: Any) -> Any:
        if not isinstance(x, self.context.mpc) and self.context.mag(x) > _LONGEST:
            return limit if x > 0 else -limit
        return self._real(function, x)

    def atan2(self, y: Any, x: Any) -> Any:
        return self.context.atan2(y, x)

    def sinc(self, x: Any, order: int, scale: str) -> Any:
        """Returns a derivative of sin(s x) / (s x); digits that cancel near 0 are carried."""
        c = self.context
        factor = c.pi if scale == "pi" else c.one
        if x == 0:
            return c.zero if order % 2 else (-1) ** (order // 2) * factor**order / (order + 1)
        if not isinstance(x, c.mpc) and not c.isfinite(x):
            return self.nan
        if c.mag(x) > _LONGEST:
            return self.nan
        if c.mag(x) < -c.prec:  # the next term of the series is beyond the digits
            lead = (-1) ** ((order + 1) // 2) * factor**order
            return lead * (x * factor / (order + 2)) if order % 2 else lead / (order + 1) * c.one
        lost = order * (max(0, -c.mag(x)) + order.bit_length()) + 20
        with c.workprec(c.prec + lost):
            factor = c.pi if scale == "pi" else c.one
            sine, cosine = (c.sinpi(x), c.cospi(x)) if scale == "pi" else (c.sin(x), c.cos(x))
            turns, t = (sine, cosine, -sine, -cosine), x * factor
            value = sine / t
            for n in range(1, order + 1):
                value = (turns[n % 4] - n * value) / t
            value *= factor**order
        return +value

    def real(self, x: Any) -> Any:
        """Returns the real part; of a real number itself."""
        return x.real if isinstance(x, self.context.mpc) else x

    def abs(self, x: Any) -> Any:
        return abs(x)

    def sign(self, x: Any) -> Any:
        if x == 0 or x != x:
            return x
        one = 1 if isinstance(x, int) else self.context.one
        return one if x > 0 else -one

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return x if condition else y

    def max(self, x: Any, y: Any) -> Any:
        return x if x != x else y if y != y else (x if x >= y else y)

    def min(self, x: Any, y: Any) -> Any:
        return x if x != x else y if y != y else (x if x <= y else y)

    def floor(self, x: Any) -> Any:
        return x if x != x or abs(x) == self.inf else self.context.floor(x)

    def ceil(self, x: Any) -> Any:
        return x if x != x or abs(x) == self.inf else self.context.ceil(x)

    def round(self, x: Any) -> Any:
        return x if x != x or abs(x) == self.inf else self.context.nint(x)

    def trunc(self, x: Any) -> Any:
        return self.floor(x) if x >= 0 else self.ceil(x)

    def equal(self, x: Any, y: Any) -> Any:
        return x == y

    def logical_and(self, x: Any, y: Any) -> bool:
        return bool(x) and bool(y)

    def logical_or(self, x: Any, y: Any) -> bool:
        return bool(x) or bool(y)

    def logical_xor(self, x: Any, y: Any) -> bool:
        return bool(x) != bool(y)

    def logical_not(self, x: Any) -> bool:
        return not x

    def number(self, text: str) -> Any:
        if text in EXACT_NUMBERS:
            return EXACT_NUMBERS[text][1](self)
        return self.context.mpf(text)


def _real_function(name: str) -> Callable[[Scalars, Any], Any]:
    def function(self: Scalars, x: Any) -> Any:  # a method of Scalars, below
        return self._real(getattr(self.context, name), x)  # pyright: ignore[reportPrivateUsage]

    return function


for _name in "sqrt asin acos atan asinh acosh erf".split():
    setattr(Scalars, _name, _real_function(_name))
for _name in special.NAMES:
    setattr(Scalars, _name, getattr(special, _name))
