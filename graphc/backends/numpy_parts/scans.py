"""Running sums, products and extremes, for NumPy and for arrays of mpmath numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.backends.numpy_parts.scatter import extreme_of


def _along(function: Callable[..., Any], arrays: Any, axis: int, reverse: bool) -> Any:
    """Returns the function of arrays with the axis first, and counted from the other end."""
    moved = [np.moveaxis(a, axis, 0) for a in arrays]
    result = function(*[a[::-1] if reverse else a for a in moved])
    return np.moveaxis(result[::-1] if reverse else result, 0, axis)


def _accumulated(join: Any) -> Callable[[Any], Any]:
    def scan(x: Any) -> Any:
        # A ufunc made of a function has no order of its own for an empty axis.
        return join.accumulate(x, axis=0, dtype=x.dtype) if x.shape[0] else np.array(x)

    return scan


def cumsum(xp: Any, x: Any, axis: int, reverse: bool) -> Any:
    """Returns running sums."""
    return _along(_accumulated(np.add), [x], axis, reverse)


def cumprod(xp: Any, x: Any, axis: int, reverse: bool) -> Any:
    """Returns running products."""
    return _along(_accumulated(np.multiply), [x], axis, reverse)


def cumextreme(xp: Any, x: Any, axis: int, reverse: bool, larger: bool) -> Any:
    """Returns running maxima or minima; a NaN stays."""
    return _along(_accumulated(extreme_of(xp, x, larger)), [x], axis, reverse)


def cumlogsumexp(xp: Any, x: Any, axis: int, reverse: bool) -> Any:
    """Returns the logarithms of running sums of exponentials."""
    if x.dtype == object:
        m = xp.scalars

        def join(a: Any, b: Any) -> Any:
            top = m.max(a, b)
            if top - top != 0:  # an infinity or NaN
                return m.log(m.exp(a) + m.exp(b)) if top == top else top
            return top + m.log(m.exp(a - top) + m.exp(b - top))

        return _along(_accumulated(np.frompyfunc(join, 2, 1)), [x], axis, reverse)
    return _along(_accumulated(np.logaddexp), [x], axis, reverse)


def recurrence(xp: Any, factor: Any, term: Any, axis: int, reverse: bool) -> Any:
    """Returns h with h[j] = factor[j] * h[j-1] + term[j], and 0 before the first."""

    def scan(a: Any, b: Any) -> Any:
        result = np.array(b)
        for j in range(1, a.shape[0]):
            result[j] = a[j] * result[j - 1] + b[j]
        return result

    return _along(scan, [factor, term], axis, reverse)
