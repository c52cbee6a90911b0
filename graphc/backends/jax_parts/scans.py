"""Running sums, products and extremes, as XLA has them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from graphc.backends import jax_digits as digits


def cumsum(xp: Any, x: Any, axis: int, reverse: bool) -> Any:
    """Returns running sums."""
    return lax.cumsum(digits.in_single(x), axis=axis, reverse=reverse)


def cumprod(xp: Any, x: Any, axis: int, reverse: bool) -> Any:
    """Returns running products."""
    return lax.cumprod(digits.in_single(x), axis=axis, reverse=reverse)


def cumextreme(xp: Any, x: Any, axis: int, reverse: bool, larger: bool) -> Any:
    """Returns running maxima or minima."""
    return (lax.cummax if larger else lax.cummin)(x, axis=axis, reverse=reverse)


def cumlogsumexp(xp: Any, x: Any, axis: int, reverse: bool) -> Any:
    """Returns the logarithms of running sums of exponentials.

    As a tree, whose work grows with n: on the CPU `lax.cumlogsumexp` takes n**2 steps, 20 times as
    long for a thousand elements.
    """
    return lax.associative_scan(jnp.logaddexp, digits.in_single(x), reverse=reverse, axis=axis)


def recurrence(xp: Any, factor: Any, term: Any, axis: int, reverse: bool) -> Any:
    """Returns h with h[j] = factor[j] * h[j-1] + term[j], and 0 before the first.

    Two steps are one: (a, b) then (c, d) is (c a, c b + d), so that the work is spread as a tree.
    """

    def join(first: Any, then: Any) -> Any:
        (a, b), (c, d) = first, then
        return c * a, c * b + d

    arrays = (digits.in_single(factor), digits.in_single(term))
    return lax.associative_scan(join, arrays, reverse=reverse, axis=axis)[1]
