"""Special functions of which XLA's own form keeps its digits."""

from __future__ import annotations

from typing import Any

import jax
from jax import numpy as jnp
from jax.scipy import special


def i0e(xp: Any, x: Any) -> Any:
    """Returns exp(-abs(x)) I0(x)."""
    return special.i0e(x)


def i1e(xp: Any, x: Any) -> Any:
    """Returns exp(-abs(x)) I1(x)."""
    return special.i1e(x)


def with_slopes(xp: Any, value: Any, slopes: Any, *x: Any) -> Any:
    """Returns value(*x), which JAX differentiates by one slope for each operand."""
    function = jax.custom_jvp(value)

    def rule(primals: Any, tangents: Any) -> Any:
        terms = [slope(*primals) * t for slope, t in zip(slopes, tangents, strict=True)]
        return value(*primals), sum(terms[1:], terms[0])

    function.defjvp(rule)
    return function(*jnp.broadcast_arrays(*x))


def summed(xp: Any, term: Any, rows: Any, start: Any) -> Any:
    """Returns the start plus term(*row) of all rows of numbers."""
    table = jnp.asarray(rows, start.dtype)
    return jax.lax.fori_loop(0, len(rows), lambda i, total: total + term(*table[i]), start)


def settled(xp: Any, move: Any, start: Any, near: float, count: int) -> Any:
    """Returns start + move(start) and so on, each number until its move is that near to 0."""

    def goes_on(carry: Any) -> Any:
        return (carry[0] < count) & ~jnp.all(carry[2])

    def step(carry: Any) -> Any:
        taken, y, done = carry
        change = move(y)
        moved = jnp.where(done, y, y + change)
        return taken + 1, moved, done | (jnp.abs(change) <= near)

    return jax.lax.while_loop(goes_on, step, (0, start, start != start))[1]


def igamma(xp: Any, a: Any, x: Any) -> Any:
    """Returns the regularized lower incomplete gamma function."""
    return special.gammainc(a, x)


def igammac(xp: Any, a: Any, x: Any) -> Any:
    """Returns the regularized upper incomplete gamma function."""
    return special.gammaincc(a, x)
