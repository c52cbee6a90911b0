"""Shifts and scales by which sums keep range and digits: what NumPy and JAX share."""

from __future__ import annotations

from typing import Any

import numpy as np

#: Shifts are whole multiples of this.
_GRAIN = 4.0


def round_shift(xp: Any, x: Any, top: Any) -> Any:
    """Returns the c for exp(x - c) / sum(exp(x - c)), x up to `top`, at which x - c is exact.

    The largest element itself has as many digits as x, and where x is nearer to 0 than the
    difference, rounding it costs exp as many ulp as the difference is large. Below 0 a multiple of
    4 lies on the grid of every smaller x; above 0 none is needed before exp overflows.

    Args:
        xp: numpy or jax.numpy.
        x: the numbers.
        top: the largest real parts of those that are summed together.
    """
    # So much that the sum does not overflow, if all of them were the largest.
    count = max(1, x.size // max(1, top.size))
    room = float(np.log(np.finfo(top.dtype).max) - np.log(count)) - _GRAIN
    wanted = xp.minimum(top, xp.maximum(top - room, 0))
    return xp.round(wanted * (1 / _GRAIN)) * _GRAIN


def is_alone(ratio: Any) -> Any:
    """Tells from sum(exp(x)) / exp(top) where one element makes nearly all of the sum."""
    return (ratio > 0.75) & (ratio < 1.5)


def exp_of_others(xp: Any, x: Any, top: Any, shift: Any) -> Any:
    """Returns exp(x - shift), and 0 for the largest element."""
    return xp.where(x < top, xp.exp(x - shift), 0)


def square_scale(xp: Any, top: Any) -> Any:
    """Returns a power of 2 times which numbers up to `top` can be squared and summed.

    It is 1 but where the square of the largest, or of its last digit, leaves the range. Three
    values suffice, as in Blue, "A portable Fortran program to find the Euclidean norm of a vector"
    (1978), and a power of 2 rounds nothing.

    Args:
        xp: numpy or jax.numpy.
        top: the largest absolute value.
    """
    form = np.finfo(top.dtype)
    exponents, digits = int(form.maxexp), int(form.nmant)
    large, small = 2.0 ** (exponents // 2 - 4), 2.0 ** -(exponents // 2 - digits - 1)
    down, up = 2.0 ** -(5 * exponents // 8), 2.0 ** (11 * exponents // 16)
    one = xp.ones_like(top)
    return xp.where(top > large, down * one, xp.where(top < small, up * one, one))
