"""The atlas's truth: differences of an op's value formula in mpmath, until two precisions agree."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

from mpmath.ctx_mp import MPContext

from graphc.backends.mpmath_scalars import Scalars

#: Decimal digits, and the exponent of the step, of each attempt; two in a row must agree.
LEVELS = ((110, 30), (160, 33), (260, 36), (400, 39), (560, 42), (760, 45), (1400, 48))

#: The level at which a derivative is taken unchecked.
_ROUGH = LEVELS[4]

#: The leading digits that two levels share: float64 has 16, so this is a millionth of its ulp.
AGREEMENT = 22

#: Central differences of each order on the points -2, -1, 0, 1, 2, by powers of the step.
STENCILS: tuple[dict[int, float], ...] = (
    {0: 1.0},
    {-1: -0.5, 1: 0.5},
    {-1: 1.0, 0: -2.0, 1: 1.0},
    {-2: -0.5, -1: 1.0, 1: -1.0, 2: 0.5},
    {-2: 1.0, -1: -4.0, 0: 6.0, 1: -4.0, 2: 1.0},
)

#: Beyond this, exp needs its argument modulo log 2 to as many digits as the argument has.
_HUGE = 10**20

#: Orders of the derivatives by each operand: (1, 0) is the first by the first of two operands.
Orders = tuple[int, ...]


class _Scalars(Scalars):
    """The evaluator's functions, infinite where an exponential would take for ever."""

    def cosh(self, x: Any) -> Any:
        return self.inf if abs(x) > _HUGE else self.context.cosh(x)

    def sinh(self, x: Any) -> Any:
        return self.inf * x if abs(x) > _HUGE else self.context.sinh(x)

    def power(self, x: Any, y: Any) -> Any:
        if x and self.context.isfinite(x) and (x > 0 or self.context.isint(y)):
            exponent = self.context.mag(x) - 1  # 2**exponent <= |x| < 2**(exponent + 1)
            least = exponent if exponent >= 0 else -exponent - 1
            if least * abs(y) > _HUGE:
                return self.inf if (exponent > 0) == (y > 0) else self.context.zero
        return super().power(x, y)


class Truth:
    """The true value and partial derivatives of one scalar formula, point by point.

    Args:
        formula: `formula(m, *operands)`, see `Op.formula`.
        smallest: what is smaller is nothing: results below it need no digits.
        jumps: the formula jumps at distances that shrink as the operands part, as x mod y does
            where x is huge: steps are shorter then.
    """

    def __init__(
        self,
        formula: Callable[..., Any],
        smallest: float,
        *,
        jumps: bool = False,
    ) -> None:
        self.formula = formula
        self.jumps = jumps
        self.context = MPContext()
        self.scalars = _Scalars(self.context)
        self.smallest = smallest

    def at(self, point: Sequence[float], wanted: Sequence[Orders]) -> dict[Orders, Any]:
        """Returns the derivatives that exist at a point; None for those that do not.

        A derivative does not exist, or is not known, where no two levels of precision agree about
        it: at the end of the domain, outside of it, and at kinks.
        """
        found: dict[Orders, Any] = {}
        open_ = list(wanted)
        previous: dict[Orders, Any] = {}
        for digits, exponent in LEVELS:
            stencil = _Stencil(self, point, digits, exponent)
            current = {orders: stencil.difference(orders) for orders in open_}
            still: list[Orders] = []
            for orders in open_:
                value, noise = current[orders]
                if value is None:
                    if previous:
                        found[orders] = None
                    else:
                        still.append(orders)
                elif abs(value) + noise < self.smallest / 4 or (
                    previous and _agree(previous[orders][0], value)
                ):
                    found[orders] = value
                else:
                    still.append(orders)
            open_, previous = still, current
            if not open_:
                break
        return {orders: found.get(orders) for orders in wanted}

    def rough(self, point: Sequence[float], orders: Orders) -> Any:
        """Returns a derivative at a generous precision, unchecked; None where there is none."""
        value, noise = _Stencil(self, point, *_ROUGH).difference(orders)
        return None if value is None or abs(value) < noise else value


class _Stencil:
    """The formula on the grid of steps around one point, each place computed once."""

    def __init__(self, truth: Truth, point: Sequence[float], digits: int, exponent: int) -> None:
        self.truth = truth
        self.context = truth.context
        least = min([1.0, *[abs(x) for x in point if x]])
        sizes = [min(1.0, abs(x)) if x else least for x in point]
        room = max(_decades(x) for x in point)
        # The quotient x / y moves by x / y**2 times the step.
        shorter = 3 * room if truth.jumps else 0
        room += shorter
        self.context.dps = digits + 2 * room
        truth.scalars.pi = +self.context.pi
        self.point = [self.context.mpf(x) for x in point]
        # Steps shorter than the operands, so that none leaves a domain or crosses a kink that the
        # point itself does not touch: neighbouring floats are 1e-17 apart, relatively. Thirds, so
        # that a period never fits.
        shrink = self.context.mpf(10) ** (exponent + shorter) * 3
        self.steps = [self.context.mpf(size) / shrink for size in sizes]
        large = self.context.mpf(max([1.0, *[abs(x) for x in point]]))
        self.unit = self.context.mpf(10) ** (-digits - 2 * room) * large
        self.known: dict[Orders, Any] = {}

    def difference(self, orders: Orders) -> tuple[Any, Any]:
        """Returns the central difference and how large its rounding noise may be."""
        if self._value((0,) * len(orders)) is None:  # differences jump over the pole of 1/x at 0
            return None, None
        total, largest = self.context.zero, self.context.one
        for places in itertools.product(*[STENCILS[k].items() for k in orders]):
            value = self._value(tuple(offset for offset, _ in places))
            if value is None:
                return None, None
            weight = math.prod(w for _, w in places)
            total += value * weight
            largest = max(largest, abs(value))
        scale = self.context.one
        for step, order in zip(self.steps, orders, strict=True):
            scale *= step**order
        return total / scale, largest * self.unit * 16 / scale

    def _value(self, offsets: Orders) -> Any:
        if offsets not in self.known:
            places = zip(self.point, self.steps, offsets, strict=True)
            moved = [x + step * k for x, step, k in places]
            self.known[offsets] = self._formula(moved)
        return self.known[offsets]

    def _formula(self, operands: Sequence[Any]) -> Any:
        try:
            value = self.context.convert(self.truth.formula(self.truth.scalars, *operands))
        except (ValueError, ZeroDivisionError, OverflowError):  # outside of the domain
            return None
        real = not isinstance(value, self.context.mpc)
        return value if real and self.context.isfinite(value) else None


def _decades(x: float) -> int:
    """Returns how many decimal places lie between a number and 1."""
    return math.ceil(abs(math.log10(abs(x)))) if x else 0


def _agree(left: Any, right: Any) -> bool:
    # Two zeros may be two underflows, tanh(300 + h) - tanh(300): they must fall below `smallest`.
    if left is None or not right:
        return False
    return bool(abs(left - right) <= abs(right) * 10.0**-AGREEMENT)
