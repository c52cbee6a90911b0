"""Polynomials and quotients of polynomials, as the special functions are computed with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def is_double(x: Any) -> bool:
    """Tells whether an array's numbers have more than 32 bits."""
    return x.dtype.itemsize == 8


def polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """Returns a polynomial of x, lowest power first."""
    if len(coefficients) == 1:
        return x * 0 + coefficients[0]
    total = x * coefficients[-1] + coefficients[-2]  # infinite where x is
    for coefficient in reversed(coefficients[:-2]):
        total = total * x + coefficient
    return total


def quotient(x: Any, pair: Sequence[Sequence[float]]) -> Any:
    """Returns the quotient of two polynomials of x."""
    above, below = pair
    return polynomial(x, above) / polynomial(x, below)
