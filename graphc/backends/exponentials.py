"""Sums of exponentials without overflow and with all digits: what NumPy and JAX share."""

from __future__ import annotations

from typing import Any

import numpy as np

#: Shifts are whole multiples of this.
_GRAIN = 4.0


def round_shift(xp: Any, top: Any) -> Any:
    """Returns the c for exp(x - c) / sum(exp(x - c)), x up to `top`, at which x - c is exact.

    The largest element itself has as many digits as x, and where x is nearer to 0 than the
    difference, rounding it costs exp as many ulp as the difference is large. Below 0 a multiple of
    4 lies on the grid of every smaller x; above 0 none is needed before exp overflows.

    Args:
        xp: numpy or jax.numpy.
        top: the largest real part.
    """
    # Of the exponents up to that of the largest number, an eighth is left for the sum.
    room = float(np.floor(np.log(np.finfo(top.dtype).max) * 0.875 / _GRAIN)) * _GRAIN
    wanted = xp.minimum(top, xp.maximum(top - room, 0))
    return xp.round(wanted * (1 / _GRAIN)) * _GRAIN


def is_alone(ratio: Any) -> Any:
    """Tells from sum(exp(x)) / exp(top) where one element makes nearly all of the sum."""
    return (ratio > 0.75) & (ratio < 1.5)


def exp_of_others(xp: Any, x: Any, top: Any, shift: Any) -> Any:
    """Returns exp(x - shift), and 0 for the largest element."""
    return xp.where(x - top < 0, xp.exp(x - shift), 0)
