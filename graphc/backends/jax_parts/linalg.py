"""Linear algebra for JAX: jax.numpy.linalg and lax.linalg; 16-bit floats go through float32."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from graphc.backends.jax_digits import in_single
from graphc.backends.numpy_parts import divided, exponential
from graphc.backends.numpy_parts.linalg import NEARLY_SINGULAR, diagonal_cofactors


def _wide(function: Callable[..., Any]) -> Callable[..., Any]:
    """Computes in float32 where an operand has 16 bits: LAPACK has no shorter floats."""

    @functools.wraps(function)
    def called(xp: Any, *operands: Any, **params: Any) -> Any:
        return function(
            xp, *[in_single(x) if hasattr(x, "dtype") else x for x in operands], **params
        )

    return called


@_wide
def solve(xp: Any, a: Any, b: Any, transpose: bool) -> Any:
    """Returns X of A X = B, or of A^T X = B; one factorisation of A serves both."""
    if not a.size or not b.size:
        batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return jnp.zeros((*batch, *b.shape[-2:]), b.dtype)
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    b = jnp.broadcast_to(b, (*batch, *b.shape[-2:]))
    # The factors are those of A for A^T too, so that XLA joins the factorisation of the value
    # with that of its gradient.
    lu, _, order = lax.linalg.lu(lax.stop_gradient(a))
    lu = jnp.broadcast_to(lu, (*batch, *lu.shape[-2:]))
    order = jnp.broadcast_to(order, (*batch, order.shape[-1]))

    def product(x: Any, flip: bool) -> Any:
        return jnp.matmul(jnp.swapaxes(a, -1, -2) if flip else a, x)

    return lax.custom_linear_solve(
        lambda x: product(x, transpose),
        b,
        solve=lambda _, y: _by_factors(lu, order, y, transpose),
        transpose_solve=lambda _, y: _by_factors(lu, order, y, not transpose),
    )


def _by_factors(lu: Any, order: Any, b: Any, transpose: bool) -> Any:
    """Returns the solution for stacks of one shape, from P A = L U."""
    lower = functools.partial(
        lax.linalg.triangular_solve, left_side=True, lower=True, unit_diagonal=True
    )
    upper = functools.partial(lax.linalg.triangular_solve, left_side=True, lower=False)
    if not transpose:
        return upper(lu, lower(lu, jnp.take_along_axis(b, order[..., None], axis=-2)))
    x = lower(lu, upper(lu, b, transpose_a=True), transpose_a=True)
    return jnp.take_along_axis(x, jnp.argsort(order, axis=-1)[..., None], axis=-2)


@_wide
def triangular_solve(xp: Any, a: Any, b: Any, lower: bool, transpose: bool, unit: bool) -> Any:
    """Returns X of T X = B for the triangle T of A."""
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = jnp.broadcast_to(a, (*batch, *a.shape[-2:]))
    b = jnp.broadcast_to(b, (*batch, *b.shape[-2:]))
    if not b.size:
        return b
    return lax.linalg.triangular_solve(
        a, b, left_side=True, lower=lower, transpose_a=transpose, unit_diagonal=unit
    )


@_wide
def factor_solve(xp: Any, factor: Any, a: Any, b: Any, sure: bool) -> Any:
    """Returns X of A X = B by A's Cholesky factor; by elimination where that is NaN, if not sure.

    What differentiates it sees A alone: the factor is a means.
    """
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    b = jnp.broadcast_to(b, (*batch, *b.shape[-2:]))
    if not b.size:
        return b
    factor = lax.stop_gradient(factor)
    lower = jnp.broadcast_to(factor, (*batch, *factor.shape[-2:]))
    by_factor = functools.partial(lax.linalg.triangular_solve, left_side=True, lower=True)

    def solved(y: Any, transpose: bool) -> Any:
        def cheap(y: Any) -> Any:
            return by_factor(lower, by_factor(lower, y), transpose_a=True)

        if sure:
            return cheap(y)
        fine = jnp.all(jnp.isfinite(jnp.diagonal(factor, axis1=-2, axis2=-1)))
        return lax.cond(fine, cheap, lambda y: solve(xp, a, y, transpose), y)

    return lax.custom_linear_solve(
        lambda x: jnp.matmul(a, x),
        b,
        solve=lambda _, y: solved(y, False),
        transpose_solve=lambda _, y: solved(y, True),
    )


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 3))
def _factor_inverse(xp: Any, factor: Any, a: Any, sure: bool) -> Any:
    unit = jnp.broadcast_to(jnp.eye(a.shape[-1], dtype=a.dtype), a.shape)
    # One substitution and a product: a product of matrices runs several times faster.
    root = lax.linalg.triangular_solve(factor, unit, left_side=True, lower=True)
    found = jnp.matmul(jnp.swapaxes(root, -1, -2), root)
    if sure:
        return found
    fine = jnp.all(jnp.isfinite(jnp.diagonal(factor, axis1=-2, axis2=-1)))
    return lax.cond(fine, lambda: found, lambda: jnp.linalg.inv(a))


@_factor_inverse.defjvp
def _factor_inverse_jvp(xp: Any, sure: bool, primals: Any, tangents: Any) -> Any:
    value = _factor_inverse(xp, *primals, sure)
    return value, -jnp.matmul(jnp.matmul(value, tangents[1]), value)


@_wide
def factor_inverse(xp: Any, factor: Any, a: Any, sure: bool) -> Any:
    """Returns the inverse of A by its Cholesky factor; by elimination where that is NaN."""
    return _factor_inverse(xp, lax.stop_gradient(factor), a, sure) if a.size else a


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 3))
def _factor_logdet(xp: Any, factor: Any, a: Any, sure: bool) -> Any:
    found = 2 * jnp.sum(jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)
    if sure:
        return found
    fine = jnp.all(jnp.isfinite(found))
    return lax.cond(fine, lambda: found, lambda: jnp.linalg.slogdet(a)[1])


@_factor_logdet.defjvp
def _factor_logdet_jvp(xp: Any, sure: bool, primals: Any, tangents: Any) -> Any:
    factor, a = primals
    value = _factor_logdet(xp, factor, a, sure)
    slope = jnp.trace(factor_solve(xp, factor, a, tangents[1], sure), axis1=-2, axis2=-1)
    return value, slope


@_wide
def factor_logdet(xp: Any, factor: Any, a: Any, sure: bool) -> Any:
    """Returns log |det A| by A's Cholesky factor; by elimination where that is NaN, if not sure."""
    return _factor_logdet(xp, lax.stop_gradient(factor), a, sure)


@_wide
def inv(xp: Any, a: Any) -> Any:
    """Returns the inverse."""
    return jnp.linalg.inv(a)


@_wide
def det(xp: Any, a: Any) -> Any:
    """Returns the determinant."""
    return jnp.linalg.det(a)


@_wide
def slogdet(xp: Any, a: Any) -> Any:
    """Returns the determinant's sign, and the logarithm of its size."""
    return jnp.linalg.slogdet(a)


@_wide
def cholesky(xp: Any, a: Any, half: bool = False) -> Any:
    """Returns the lower triangular L with L L^T = (A + A^T) / 2; `half`: of A's lower triangle."""
    return lax.linalg.cholesky(a, symmetrize_input=False) if half else jnp.linalg.cholesky(a)


@_wide
def qr(xp: Any, a: Any) -> Any:
    """Returns Q and R of a matrix of at least as many rows as columns."""
    return jnp.linalg.qr(a)


@_wide
def qr_rest(xp: Any, a: Any) -> Any:
    """Returns the columns that complete Q to a square."""
    return jnp.linalg.qr(a, mode="complete")[0][..., a.shape[-1] :]


@_wide
def eigh(xp: Any, a: Any) -> Any:
    """Returns the eigenvalues, ascending, and the eigenvectors of (A + A^T) / 2."""
    return jnp.linalg.eigh(a)


@_wide
def svd(xp: Any, a: Any) -> Any:
    """Returns U, the singular values descending, and V^T, in reduced form."""
    return jnp.linalg.svd(a, full_matrices=False)


@_wide
def svd_rest(xp: Any, a: Any) -> Any:
    """Returns the columns that complete U to a square."""
    return jnp.linalg.svd(a, full_matrices=True)[0][..., min(a.shape[-2:]) :]


@_wide
def svdvals(xp: Any, a: Any) -> Any:
    """Returns the singular values, descending."""
    return jnp.linalg.svd(a, compute_uv=False)


@_wide
def pinv(xp: Any, a: Any, cutoff: Any) -> Any:
    """Returns the pseudo-inverse; values up to cutoff times the largest are 0."""
    if not a.size:
        return jnp.swapaxes(a, -1, -2)
    return jnp.linalg.pinv(a, rtol=cutoff)


@_wide
def expm(xp: Any, a: Any, *directions: Any) -> Any:
    """Returns the exponential, or its derivative along directions, by scaling and squaring."""
    if not a.size:
        return a
    return exponential.expm(jnp, a, directions, jnp.linalg.solve, _repeated, lax.stop_gradient)


#: Squarings at most: norms up to 10**14. JAX differentiates loops of a known length only.
_MOST_SQUARINGS = 48


def _repeated(square: Callable[[list[Any]], list[Any]], jet: list[Any], steps: Any) -> list[Any]:
    last = jnp.max(steps)

    def body(value: list[Any], step: Any) -> tuple[list[Any], None]:
        def once() -> list[Any]:
            pairs = zip(value, square(value), strict=True)
            return [jnp.where(step < steps, y, x) for x, y in pairs]

        return lax.cond(step < last, once, lambda: value), None

    found, _ = lax.scan(body, jet, jnp.arange(_MOST_SQUARINGS, dtype=steps.dtype))
    return [jnp.where(steps <= _MOST_SQUARINGS, x, jnp.nan) for x in found]


@_wide
def cofactors(xp: Any, a: Any, *directions: Any) -> Any:
    """Returns the cofactors of A, or their derivative along directions; for every rank."""
    if not a.size:
        return a

    def by_values(a: Any, *directions: Any) -> Any:
        u, s, vh = jnp.linalg.svd(a, full_matrices=False)
        v = jnp.swapaxes(vh, -1, -2)
        turn = jnp.round(jnp.linalg.det(u) * jnp.linalg.det(vh))
        moved = [jnp.matmul(jnp.matmul(jnp.swapaxes(u, -1, -2), e), v) for e in directions]
        core = diagonal_cofactors(jnp, s, moved)
        return turn[..., None, None] * jnp.matmul(jnp.matmul(u, core), vh)

    if directions:
        return by_values(a, *directions)
    # A factorisation costs a tenth of the singular values: those only where it would lose digits.
    lu, pivots, order = lax.linalg.lu(a)
    inverse = _by_factors(
        lu, order, jnp.broadcast_to(jnp.eye(a.shape[-1], dtype=a.dtype), a.shape), False
    )
    size = jnp.max(jnp.sum(jnp.abs(a), -1), -1) * jnp.max(jnp.sum(jnp.abs(inverse), -1), -1)
    sign = jnp.where(jnp.sum(pivots != jnp.arange(a.shape[-1]), -1) % 2, -1, 1).astype(a.dtype)
    whole = sign * jnp.prod(jnp.diagonal(lu, axis1=-2, axis2=-1), -1)
    quick = whole[..., None, None] * jnp.swapaxes(inverse, -1, -2)
    well = size * jnp.finfo(a.dtype).eps < NEARLY_SINGULAR
    well = well & jnp.isfinite(whole) & (whole != 0)  # the determinant may overflow first
    return lax.cond(jnp.all(well), lambda: quick, lambda: by_values(a))


def flipped(x: Any) -> Any:
    """Returns the transposes of a stack."""
    return jnp.swapaxes(x, -1, -2)


def spectral(xp: Any, a: Any, directions: Any, values_at: Any, absolute: bool) -> Any:
    """Returns the derivative of a function of symmetric matrices along directions."""
    a = in_single(a)
    directions = [in_single(e) for e in directions]
    return divided.spectral(xp, a, directions, values_at, absolute, float(jnp.finfo(a.dtype).eps))
