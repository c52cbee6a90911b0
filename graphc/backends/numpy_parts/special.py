"""Special functions that NumPy takes from SciPy, which loads when the first one runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


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


def summed(xp: Any, term: Callable[..., Any], rows: Any, start: Any) -> Any:
    """Returns the start plus term(*row) of all rows of numbers; JAX compiles the term once."""
    for row in rows:
        start = start + term(*row)
    return start


def settled(xp: Any, move: Callable[[Any], Any], start: Any, near: float, count: int) -> Any:
    """Returns start + move(start) and so on, each number until its move is that near to 0.

    A number that has settled stays, whatever the others need: it is the same among any others.
    """
    done = start != start
    for _ in range(count):
        step = move(start)
        start = np.where(done, start, start + step)
        done |= np.abs(step) <= near
        if np.all(done):
            break
    return start


def igamma(xp: Any, a: Any, x: Any) -> Any:
    """Returns the regularized lower incomplete gamma function."""
    from scipy import special

    return special.gammainc(a, x)


def igammac(xp: Any, a: Any, x: Any) -> Any:
    """Returns the regularized upper incomplete gamma function."""
    from scipy import special

    return special.gammaincc(a, x)
