"""Functions of which XLA's, or JAX's, own form loses digits, in a form that keeps them."""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp


def is_half(array: Any) -> bool:
    """Tells whether numbers are floats of 16 bits."""
    return array.dtype.itemsize == 2 and jnp.issubdtype(array.dtype, jnp.floating)


def in_single(x: Any) -> Any:
    """Returns 16-bit floats as float32, converted as they are read, and others as they are."""
    return x.astype(jnp.float32) if is_half(x) else x


@jax.custom_jvp
def sigmoid_slope(x: Any) -> Any:
    """Returns s(x) s(-x) of the sigmoid s, for real x.

    XLA writes s as 1 / (1 + e**-x) and computes what it shares with that once; the even form, which
    would do for every x, shares nothing. Where e**-x is infinite the slope is below the normals.
    """
    power = jnp.exp(-x)
    value = jax.nn.sigmoid(x)
    return jnp.where(jnp.isinf(power), jnp.zeros_like(x), (value * power) * value)


@sigmoid_slope.defjvp
def _sigmoid_slope_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (tangent,) = primals, tangents
    value = sigmoid_slope(x)
    return value, -value * jnp.tanh(x * 0.5) * tangent


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def softmax(x: Any, axis: Any) -> Any:
    """Returns exp(x) / sum(exp(x)) over axes, without overflow."""
    part = _exp_below(x, jnp.max(x, axis=axis, keepdims=True))
    return part / jnp.sum(part, axis=axis, keepdims=True)


@softmax.defjvp
def _softmax_jvp(axis: Any, primals: Any, tangents: Any) -> Any:
    value, (tangent,) = softmax(primals[0], axis), tangents
    mean = jnp.sum(value * tangent, axis=axis, keepdims=True)
    return value, value * (tangent - mean)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def log_softmax(x: Any, axis: Any) -> Any:
    """Returns log(softmax(x)) over axes."""
    top = jnp.max(x, axis=axis, keepdims=True)
    # The largest elements as they are stored, see `_exp_below`.
    less = jnp.where(x == top, top - top, x - top)
    return less - _log_total(x, top, axis, True)


@log_softmax.defjvp
def _log_softmax_jvp(axis: Any, primals: Any, tangents: Any) -> Any:
    (x,), (tangent,) = primals, tangents
    mean = jnp.sum(softmax(x, axis) * tangent, axis=axis, keepdims=True)
    return log_softmax(x, axis), tangent - mean


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def logsumexp(x: Any, axis: Any) -> Any:
    """Returns log(sum(exp(x))) over axes, which are kept as 1."""
    top = _finite_top(x, axis)
    # Beside a larger number the last digits of what is added to it do not show.
    return top + _log_total(x, top, axis, jnp.abs(top) < 1)


@logsumexp.defjvp
def _logsumexp_jvp(axis: Any, primals: Any, tangents: Any) -> Any:
    (x,), (tangent,) = primals, tangents
    # As JAX has it: 0 for a number beside an infinite one.
    part = _exp_below(x, _finite_top(x, axis))
    weight = part / jnp.sum(part, axis=axis, keepdims=True)
    return logsumexp(x, axis), jnp.sum(weight * tangent, axis=axis, keepdims=True)


def _finite_top(x: Any, axis: Any) -> Any:
    top = lax.stop_gradient(jnp.max(x, axis=axis, keepdims=True))
    return jnp.where(jnp.isfinite(top), top, 0)


def _exp_below(x: Any, top: Any) -> Any:
    """Returns exp(x - top), in which the rounding of the difference does not show.

    It would cost as many ulp as the difference is large, for exp(d + r) is exp(d) (1 + r).

    Where x is a product, XLA joins it with the difference in one instruction that rounds once, and
    the product's own rounding is left: beyond 1e16 that is no number to take exp of. (JAX's
    logsumexp and softmax of x * x are -inf and NaN from x = 7e12 on.) So the largest elements are
    taken as they are stored.

    Source: Knuth, "The art of computer programming", volume 2, 4.2.2, theorem B: the rounding r.
    """
    x = jnp.where(x == top, top, x)
    less = x - top
    above = less - x
    rounding = (x - (less - above)) - (top + above)
    part = jnp.exp(less)
    return jnp.where(jnp.abs(rounding) < 1, part + part * rounding, part)  # NaN beside infinities


#: Numbers in a row from which a second sum over it is worth the asking whether it is needed.
_WIDE = 128


def _log_total(x: Any, top: Any, axis: Any, fine: Any) -> Any:
    """Returns log(sum(exp(x - top))); if `fine` with what one dominating element leaves.

    The logarithm comes last: where a cheap operation does, XLA on a CPU makes that a part of what
    takes the result, and each logarithm and quotient before it a kernel of its own to compile.
    """
    part = _exp_below(x, top)
    total = jnp.sum(part, axis=axis, keepdims=True)
    alone = (total > 0.75) & (total < 1.5) & fine

    def others() -> Any:
        return jnp.sum(jnp.where(x == top, 0, part), axis=axis, keepdims=True)

    if x.size < _WIDE * top.size:
        rest = others()
    else:
        # A second sum is half of the time on a CPU, so it is taken where some row needs it. A GPU
        # would wait for the answer longer than it sums.
        rest = lax.platform_dependent(
            cpu=lambda: lax.cond(jnp.any(alone), others, lambda: total - 1), default=others
        )
    return jnp.log1p(jnp.where(alone, rest, total - 1))


def log1p(x: Any) -> Any:
    """Returns log(u) x / (u - 1) for u = 1 + x, in which the rounding of u cancels.

    Source: Kahan, in Goldberg, "What every computer scientist should know about floating-point
    arithmetic" (1991), theorem 4.
    """
    u = 1 + x
    same = u == 1
    rounded = jnp.maximum(u, 0) - 1  # XLA makes (1 + x) - 1 into x, but does not see through this
    ratio = x / jnp.where(same, jnp.ones_like(x), rounded)
    return jnp.where(same, x, jnp.log(u) * jnp.where(x > 1, jnp.ones_like(x), ratio))


def cbrt(x: Any) -> Any:
    """Returns the real cube root, with one Newton's step."""
    y = jnp.cbrt(x)
    step = (y * y * y - x) / (3 * y * y)
    return jnp.where(jnp.isfinite(step), y - step, y)


def long_product(x: Any, exponent: int) -> Any:
    """Returns x**exponent by repeated products in twice the digits, rounded once.

    A number is a head, of half the bits, and a rest: the square of the head is exact, so that it
    does not matter whether the compiler makes one instruction of a product and a sum.
    """
    power: tuple[Any, Any] | None = None
    square, left = _in_halves(x), abs(exponent)
    while left:
        if left & 1:
            power = square if power is None else _times(power, square)
        left >>= 1
        square = _times(square, square) if left else square
    assert power is not None
    exact = power[0] + power[1]
    # Plain products where a rest is inf - inf, or so small that XLA sets it to 0.
    least = float(jnp.finfo(x.dtype).tiny) / float(jnp.finfo(x.dtype).eps) ** 2
    plain = lax.integer_pow(x, abs(exponent))
    value = jnp.where(jnp.isfinite(exact) & (jnp.abs(exact) > least), exact, plain)
    return value if exponent > 0 else 1 / value


def _in_halves(x: Any) -> tuple[Any, Any]:
    head = _head(x)
    return head, x - head


def _head(x: Any) -> Any:
    kind, dropped = (np.uint64, 27) if x.dtype.itemsize == 8 else (np.uint32, 12)
    mask = kind(np.iinfo(kind).max - (2**dropped - 1))
    return lax.bitcast_convert_type(lax.bitcast_convert_type(x, kind) & mask, x.dtype)


def _times(x: tuple[Any, Any], y: tuple[Any, Any]) -> tuple[Any, Any]:
    exact = x[0] * y[0]
    rest = x[0] * y[1] + x[1] * (y[0] + y[1])
    head = _head(exact + rest)
    return head, (exact - head) + rest
