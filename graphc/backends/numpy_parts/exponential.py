"""The exponential of matrices by scaling and squaring, for NumPy and JAX alike.

Al-Mohy and Higham, A new scaling and squaring algorithm for the matrix exponential (2009),
algorithm 5.1, with degree 13 throughout. It scales by what the powers of a matrix grow like and not
by its norm, which for matrices far from normal would be too much. jax.scipy.linalg.expm scales once
too little (its error reaches 5e-11 in float64), and SciPy loses three digits on some 2 x 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

#: Norm up to which the approximant of degree 13 has full accuracy.
THETA = 4.25

#: Coefficients of the diagonal Padé approximant of degree 13, the first one 1.
COEFFICIENTS = tuple(
    math.factorial(26 - k)
    * math.factorial(13)
    / (math.factorial(26) * math.factorial(k) * math.factorial(13 - k))
    for k in range(14)
)
#: log2 of the first coefficient of the backward error's series.
_LEADING = -math.log2(math.comb(26, 13) * math.factorial(27))


def expm(
    np: Any,
    a: Any,
    solve: Callable[[Any, Any], Any],
    squared: Callable[[Any, Any], Any],
    fixed: Callable[[Any], Any],
) -> Any:
    """Returns the exponential of matrices `[..., n, n]`.

    Args:
        np: numpy or jax.numpy.
        a: the matrices, finite and not empty.
        solve: returns the solution of a system.
        squared: returns X squared s times, for X and s `[..., 1, 1]`.
        fixed: returns an array through which no derivative passes: the number of steps is a choice.
    """
    steps = fixed(_all_steps(np, fixed(a)))
    return squared(_approximant(np, a * 2.0**-steps, solve), steps)


def _all_steps(np: Any, a: Any) -> Any:
    """Returns how often each matrix is halved, `[..., 1, 1]`."""
    epsilon = float(np.finfo(a.dtype).eps)
    two = np.matmul(a, a)
    four = np.matmul(two, two)
    six = np.matmul(four, two)
    eight = np.matmul(four, four)
    d4, d6, d8 = (_norm(np, p) ** (1 / k) for p, k in ((four, 4), (six, 6), (eight, 8)))
    size = np.minimum(np.maximum(d4, d6), np.maximum(d6, d8))
    size = np.where(np.isfinite(size), size, _norm(np, a))
    steps = _steps(np, size / THETA)
    return steps + _more(np, a * 2.0**-steps, epsilon)


def _norm(np: Any, a: Any) -> Any:
    """Returns the norms of order 1, [..., 1, 1]."""
    return np.max(np.sum(np.abs(a), axis=-2, keepdims=True), axis=-1, keepdims=True)


def _steps(np: Any, ratio: Any) -> Any:
    """Returns how often a ratio is halved until it is at most 1."""
    safe = np.where(ratio > 1, ratio, np.ones_like(ratio))
    return np.ceil(np.log2(safe))


def _more(np: Any, x: Any, epsilon: float) -> Any:
    """Returns the further halvings that rounding asks for where |x|^27 is large."""
    norm = _norm(np, x)
    safe = np.where(norm > 0, norm, np.ones_like(norm))
    size = np.abs(x) / safe
    three = np.matmul(np.matmul(size, size), size)
    nine = np.matmul(np.matmul(three, three), three)
    power = _norm(np, np.matmul(np.matmul(nine, nine), nine))
    tiny = float(np.finfo(x.dtype).tiny)
    log = np.log2(np.maximum(power, tiny)) + 26 * np.log2(safe) + _LEADING
    return np.maximum(np.ceil((log - math.log2(epsilon / 2)) / 26), np.zeros_like(norm))


def _approximant(np: Any, x: Any, solve: Callable[[Any, Any], Any]) -> Any:
    b = COEFFICIENTS
    one = np.broadcast_to(np.eye(x.shape[-1], dtype=x.dtype), x.shape)
    two = np.matmul(x, x)
    four = np.matmul(two, two)
    six = np.matmul(four, two)
    odd = np.matmul(six, b[13] * six + b[11] * four + b[9] * two)
    odd = np.matmul(x, odd + b[7] * six + b[5] * four + b[3] * two + b[1] * one)
    even = np.matmul(six, b[12] * six + b[10] * four + b[8] * two)
    even = even + b[6] * six + b[4] * four + b[2] * two + b[0] * one
    return solve(even - odd, even + odd)
