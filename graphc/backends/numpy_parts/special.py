"""Special functions that NumPy takes from SciPy, which loads when the first one runs."""

from __future__ import annotations

from typing import Any


def i0e(xp: Any, x: Any) -> Any:
    """Returns exp(-abs(x)) I0(x)."""
    from scipy import special

    return special.i0e(x)


def i1e(xp: Any, x: Any) -> Any:
    """Returns exp(-abs(x)) I1(x)."""
    from scipy import special

    return special.i1e(x)


def with_slopes(xp: Any, value: Any, slopes: Any, *x: Any) -> Any:
    """Returns value(*x); JAX is told the slope by each operand."""
    return value(*x)


def igamma(xp: Any, a: Any, x: Any) -> Any:
    """Returns the regularized lower incomplete gamma function."""
    from scipy import special

    return special.gammainc(a, x)


def igammac(xp: Any, a: Any, x: Any) -> Any:
    """Returns the regularized upper incomplete gamma function."""
    from scipy import special

    return special.gammaincc(a, x)
