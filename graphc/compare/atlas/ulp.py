"""The meter: how far floats are from true results, in units in the last place of the dtype."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.core.dtype import DType

#: The exponent of the largest numbers, those just below 2**(top + 1).
_TOP = {"bfloat16": 127, "float32": 127, "float16": 15, "float64": 1023}

#: So many binades above the smallest normal number a factor of the result may be subnormal.
EDGE = 10

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Format:
    """What a dtype can hold.

    Attributes:
        name: the dtype's name.
        precision: bits of the significand, the hidden one included.
        top: the exponent of the largest number, which is just below 2**(top + 1).
    """

    name: str
    precision: int
    top: int

    @property
    def bottom(self) -> int:
        """The exponent of the smallest normal number."""
        return 1 - self.top

    @property
    def tiny(self) -> float:
        """The smallest normal number."""
        return 2.0**self.bottom

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return (2.0 - 2.0 ** (1 - self.precision)) * 2.0**self.top


def format_of(dtype: DType) -> Format:
    """Returns the format of a float dtype."""
    return Format(dtype.name, dtype.precision, _TOP[dtype.name])


@dataclass(frozen=True, slots=True)
class Target:
    """True results, each counted in its own unit in the last place.

    The unit in the last place of t with 2**e <= |t| < 2**(e + 1) is 2**(e + 1 - precision), as
    Goldberg has it, and never less than that of the smallest normal number. The correctly rounded
    result is within 0.5 of it.

    Attributes:
        known: whether there is a truth.
        exponent: e.
        whole: the truth in units, rounded to an integer; so many bits are exact in a float64.
        rest: the truth in units, what `whole` leaves.
        overflows: the truth rounds to an infinity.
        form: the dtype's format.
    """

    known: Array
    exponent: Array
    whole: Array
    rest: Array
    overflows: Array
    form: Format


def target_of(truths: Sequence[Any], form: Format) -> Target:
    """Returns true results in units in the last place.

    Args:
        truths: mpmath numbers, more precise than the dtype; None where there is no truth.
        form: the dtype's format.
    """
    count = len(truths)
    known, overflows = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    exponent, whole, rest = np.zeros(count, dtype=np.int64), np.zeros(count), np.zeros(count)
    for i, truth in enumerate(truths):
        if truth is None:
            continue
        known[i] = True
        context = truth.context
        e = context.mag(truth) - 1 if truth else form.bottom
        exponent[i] = e = min(max(int(e), form.bottom), form.top)
        # Beyond the range the number does not matter, only that it is beyond.
        units = context.ldexp(truth, form.precision - 1 - e)
        most = context.ldexp(1, form.precision)
        overflows[i] = e == form.top and abs(units) >= most - 0.5
        units = min(max(units, -2 * most), 2 * most)
        whole[i] = float(context.nint(units))
        rest[i] = float(units - whole[i])
    return Target(known, exponent, whole, rest, overflows, form)


@dataclass(frozen=True, slots=True)
class Errors:
    """Measured errors.

    Attributes:
        ulp: |found - truth| in units in the last place of the truth; infinite for a NaN, NaN where
            there is no truth.
        lost: nothing of the result is left: it is 0, infinite or NaN though the truth is a normal
            number, or NaN though the truth is 0 or overflows.
        zero: what is lost is 0.
        edge: the truth is normal and within a factor of 1,024 of the smallest normal number, and
            so is the error: a factor was too small for the dtype though the product is not.
    """

    ulp: Array
    lost: Array
    zero: Array
    edge: Array


def errors(found: Any, target: Target) -> Errors:
    """Returns how far floats are from the truth.

    At the ends of the range:

    - below twice the smallest normal number, differences up to that number count as none: XLA
      flushes what is smaller to zero;
    - an infinite result stands for 2**(top + 1), the first number that is too large, and is exact
      where the truth rounds to that infinity. In the last sixteenth below it is counted in ulp,
      further down the result is lost.

    Args:
        found: `f[n]`, of the dtype or exactly converted from it to float64.
        target: the truths.
    """
    form = target.form
    with np.errstate(all="ignore"):
        values = np.asarray(found).astype(np.float64)
        shift = form.precision - 1 - target.exponent
        scaled = np.ldexp(values, shift)
        edge = np.copysign(np.ldexp(1.0, form.precision + form.top - target.exponent), values)
        scaled = np.where(np.isinf(values), edge, scaled)
        ulp = np.abs((scaled - target.whole) - target.rest)
        forgiven = (target.exponent == form.bottom) & (ulp <= 2.0 ** (form.precision - 1))
        right_side = (values > 0) == (target.whole > 0)
        forgiven |= target.overflows & np.isinf(values) & right_side
    ulp = np.where(forgiven, 0.0, np.where(np.isnan(values), np.inf, ulp))
    zero = (values == 0) & (ulp >= 2.0 ** (form.precision - 2))
    infinite = np.isinf(values) & (ulp >= 2.0 ** (form.precision - 4))
    lost = (zero | infinite | np.isnan(values)) & target.known
    edge = (target.exponent < form.bottom + EDGE) & (ulp <= 2.0 ** (form.precision + EDGE))
    edge &= np.abs(target.whole) >= 2.0 ** (form.precision - 1)
    return Errors(np.where(target.known, ulp, np.nan), lost, lost & zero, edge & target.known)
