"""Functions of symmetric matrices and their derivatives, by divided differences; for any backend.

The k-th derivative of f(A) = V f(w) V^T along E1, ..., Ek is V M V^T with, summed over the orders
of the directions, M[i0, ik] = sum f[w_i0, ..., w_ik] F1[i0, i1] ... Fk[i(k-1), ik] for F = V^T E V:
Daleckii and Krein; Higham, Functions of Matrices, theorem 3.11. f[...] are divided differences,
which are derivatives where eigenvalues are equal.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

#: Terms of the Taylor series that stands in for a difference of values too close to each other.
TERMS = 4


def spectral(
    xp: Any,
    a: Any,
    directions: Sequence[Any],
    values_at: Callable[[Any], Any],
    absolute: bool,
    epsilon: Any,
) -> Any:
    """Returns the derivative of f(A) along directions.

    Args:
        xp: the namespace.
        a: the matrices `[..., n, n]`; of them and of the directions the symmetric half counts.
        directions: as many as the order of the derivative; none for f(A) itself.
        values_at: returns f and its derivatives, at points `[m]`.
        absolute: with the absolute values of all factors, for a bound.
        epsilon: of the numbers' precision.
    """
    w, v = xp.linalg.eigh(xp, a)
    flat = values_at(xp.reshape(w, (-1,)))
    values = [xp.reshape(part, w.shape) for part in flat]
    order, n = len(directions), w.shape[-1]
    table = _table(xp, values, w, order, epsilon)
    if absolute:
        table, v = xp.abs(table), xp.abs(v)
    back = xp.linalg.flipped(v)
    if not order:
        return xp.matmul(v * table[..., None, :], back, False, False)
    turned = [
        xp.matmul(xp.matmul(back, (e + xp.linalg.flipped(e)) / 2, False, False), v, False, False)
        for e in directions
    ]
    letters = "abcdefgh"[: order + 1]
    stack = "ijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[: w.ndim - 1]
    pairs = [f"{stack}{letters[i]}{letters[i + 1]}" for i in range(order)]
    text = ",".join([f"{stack}{letters}", *pairs]) + f"->{stack}{letters[0]}{letters[-1]}"
    core: Any = 0
    for chosen in itertools.permutations(turned):
        core = core + xp.einsum(text, table, *chosen)
    assert n == core.shape[-1]
    return xp.matmul(xp.matmul(v, core, False, False), back, False, False)


def _table(xp: Any, values: list[Any], w: Any, order: int, epsilon: Any) -> Any:
    """Returns f[w_i0, ..., w_ik] for all indices, `[..., n, ..., n]`."""
    n = w.shape[-1]
    # Divided differences do not depend on the order of the points: ascending indices are enough.
    rows = np.sort(np.indices((n,) * (order + 1)).reshape(order + 1, -1), axis=0)
    found, _ = _difference(xp, values, w, list(rows), epsilon)
    return xp.reshape(found, (*w.shape[:-1], *[n] * (order + 1)))


def _difference(
    xp: Any, values: list[Any], w: Any, rows: list[Any], epsilon: Any
) -> tuple[Any, Any]:
    """Returns the divided differences at points w[rows], ascending, and an estimate of their error.

    Of the quotient and of Taylor's series about a point in the middle the more accurate is taken.
    """
    if len(rows) == 1:
        value = values[0][..., rows[0]]
        return value, xp.abs(value) * epsilon
    high, high_error = _difference(xp, values, w, rows[1:], epsilon)
    low, low_error = _difference(xp, values, w, rows[:-1], epsilon)
    gap = w[..., rows[-1]] - w[..., rows[0]]
    equal = gap == 0
    safe = xp.where(equal, xp.ones_like(gap), gap)
    quotient, quotient_error = (high - low) / safe, (high_error + low_error) / safe
    series, last = _taylor(xp, values, w, rows)
    better = equal | (xp.abs(last) < quotient_error)
    error = xp.where(
        better, xp.where(equal, xp.abs(series) * epsilon, xp.abs(last)), quotient_error
    )
    return xp.where(better, series, quotient), error


def _taylor(xp: Any, values: list[Any], w: Any, rows: list[Any]) -> tuple[Any, Any]:
    """Returns the sum of f^(k+m)(c) / (k+m)! h_m(x - c), and its last term.

    h_m is the complete homogeneous symmetric polynomial of degree m.
    """
    order = len(rows) - 1
    centre = rows[order // 2]
    moved = [w[..., r] - w[..., centre] for r in rows]
    one = xp.ones_like(moved[0])
    powers = [one, *[one * 0] * (TERMS - 1)]
    for step in moved:
        for degree in range(1, TERMS):
            powers[degree] = powers[degree] + step * powers[degree - 1]
    terms = [
        values[order + m][..., centre] * powers[m] / math.factorial(order + m) for m in range(TERMS)
    ]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total, terms[-1]
