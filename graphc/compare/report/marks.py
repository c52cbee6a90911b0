"""Which digits of a result are right: a number split where it leaves the truth."""

from __future__ import annotations

import math
from decimal import Decimal

from graphc.compare.report.numbers import float_text, notation, round_to


def split_digits(value: float, truth: Decimal | None, precision: int) -> tuple[str, str]:
    """Returns the number's text in two parts: as the truth has it, and not.

    All is right where the number is the truth rounded to its dtype. Otherwise the digits up to the
    first that differs from the truth (rounded to as many places) are right, or as many as the
    relative error leaves where that is more: 3.9999999 for 4 is right to seven digits.

    Args:
        value: the number.
        truth: what it should be; None where that is not known.
        precision: bits of the dtype's significand.
    """
    text = float_text(value, precision)
    if truth is None:
        return text, ""
    nearest = round_to(float(truth), precision)
    if value == nearest or (math.isnan(value) and truth.is_nan()):
        return text, ""
    if not math.isfinite(value) or not math.isfinite(nearest) or not truth:
        return "", text
    plain = Decimal(text)
    error = abs((Decimal(value) - truth) / truth)
    right = max(0, int(-error.log10())) if error else 17
    if (value < 0) == (truth < 0):
        exponent = plain.as_tuple().exponent
        assert isinstance(exponent, int)
        try:
            same = notation(truth.quantize(Decimal((0, (1,), exponent))))
        except ArithmeticError:
            same = ""
        if _scale(same) == _scale(text):
            right = max(right, _figures(text[: _common(same, text)]))
    cut = _after(text, right)
    return text[:cut], text[cut:]


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
        if character == "e":
            return position
        leading = leading and character in "-0."
        seen += character.isdigit() and not leading
        if seen == figures:
            return position + 1
    return len(text)
