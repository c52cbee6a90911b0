"""Numbers as a person reads them: counts, times, sizes, digits; the same text on every machine."""

from __future__ import annotations

import math
from decimal import Context, Decimal
from typing import Any

#: Bits of the significand of each float dtype, by both of its names.
_PRECISION = {
    "bfloat16": 8, "bf16": 8, "float16": 11, "f16": 11, "float32": 24, "f32": 24,
}  # fmt: skip
_NONE = "–"
#: Digits shown of the 50-digit truth: more than any float64 can have.
_TRUTH_DIGITS = 25


def precision_of(dtype: str) -> int:
    """Returns the bits of the significand of a dtype given as text; 53 where it is no float."""
    return _PRECISION.get(dtype.split("[")[0].strip(), 53)


def round_to(value: float, precision: int) -> float:
    """Returns the value rounded to so many bits, half to even (subnormals are not considered)."""
    if precision >= 53 or not math.isfinite(value) or value == 0.0:
        return value
    fraction, exponent = math.frexp(value)
    return math.ldexp(round(math.ldexp(fraction, precision)), exponent - precision)


def float_text(value: float, precision: int = 53) -> str:
    """Returns the shortest decimal that is this number in its dtype, as Python's repr writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if round_to(value, precision) == value and precision < 53:
        for digits in range(1, 18):
            short = float(f"{value:.{digits - 1}e}")
            if round_to(short, precision) == value:
                value = short
                break
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def rough(value: float | None, digits: int = 3) -> str:
    """Returns a number to a few digits: `0.00123`, `1.2e-07`."""
    if value is None:
        return _NONE
    if not math.isfinite(value):
        return float_text(value)
    return float_text(float(f"{value:.{digits - 1}e}"))


def count(value: int | None) -> str:
    """Returns a count in full below a million (`12,345`), else as `1.2e301`, however large."""
    if value is None:
        return _NONE
    if abs(value) < 1_000_000:
        return f"{value:,}"
    sign, value = ("-", -value) if value < 0 else ("", value)
    exponent = int(math.log10(value))
    if exponent < 4000:
        # The logarithm of a number just under a power of ten may round up to it.
        exponent -= 10**exponent > value
        tenths = (value + 10 ** (exponent - 1) // 2) // 10 ** (exponent - 1)
    else:
        tenths = round(10 ** (math.log10(value) % 1) * 10)
    if tenths >= 100:
        tenths, exponent = 10, exponent + 1
    return f"{sign}{tenths // 10}.{tenths % 10}e{exponent}"


def ratio(large: int, small: int) -> str:
    """Returns how many times the one is the other: `×1.8`, `×1.2e301`; empty where equal."""
    if small <= 0 or large <= small:
        return ""
    times = large // small
    return f"×{count(times)}" if times >= 10 else f"×{large / small:.1f}"


def seconds(value: float | None) -> str:
    """Returns a time in the unit that suits it."""
    if value is None or not math.isfinite(value):
        return _NONE
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(value) >= scale:
            return f"{_three(value / scale)} {unit}"
    return f"{_three(value / 1e-9)} ns"


def size(value: int | None) -> str:
    """Returns bytes in the binary unit that suits them."""
    if value is None:
        return _NONE
    amount = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(amount) < 1024:
            return f"{_three(amount)} {unit}"
        amount /= 1024
    return f"{_three(amount)} TiB"


def digits(value: float | None) -> str:
    """Returns a number of correct digits: `15.9`, `all` for an exact result, a dash for none."""
    if value is None or math.isnan(value):
        return _NONE
    if math.isinf(value):
        return "all" if value > 0 else "0"
    return f"{value:.1f}"


def decimal(text: Any) -> Decimal | None:
    """Returns a decimal string as a number, or None where it is none."""
    try:
        return Decimal(str(text).strip())
    except ArithmeticError:
        return None


def decimal_text(value: Decimal) -> str:
    """Returns the truth to 25 digits, an ellipsis where there are more, in repr's notation."""
    if not value.is_finite():
        return float_text(float(value))
    short = Context(prec=_TRUTH_DIGITS).plus(value)
    # A difference quotient at 50 digits leaves its own rounding past the 40th or so.
    more = abs(value - short) > abs(value).scaleb(-40)
    return notation(short.normalize() if short else Decimal(0)) + ("…" if more else "")


def notation(value: Decimal) -> str:
    """Returns a finite decimal as repr would: plain from 1e-4 to 1e16, else with an exponent."""
    sign, figures, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, figures))
    point = len(text) + exponent  # where the point stands after the first figures
    if -4 < point <= 16 or not any(figures):
        if exponent >= 0:
            body = text + "0" * exponent if any(figures) else "0"
        elif point > 0:
            body = f"{text[:point]}.{text[point:]}"
        else:
            body = f"0.{'0' * -point}{text}"
    else:
        body = f"{text[0]}{'.' + text[1:] if len(text) > 1 else ''}e{point - 1:+03d}"
    return ("-" if sign else "") + body


def _three(value: float) -> str:
    """Returns three figures without an exponent."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
