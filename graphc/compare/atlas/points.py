"""Where an op is measured: the whole range of a dtype, and what is found there, close by."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.compare.atlas.ulp import Format, format_of
from graphc.core.dtype import DType

Array = np.ndarray[Any, Any]

#: Integers, half-integers and constants at which functions like to change.
LANDMARKS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 6.5, 7.0, 8.0, 9.0, 10.0)
CONSTANTS = (np.log(2.0), np.sqrt(0.5), np.sqrt(2.0), np.e, np.pi / 4, np.pi / 2, np.pi, 2 * np.pi)

#: Distances in units in the last place at which neighbours stand; beyond, powers of 2.
NEAR = (0, 1, 2, 3, 5)

#: Magnitudes whose product covers operands that meet: huge and tiny against ordinary.
PAIR_EXPONENTS = (-1.0, -0.66, -0.49, -0.2, -0.06, 0.06, 0.2, 0.49, 0.66, 0.99)
PAIR_ORDINARY = (0.013, 0.37, 0.5, 0.93, 1.0, 1.06, 2.0, 3.0, 3.7, 11.3, 40.7)


@dataclass(frozen=True, slots=True)
class Density:
    """How many points there are of each kind.

    Attributes:
        wide: magnitudes over all exponents, for each sign.
        small: magnitudes from 2**-40 to 1, for each sign.
        tail: magnitudes from 1 to 1,000, where functions saturate, for each sign.
        ordinary: numbers evenly spread over [-40, 40].
        events: zeros, poles, edges looked for in each derivative.
        pairs: numbers of the set whose square is taken where there are two operands.
        random: pairs drawn besides.
    """

    wide: int
    small: int
    tail: int
    ordinary: int
    events: int
    pairs: int
    random: int


FULL = Density(wide=60, small=25, tail=45, ordinary=70, events=6, pairs=24, random=120)
QUICK = Density(wide=14, small=6, tail=12, ordinary=16, events=2, pairs=12, random=24)


def ordinals(values: Array) -> Array:
    """Returns integers in the order of the floats, neighbours one apart."""
    kind = np.dtype(f"i{values.dtype.itemsize}")
    bits = np.ascontiguousarray(values).view(kind).astype(np.int64)
    lowest = np.iinfo(kind).min
    return np.where(bits < 0, lowest - bits, bits)


def from_ordinals(numbers: Array, dtype: DType) -> Array:
    """Returns the floats of `ordinals`."""
    kind = np.dtype(f"i{dtype.numpy.itemsize}")
    bits = np.where(numbers < 0, np.iinfo(kind).min - numbers, numbers)
    return bits.astype(kind).view(dtype.numpy)


def rounded(values: Iterable[float], dtype: DType) -> Array:
    """Returns the numbers rounded to the dtype, as float64, sorted; 0 and normal numbers only."""
    form = format_of(dtype)
    with np.errstate(all="ignore"):
        found = np.asarray(list(values), dtype=np.float64).astype(dtype.numpy).astype(np.float64)
    return np.unique(found[_usable(found, form)])


def _usable(values: Array, form: Format) -> Array:
    # XLA takes a subnormal operand for 0, so there is no common question to ask there.
    return np.isfinite(values) & ((values == 0) | (np.abs(values) >= form.tiny))


def line(dtype: DType, density: Density) -> Array:
    """Returns points on the whole line, for one operand: `float64[n]`, numbers of the dtype."""
    form, random = format_of(dtype), np.random.default_rng(11)

    def spread(low: float, high: float, count: int) -> Array:
        # One draw in each of `count` equal parts: no gap is longer than two parts.
        part = (high - low) / count
        return low + part * (np.arange(count) + random.uniform(size=count))

    exponents = [
        spread(form.bottom, form.top + 1, density.wide),
        spread(-40, 0, density.small),
        spread(0, 10, density.tail),
    ]
    magnitudes = np.concatenate([np.exp2(np.minimum(e, form.top + 0.999)) for e in exponents])
    near_one = [s * (1 + k * 2.0 ** (1 - form.precision)) for s in (1, -1) for k in (-2, -1, 1, 2)]
    marks = np.array([*LANDMARKS, *CONSTANTS, form.tiny, form.largest, form.largest / 2])
    ordinary = spread(-40, 40, density.ordinary)
    parts = [magnitudes, -magnitudes, marks, -marks, ordinary, near_one, [0.0]]
    return rounded(np.concatenate([np.asarray(p) for p in parts]), dtype)


def neighbours(value: float, dtype: DType, near: bool = True) -> Array:
    """Returns floats around a number: a few ulp away, then powers of 2 up to a quarter of it.

    Args:
        value: the number.
        dtype: its dtype.
        near: False leaves out what is nearer than a thousandth.
    """
    form = format_of(dtype)
    far = [2**k for k in range(3, form.precision - 1, max(1, form.precision // 14))]
    wide = [2 ** (form.precision - k) for k in (2, 3, 4, 6, 8, 10) if k < form.precision]
    steps = np.array([s * k for k in ((*NEAR, *far) if near else (0, *wide)) for s in (1, -1)])
    middle = ordinals(np.asarray([value]).astype(dtype.numpy))[0]
    edge = ordinals(np.asarray([form.largest]).astype(dtype.numpy))[0]
    return rounded(
        from_ordinals(np.clip(middle + steps, -edge, edge), dtype).astype(np.float64), dtype
    )


def pairs(dtype: DType, density: Density, count: int) -> Array:
    """Returns points for several operands: `float64[n, count]`, numbers of the dtype."""
    form, random = format_of(dtype), np.random.default_rng(12)
    wide = [2.0 ** min(form.top * e, form.top + 0.9) for e in PAIR_EXPONENTS]
    wide[0] = form.tiny
    sizes = rounded([*wide, *PAIR_ORDINARY], dtype)
    signed = np.concatenate([-sizes[::-1], [0.0], sizes])
    keep = density.pairs if count == 2 else max(4, density.pairs // 3)
    spaced = np.linspace(0, len(signed) - 1, min(keep, len(signed))).round().astype(int)
    grid = np.array(list(itertools.product(signed[spaced], repeat=count)))
    drawn = [random.uniform(-4, 4, size=(density.random, count))]
    drawn.append(np.exp2(random.uniform(-30, 9, size=(density.random, count))))
    # Operands that nearly meet: differences, quotients near 1, remainders near 0.
    first = random.uniform(0.1, 40, size=(density.random // 2, 1))
    shift = np.exp2(-random.uniform(1, form.precision, size=(len(first), count)))
    drawn.append(first * (1 + shift * random.choice([-1, 1], size=shift.shape)))
    with np.errstate(all="ignore"):
        everything = np.concatenate([grid, *drawn]).astype(dtype.numpy).astype(np.float64)
    everything = everything[_usable(everything, form).all(axis=1)]
    return np.unique(everything, axis=0)


#: The kinds of a result, beside its sign: too small and too large for the dtype, none at all.
SMALL, LARGE = 0, 2

#: The edge of underflow or overflow is no place in itself: so near is near enough.
_EDGE = 2.0**-10


def events(
    values: Array,
    kinds: Sequence[int | None],
    kind_of: Callable[[float], int | None],
    dtype: DType,
    most: int,
    done: set[int],
) -> Array:
    """Returns neighbours of where the kind of the result changes: zeros, poles, ends, edges.

    Args:
        values: sorted numbers of the dtype.
        kinds: what the result is at each: its sign, SMALL, +-LARGE, None where there is none.
            Equal kinds next to each other hold no event.
        kind_of: the same at any number.
        dtype: the dtype.
        most: at most so many events, those of ordinary size first.
        done: numbers of the gaps whose edge is known from another derivative; grows.
    """
    order, precision = ordinals(values.astype(dtype.numpy)), dtype.precision
    changes = [i for i in range(len(values) - 1) if kinds[i] != kinds[i + 1]]
    changes.sort(key=lambda i: (abs(np.log2(max(abs(values[i]), 1e-300))), i))
    found: list[Array] = [np.zeros(0)]
    for i in changes[:most]:
        low, high, left, right = int(order[i]), int(order[i + 1]), kinds[i], kinds[i + 1]
        edge = any(k is not None and abs(k) != 1 for k in (left, right))
        if edge and i in done:
            continue
        if edge:
            done.add(i)
        while high - low > (max(1, int(_EDGE * 2**precision)) if edge else 1):
            middle = (low + high) // 2
            kind = kind_of(float(from_ordinals(np.array([middle]), dtype)[0]))
            low, high = (middle, high) if kind == left else (low, middle)
        place = float(from_ordinals(np.array([low]), dtype)[0])
        found.append(neighbours(place, dtype, near=not edge))
    return np.concatenate(found)
