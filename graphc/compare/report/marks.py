"""Which digits of a result are right: a number split where it leaves the truth."""

from __future__ import annotations

import math
from decimal import Decimal

from graphc.compare.report.numbers import float_text, notation, round_to

#: Decimal digits that tell any two numbers of so many bits apart.
_FIGURES = {53: 17, 24: 9, 11: 5, 8: 4}


def split_digits(value: float, truth: Decimal | None, precision: int) -> tuple[str, str, str]:
    """Returns the number's text in three parts: digits as the truth has them, others, exponent.

    All is right where the number is the truth rounded to its dtype. Otherwise it is written out to
    as many digits as its dtype has, and the digits up to the first that differs from the truth
    (rounded to as many places) are right, or as many as the relative error leaves where that is
    more: 3.9999999 for 4 is right to seven digits.

    Args:
        value: the number.
        truth: what it should be; None where that is not known.
        precision: bits of the dtype's significand.
    """
    text = float_text(value, precision)
    if truth is None or (math.isnan(value) and truth.is_nan()):
        return text, "", ""
    if value in (round_to(float(truth), precision), float(truth)):
        return text, "", ""
    if not math.isfinite(value) or not truth.is_finite() or not truth or value == 0.0:
        return "", text, ""
    exact = Decimal(value)
    last = Decimal((0, (1,), exact.adjusted() + 1 - _FIGURES.get(precision, 17)))
    text = notation(exact.quantize(last))
    # Past 1e300 the error's exponent alone says enough; quantize would need too many places.
    same = notation(truth.quantize(last)) if truth.adjusted() - exact.adjusted() < 2 else ""
    right = max(0, int(-abs((exact - truth) / truth).log10()))
    if _scale(same) == _scale(text) and (value < 0) == (truth < 0):
        right = max(right, _figures(text[: _common(same, text)]))
    figures, mark, exponent = text.partition("e")
    cut = _after(figures, right)
    tail = mark + exponent
    return (figures[:cut], figures[cut:], tail) if cut else ("", text, "")


def _scale(text: str) -> tuple[int, str]:
    """Returns where the decimal point stands and the exponent: only equal scales are compared."""
    figures, _, exponent = text.partition("e")
    return (figures + ".").index("."), exponent


def _common(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _figures(text: str) -> int:
    """Returns how many significant figures stand in the text."""
    return len("".join(c for c in text.split("e")[0] if c.isdigit()).lstrip("0"))


def _after(text: str, figures: int) -> int:
    """Returns the position just after so many significant figures; 0 where there are none."""
    seen, leading = 0, True
    if figures <= 0:
        return 0
    for position, character in enumerate(text):
        leading = leading and character in "-0."
        seen += character.isdigit() and not leading
        if seen == figures:
            return position + 1
    return len(text)
