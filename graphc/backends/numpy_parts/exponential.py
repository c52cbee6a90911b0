"""The exponential of matrices and its derivatives by scaling and squaring, for NumPy and JAX alike.

Al-Mohy and Higham, A new scaling and squaring algorithm for the matrix exponential (2009),
algorithm 5.1, with degree 13 throughout. It scales by what the powers of a matrix grow like and not
by its norm, which for matrices far from normal would be too much. jax.scipy.linalg.expm scales once
too little (its error reaches 5e-11 in float64), and SciPy loses three digits on some 2 x 2.

The derivative along directions E1, ..., Ek is the coefficient of t1 ... tk in exp(A + sum tj Ej): a
jet, the coefficients of all products of different t, goes through the same steps. Item m of a jet
belongs to the product of the tj whose bit is set in m; None is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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

Jet = list[Any]


def expm(
    np: Any,
    a: Any,
    directions: Sequence[Any],
    solve: Callable[[Any, Any], Any],
    repeated: Callable[[Callable[[Jet], Jet], Jet, Any], Jet],
    fixed: Callable[[Any], Any],
) -> Any:
    """Returns the derivative of the exponential of matrices `[..., n, n]` along directions.

    Args:
        np: numpy or jax.numpy.
        a: the matrices, finite and not empty.
        directions: as many as the order of the derivative; none for the exponential itself.
        solve: returns the solution of a system.
        repeated: `repeated(square, jet, s)` squares a jet s `[..., 1, 1]` times.
        fixed: returns an array through which no derivative passes: the number of steps is a choice.
    """
    jet: Jet = [None] * 2 ** len(directions)
    jet[0] = a
    for place, direction in enumerate(directions):
        jet[1 << place] = direction
    two = _product(np, jet, jet)
    four = _product(np, two, two)
    six = _product(np, four, two)
    steps = fixed(_steps(np, *[fixed(p[0]) for p in (jet, four, six)]))
    scale = 2.0**-steps  # a power of 2: the scaled powers are exact
    powers = [_scaled(p, scale**k) for p, k in ((jet, 1), (two, 2), (four, 4), (six, 6))]
    found = _approximant(np, powers, solve)
    return repeated(lambda x: _product(np, x, x), found, steps)[-1]


def _product(np: Any, x: Jet, y: Jet) -> Jet:
    """Returns the product of two jets."""
    found: Jet = []
    for mask in range(len(x)):
        total: Any = None
        for part in range(mask + 1):
            if part & mask != part or x[part] is None or y[mask ^ part] is None:
                continue
            term = np.matmul(x[part], y[mask ^ part])
            total = term if total is None else total + term
        found.append(total)
    return found


def _scaled(x: Jet, factor: Any) -> Jet:
    return [None if part is None else part * factor for part in x]


def _sum(jets: Sequence[Jet], factors: Sequence[Any]) -> Jet:
    """Returns the sum of factors times jets."""
    found: Jet = []
    for parts in zip(*jets, strict=True):
        total: Any = None
        for part, factor in zip(parts, factors, strict=True):
            if part is not None:
                total = part * factor if total is None else total + part * factor
        found.append(total)
    return found


def _approximant(np: Any, powers: Sequence[Jet], solve: Callable[[Any, Any], Any]) -> Jet:
    """Returns (even - odd)^-1 (even + odd) for the parts of the approximant's polynomial."""
    x, two, four, six = powers
    b = COEFFICIENTS
    eye = np.broadcast_to(np.eye(x[0].shape[-1], dtype=x[0].dtype), x[0].shape)
    one: Jet = [eye, *[None] * (len(x) - 1)]
    high = _product(np, six, _sum((six, four, two), (b[13], b[11], b[9])))
    odd = _product(np, x, _sum((high, six, four, two, one), (1.0, b[7], b[5], b[3], b[1])))
    high = _product(np, six, _sum((six, four, two), (b[12], b[10], b[8])))
    even = _sum((high, six, four, two, one), (1.0, b[6], b[4], b[2], b[0]))
    below, above = _sum((even, odd), (1.0, -1.0)), _sum((even, odd), (1.0, 1.0))
    found: Jet = []
    for mask in range(len(x)):
        right = above[mask]
        for part in range(1, mask + 1):
            if part & mask == part:
                right = right - np.matmul(below[part], found[mask ^ part])
        found.append(solve(below[0], right))
    return found


# -- how often to halve ----------------------------------------------------------------------------


def _steps(np: Any, a: Any, four: Any, six: Any) -> Any:
    """Returns how often each matrix is halved, `[..., 1, 1]`."""
    epsilon = float(np.finfo(a.dtype).eps)
    eight = np.matmul(four, four)
    d4, d6, d8 = (_norm(np, p) ** (1 / k) for p, k in ((four, 4), (six, 6), (eight, 8)))
    size = np.minimum(np.maximum(d4, d6), np.maximum(d6, d8))
    size = np.where(np.isfinite(size), size, _norm(np, a)) / THETA
    steps = np.ceil(np.log2(np.where(size > 1, size, np.ones_like(size))))
    return steps + _more(np, a * 2.0**-steps, epsilon)


def _norm(np: Any, a: Any) -> Any:
    """Returns the norms of order 1, [..., 1, 1]."""
    return np.max(np.sum(np.abs(a), axis=-2, keepdims=True), axis=-1, keepdims=True)


def _more(np: Any, x: Any, epsilon: float) -> Any:
    """Returns the further halvings that rounding asks for where |x|^27 is large."""
    norm = _norm(np, x)
    safe = np.where(norm > 0, norm, np.ones_like(norm))
    size = np.abs(x) / safe
    three = np.matmul(np.matmul(size, size), size)
    sums = np.ones_like(size[..., :1, :])
    for _ in range(9):
        sums = np.matmul(sums, three)
    power = np.max(sums, axis=-1, keepdims=True)
    tiny = float(np.finfo(x.dtype).tiny)
    log = np.log2(np.maximum(power, tiny)) + 26 * np.log2(safe) + _LEADING
    return np.maximum(np.ceil((log - math.log2(epsilon / 2)) / 26), np.zeros_like(norm))
