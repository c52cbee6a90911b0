"""Linear algebra for the NumPy evaluator: LAPACK through np.linalg and SciPy, NaN where it fails.

All functions take stacks of matrices `[..., n, n]`. What NumPy raises as LinAlgError becomes NaN
in the matrices that fail, and only in those.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.backends.numpy_parts import divided, exponential

#: Where eps times the condition number passes this, cofactors come from the singular values.
#: Before, det A A^-T is as good: the smallest pivot's error is in both factors, and cancels.
NEARLY_SINGULAR = 0.01


def solve(xp: Any, a: Any, b: Any, transpose: bool) -> Any:
    """Returns X of A X = B, or of A^T X = B."""
    a = np.swapaxes(a, -1, -2) if transpose else a
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = np.broadcast_to(a, (*batch, *a.shape[-2:]))
    b = np.broadcast_to(b, (*batch, *b.shape[-2:]))
    return _each(np.linalg.solve, b.shape, a, b)


def triangular_solve(xp: Any, a: Any, b: Any, lower: bool, transpose: bool, unit: bool) -> Any:
    """Returns X of T X = B for the triangle T of A, by substitution row after row."""
    if transpose:
        a, lower = np.swapaxes(a, -1, -2), not lower
    n = a.shape[-1]
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    x = np.array(np.broadcast_to(b, (*batch, *b.shape[-2:])))
    with np.errstate(all="ignore"):
        for i in range(n) if lower else range(n - 1, -1, -1):
            done = slice(0, i) if lower else slice(i + 1, n)
            row = x[..., i, :]
            if a[..., i, done].size and x.size:
                row = row - np.matmul(a[..., i : i + 1, done], x[..., done, :])[..., 0, :]
            x[..., i, :] = row if unit else xp.divide(row, a[..., i, i][..., None])
    return x


def factor_solve(xp: Any, factor: Any, a: Any, b: Any, sure: bool) -> Any:
    """Returns X of A X = B by A's Cholesky factor; if not sure, by elimination where it is NaN."""
    half = xp.linalg.triangular_solve(xp, factor, b, True, False, False)
    x = xp.linalg.triangular_solve(xp, factor, half, True, True, False)
    failed = _failed(xp, factor)
    if sure or not np.any(failed):
        return x
    return np.where(failed[..., None, None], xp.linalg.solve(xp, a, b, False), x)


def factor_inverse(xp: Any, factor: Any, a: Any, sure: bool) -> Any:
    """Returns the inverse of A by its Cholesky factor; by elimination where that is NaN."""
    unit = xp.linalg.identity(xp, a)
    return factor_solve(xp, factor, a, np.broadcast_to(unit, a.shape), sure)


def identity(xp: Any, a: Any) -> Any:
    """Returns the identity of a matrix's size and dtype."""
    return np.eye(a.shape[-1], dtype=a.dtype)


def factor_logdet(xp: Any, factor: Any, a: Any, sure: bool) -> Any:
    """Returns log |det A| by A's Cholesky factor; by elimination where that is NaN, if not sure."""
    with np.errstate(all="ignore"):
        found = 2 * np.sum(xp.log(np.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)
    failed = _failed(xp, factor)
    if sure or not np.any(failed):
        return found
    return np.where(failed, xp.linalg.slogdet(xp, a)[1], found)


def _failed(xp: Any, factor: Any) -> Any:
    diagonal = np.diagonal(factor, axis1=-2, axis2=-1)
    return ~np.all(diagonal == diagonal, axis=-1)


def inv(xp: Any, a: Any) -> Any:
    """Returns the inverse."""
    if a.shape[-1] == 1:
        with np.errstate(all="ignore"):
            return 1 / a
    return _each(np.linalg.inv, a.shape, a)


def det(xp: Any, a: Any) -> Any:
    """Returns the determinant."""
    return np.linalg.det(a)


def slogdet(xp: Any, a: Any) -> Any:
    """Returns the determinant's sign, and the logarithm of its size."""
    return np.linalg.slogdet(a)


def cholesky(xp: Any, a: Any, half: bool = False) -> Any:
    """Returns the lower triangular L with L L^T = (A + A^T) / 2; `half`: of A's lower triangle."""
    return _each(np.linalg.cholesky, a.shape, a if half else symmetric(a))


def qr(xp: Any, a: Any) -> Any:
    """Returns Q and R of a matrix of at least as many rows as columns."""
    return np.linalg.qr(a)


def qr_rest(xp: Any, a: Any) -> Any:
    """Returns the columns that complete Q to a square."""
    return np.linalg.qr(a, mode="complete")[0][..., a.shape[-1] :]


def eigh(xp: Any, a: Any) -> Any:
    """Returns the eigenvalues, ascending, and the eigenvectors of (A + A^T) / 2."""
    shapes = (a.shape[:-1], a.shape)
    return _each_of_several(np.linalg.eigh, shapes, symmetric(a))


def svd(xp: Any, a: Any) -> Any:
    """Returns U, the singular values descending, and V^T, in reduced form."""
    *batch, m, n = a.shape
    k = min(m, n)
    shapes = ((*batch, m, k), (*batch, k), (*batch, k, n))
    return _each_of_several(lambda x: np.linalg.svd(x, full_matrices=False), shapes, a)


def svd_rest(xp: Any, a: Any) -> Any:
    """Returns the columns that complete U to a square."""
    *batch, m, n = a.shape
    full = _each_of_several(
        lambda x: np.linalg.svd(x, full_matrices=True)[:1], ((*batch, m, m),), a
    )
    return full[0][..., min(m, n) :]


def svdvals(xp: Any, a: Any) -> Any:
    """Returns the singular values, descending."""
    *batch, m, n = a.shape
    shape = (*batch, min(m, n))
    return _each(lambda x: np.linalg.svd(x, compute_uv=False), shape, a)


def pinv(xp: Any, a: Any, cutoff: Any) -> Any:
    """Returns the pseudo-inverse; values up to cutoff times the largest are 0."""
    u, s, vh = svd(xp, a)
    top = s[..., :1]
    with np.errstate(all="ignore"):
        inverse = np.where(s > cutoff * top, 1 / s, 0).astype(a.dtype)
    return np.matmul(np.swapaxes(vh, -1, -2) * inverse[..., None, :], np.swapaxes(u, -1, -2))


def expm(xp: Any, a: Any, *directions: Any) -> Any:
    """Returns the exponential, or its derivative along directions, by scaling and squaring."""
    if not a.size:
        return a
    finite = np.all(np.isfinite(a), axis=(-2, -1), keepdims=True)
    with np.errstate(all="ignore"):
        found = exponential.expm(
            np,
            np.where(finite, a, 0),
            directions,
            lambda x, y: solve(xp, x, y, False),
            _repeated,
            xp.stop_gradient,
        )
        return np.where(finite, found, np.nan).astype(a.dtype)


def _repeated(square: Callable[[list[Any]], list[Any]], jet: list[Any], steps: Any) -> list[Any]:
    for step in range(int(np.max(steps))):
        jet = [np.where(step < steps, y, x) for x, y in zip(jet, square(jet), strict=True)]
    return jet


def cofactors(xp: Any, a: Any, *directions: Any) -> Any:
    """Returns the cofactors of A, or their derivative along directions; for every rank.

    With A = U S V^T, det(A + t E) = det(U V^T) det(S + t U^T E V): for a diagonal matrix the
    cofactors and all their derivatives are sums of products of the s that are left. No division.
    """
    if not directions:
        inverse, whole = inv(xp, a), det(xp, a)
        well = _norm(a) * _norm(inverse) * np.finfo(a.dtype).eps < NEARLY_SINGULAR
        if np.all(well & np.isfinite(whole) & (whole != 0)):  # the determinant may overflow first
            return whole[..., None, None] * np.swapaxes(inverse, -1, -2)
    u, s, vh = svd(xp, a)
    v = np.swapaxes(vh, -1, -2)
    turn = np.round(np.linalg.det(u) * np.linalg.det(vh)).astype(a.dtype)
    moved = [np.matmul(np.matmul(np.swapaxes(u, -1, -2), e), v) for e in directions]
    core = diagonal_cofactors(np, s, moved)
    return turn[..., None, None] * np.matmul(np.matmul(u, core), vh)


def _norm(a: Any) -> Any:
    return np.max(np.sum(np.abs(a), axis=-1), axis=-1, initial=0)


def diagonal_cofactors(xp: Any, s: Any, directions: Any) -> Any:
    """Returns the derivative of the cofactors of diag(s) along directions, `[..., n, n]`.

    The directions F1 ... Fk of det(diag(s) + t0 F0 + ...): the coefficient is, over all rows
    i0 ... ik, the product of the s outside of them, times the sum over permutations p of
    sign(p) F0[i0, i_p(0)] ... Fk[ik, i_p(k)]; rows that coincide cancel. Its slope by F0 is
    wanted.
    """
    count = len(directions) + 1
    rows = "ijklmnopqrs"[:count]
    left = _products_outside(xp, s, count)
    total: Any = 0
    for order, sign in _permutations(count):
        terms = [f"...{rows[j]}{rows[order[j]]}" for j in range(1, count)]
        operands = [left, *directions]
        if order[0] == 0:
            text = f"...{rows}," + ",".join(terms) + "->...i" if terms else f"...{rows}->...i"
            line = xp.einsum(text, *operands)
            part = line[..., None, :] * xp.eye(s.shape[-1], dtype=s.dtype)
        else:
            text = f"...{rows}," + ",".join(terms) + f"->...{rows[0]}{rows[order[0]]}"
            part = xp.einsum(text, *operands)
        total = total + sign * part
    return total


def _products_outside(xp: Any, s: Any, count: int) -> Any:
    """Returns P[i0, ..., ik], the product of all s but those at these places."""
    n = s.shape[-1]
    kept = xp.ones((n,) * (count + 1), dtype=bool)
    for place in range(count):
        shape = [1] * (count + 1)
        shape[place], shape[count] = n, n
        kept = kept & ~xp.reshape(xp.eye(n, dtype=bool), shape)
    spread = xp.reshape(s, (*s.shape[:-1], *[1] * count, n))
    return xp.prod(xp.where(kept, spread, xp.ones_like(spread)), axis=-1)


def _permutations(count: int) -> list[tuple[tuple[int, ...], int]]:
    """Returns all orders of so many places with their signs."""
    found: list[tuple[tuple[int, ...], int]] = [((0,), 1)]
    for size in range(1, count):
        found = [
            ((*order[:at], size, *order[at:]), sign * (-1) ** (size - at))
            for order, sign in found
            for at in range(size + 1)
        ]
    return found


def symmetric(a: Any) -> Any:
    """Returns (A + A^T) / 2; halves first, so that nothing overflows."""
    return a * 0.5 + np.swapaxes(a, -1, -2) * 0.5


def _each(function: Callable[..., Any], shape: Any, *operands: Any) -> Any:
    """Returns function(operands), matrix by matrix where one of the stack fails: NaN there."""
    return _each_of_several(lambda *x: (function(*x),), (shape,), *operands)[0]


def _each_of_several(function: Callable[..., Any], shapes: Any, *operands: Any) -> Any:
    try:
        return function(*operands)
    except np.linalg.LinAlgError:
        pass
    results = [np.full(shape, np.nan, operands[0].dtype) for shape in shapes]
    for index in np.ndindex(*operands[0].shape[:-2]):
        try:
            found = function(*[x[index] for x in operands])
        except np.linalg.LinAlgError:
            continue
        for result, value in zip(results, found, strict=True):
            result[index] = value
    return tuple(results)


def flipped(x: Any) -> Any:
    """Returns the transposes of a stack."""
    return np.swapaxes(x, -1, -2)


def spectral(xp: Any, a: Any, directions: Any, values_at: Any, absolute: bool) -> Any:
    """Returns the derivative of a function of symmetric matrices along directions."""
    return divided.spectral(xp, a, directions, values_at, absolute, np.finfo(a.dtype).eps)
