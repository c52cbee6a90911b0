"""Linear algebra on object arrays of mpmath numbers: textbook algorithms, to any precision.

Golub and Van Loan, Matrix Computations, 4th edition: elimination with partial pivoting (3.4),
Cholesky (4.2), Householder's QR with LAPACK's signs (5.2), Jacobi's rotations for symmetric
matrices (8.5) and, from one side, for singular values (8.6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.backends.numpy_parts import divided
from graphc.backends.numpy_parts.linalg import (
    diagonal_cofactors,
    factor_inverse,
    factor_logdet,
    factor_solve,
    flipped,
    symmetric,
    triangular_solve,
)

__all__ = [
    "cholesky", "cofactors", "det", "eigh", "expm", "factor_inverse", "factor_logdet",
    "factor_solve", "flipped", "identity", "inv", "pinv", "qr", "qr_rest", "slogdet", "solve",
    "spectral", "svd", "svd_rest", "svdvals", "symmetric", "triangular_solve",
]  # fmt: skip

#: Sweeps of rotations: they converge in six or so, and quadratically at the end.
_SWEEPS = 200


def solve(xp: Any, a: Any, b: Any, transpose: bool) -> Any:
    """Returns X of A X = B, or of A^T X = B."""
    a = np.swapaxes(a, -1, -2) if transpose else a
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = np.broadcast_to(a, (*batch, *a.shape[-2:]))
    b = np.broadcast_to(b, (*batch, *b.shape[-2:]))
    return _stacked(lambda x, y: (_solve(xp, x, y),), a, b, shapes=(b.shape[-2:],))[0]


def _solve(xp: Any, a: Any, b: Any) -> Any:
    lu, order, _ = _factors(xp, a)
    n = len(a)
    x = b[order]
    for i in range(n):
        x[i] = x[i] - lu[i, :i] @ x[:i] if i else x[i]
    for i in range(n - 1, -1, -1):
        rest = x[i] - lu[i, i + 1 :] @ x[i + 1 :] if i + 1 < n else x[i]
        x[i] = xp.divide(rest, lu[i, i])
    return x


def _factors(xp: Any, a: Any) -> tuple[Any, list[int], int]:
    """Returns L and U in one square, the order of the rows, and its sign."""
    lu, n, sign = a.copy(), len(a), 1
    order = list(range(n))
    for k in range(n):
        best = max(range(k, n), key=lambda i: abs(lu[i, k]))
        if best != k:
            lu[[k, best]] = lu[[best, k]]
            order[k], order[best] = order[best], order[k]
            sign = -sign
        if lu[k, k] == 0:
            continue
        for i in range(k + 1, n):
            lu[i, k] = lu[i, k] / lu[k, k]
            lu[i, k + 1 :] = lu[i, k + 1 :] - lu[i, k] * lu[k, k + 1 :]
    return lu, order, sign


def inv(xp: Any, a: Any) -> Any:
    """Returns the inverse."""
    return solve(xp, a, np.broadcast_to(_identity(xp, a.shape[-1]), a.shape), False)


def identity(xp: Any, a: Any) -> Any:
    """Returns the identity of a matrix's size."""
    return _identity(xp, a.shape[-1])


def _identity(xp: Any, n: int) -> Any:
    return xp.astype(np.eye(n).astype(object), _Float)


class _Float:
    """Stands for any float dtype where the namespace asks for one."""

    is_inexact = True


def det(xp: Any, a: Any) -> Any:
    """Returns the determinant."""
    return _stacked(lambda x: (_det(xp, x),), a, shapes=((),))[0]


def _det(xp: Any, a: Any) -> Any:
    lu, _, sign = _factors(xp, a)
    value = xp.context.one * sign
    for i in range(len(a)):
        value = value * lu[i, i]
    return value


def slogdet(xp: Any, a: Any) -> Any:
    """Returns the determinant's sign, and the logarithm of its size."""
    value = det(xp, a)
    return xp.sign(value), xp.log(abs(value))


def cholesky(xp: Any, a: Any, half: bool = False) -> Any:
    """Returns the lower triangular L with L L^T = (A + A^T) / 2; `half`: of A's lower triangle."""
    whole = a if half else symmetric(a)
    return _stacked(lambda x: (_cholesky(xp, x),), whole, shapes=(a.shape[-2:],))[0]


def _cholesky(xp: Any, a: Any) -> Any:
    n, zero = len(a), xp.context.zero
    found = np.full((n, n), zero, dtype=object)
    for j in range(n):
        pivot = a[j, j] - (found[j, :j] @ found[j, :j] if j else zero)
        if not pivot > 0:
            return np.full((n, n), xp.nan, dtype=object)
        found[j, j] = xp.context.sqrt(pivot)
        for i in range(j + 1, n):
            rest = a[i, j] - (found[i, :j] @ found[j, :j] if j else zero)
            found[i, j] = rest / found[j, j]
    return found


def qr(xp: Any, a: Any) -> Any:
    """Returns Q and R of a matrix of at least as many rows as columns."""
    m, n = a.shape[-2:]

    def one(x: Any) -> Any:
        q, r = _qr(xp, x)
        return q[:, :n], r[:n]

    return _stacked(one, a, shapes=((m, n), (n, n)))


def qr_rest(xp: Any, a: Any) -> Any:
    """Returns the columns that complete Q to a square."""
    m, n = a.shape[-2:]
    return _stacked(lambda x: (_qr(xp, x)[0][:, n:],), a, shapes=((m, m - n),))[0]


def _qr(xp: Any, a: Any) -> tuple[Any, Any]:
    m, n = a.shape
    q, r = _identity(xp, m), a.copy()
    for k in range(n):
        x = r[k:, k]
        below = x[1:] @ x[1:] if len(x) > 1 else xp.context.zero
        if below == 0:  # LAPACK then leaves the column as it is, whatever its sign
            continue
        size = xp.context.sqrt(x[0] * x[0] + below)
        top = -size if x[0] >= 0 else size
        v = x.copy()
        v[0] = x[0] - top
        scale = 2 / (v @ v)
        r[k:, k:] = r[k:, k:] - np.outer(v * scale, v @ r[k:, k:])
        q[:, k:] = q[:, k:] - np.outer(q[:, k:] @ v, v * scale)
        r[k + 1 :, k] = xp.context.zero
    return q, r


def eigh(xp: Any, a: Any) -> Any:
    """Returns the eigenvalues, ascending, and the eigenvectors of (A + A^T) / 2."""
    return _stacked(lambda x: _eigh(xp, x), symmetric(a), shapes=(a.shape[-1:], a.shape[-2:]))


def _eigh(xp: Any, a: Any) -> tuple[Any, Any]:
    c, n = xp.context, len(a)
    a, v = a.copy(), _identity(xp, n)
    if not _finite(xp, a):
        return np.full(n, xp.nan, dtype=object), np.full((n, n), xp.nan, dtype=object)
    scale = sum((abs(x) for x in a.flat), c.zero)
    for _ in range(_SWEEPS):
        off = sum((abs(a[p, q]) for p in range(n) for q in range(p)), c.zero)
        if off <= c.eps * scale / 16:
            break
        for p in range(n):
            for q in range(p + 1, n):
                if a[p, q] != 0:
                    _rotate_symmetric(c, a, v, p, q)
    order = sorted(range(n), key=lambda i: a[i, i])
    return np.array([a[i, i] for i in order], dtype=object), v[:, order]


def _rotate_symmetric(c: Any, a: Any, v: Any, p: int, q: int) -> None:
    cosine, sine = _angle(c, a[p, p], a[q, q], a[p, q])
    for square in (a, v):
        left, right = square[:, p].copy(), square[:, q].copy()
        square[:, p], square[:, q] = cosine * left - sine * right, sine * left + cosine * right
    up, down = a[p].copy(), a[q].copy()
    a[p], a[q] = cosine * up - sine * down, sine * up + cosine * down
    a[p, q] = a[q, p] = c.zero


def _angle(c: Any, first: Any, second: Any, between: Any) -> tuple[Any, Any]:
    """Returns the rotation that makes the element between two diagonal ones 0."""
    theta = (second - first) / (2 * between)
    tangent = 1 / (abs(theta) + c.sqrt(theta * theta + 1))
    tangent = -tangent if theta < 0 else tangent
    cosine = 1 / c.sqrt(tangent * tangent + 1)
    return cosine, tangent * cosine


def svd(xp: Any, a: Any) -> Any:
    """Returns U, the singular values descending, and V^T, in reduced form."""
    m, n = a.shape[-2:]
    k = min(m, n)

    def one(x: Any) -> Any:
        if m >= n:
            return _svd(xp, x)
        u, s, vh = _svd(xp, x.T.copy())
        return vh.T, s, u.T

    return _stacked(one, a, shapes=((m, k), (k,), (k, n)))


def _svd(xp: Any, a: Any) -> tuple[Any, Any, Any]:
    c, (m, n) = xp.context, a.shape
    if not _finite(xp, a):
        return tuple([np.full(t, xp.nan, dtype=object) for t in ((m, n), (n,), (n, n))])  # type: ignore[return-value]
    u, v = a.copy(), _identity(xp, n)
    for _ in range(_SWEEPS):
        moved = False
        for p in range(n):
            for q in range(p + 1, n):
                across = u[:, p] @ u[:, q]
                first, second = u[:, p] @ u[:, p], u[:, q] @ u[:, q]
                if across == 0 or abs(across) <= c.eps * c.sqrt(first * second) / 4:
                    continue
                moved = True
                cosine, sine = _angle(c, first, second, across)
                for square in (u, v):
                    left, right = square[:, p].copy(), square[:, q].copy()
                    square[:, p] = cosine * left - sine * right
                    square[:, q] = sine * left + cosine * right
        if not moved:
            break
    sizes = [c.sqrt(u[:, j] @ u[:, j]) if m else c.zero for j in range(n)]
    order = sorted(range(n), key=lambda j: -sizes[j])
    s = np.array([sizes[j] for j in order], dtype=object)
    top = s[0] if n else c.zero
    kept = [u[:, j] / sizes[j] for j in order if sizes[j] > c.eps * top * (m + n)]
    columns = _completed(xp, kept, m, n)
    return np.stack(columns, axis=1) if n else u, s, v[:, order].T


def _completed(xp: Any, columns: list[Any], m: int, count: int) -> list[Any]:
    """Returns orthonormal columns made up to a number, from the unit vectors farthest off."""
    columns = list(columns)
    while len(columns) < count:
        rests: list[Any] = []
        for unit in _identity(xp, m):
            for _ in range(2):  # twice is enough: Kahan
                for column in columns:
                    unit = unit - (column @ unit) * column
            rests.append(unit)
        best = max(rests, key=lambda r: r @ r)
        columns.append(best / xp.context.sqrt(best @ best))
    return columns


def svd_rest(xp: Any, a: Any) -> Any:
    """Returns the columns that complete U to a square."""
    m, n = a.shape[-2:]
    k = min(m, n)

    def one(x: Any) -> Any:
        u = svd(xp, x)[0]
        rest = _completed(xp, list(u.T), m, m)[k:]
        return (np.stack(rest, axis=1) if rest else u[:, :0],)

    return _stacked(one, a, shapes=((m, m - k),))[0]


def svdvals(xp: Any, a: Any) -> Any:
    """Returns the singular values, descending."""
    return svd(xp, a)[1]


def pinv(xp: Any, a: Any, cutoff: Any) -> Any:
    """Returns the pseudo-inverse; values up to cutoff times the largest are 0."""
    u, s, vh = svd(xp, a)
    small = (s <= xp.context.mpf(cutoff) * s[..., :1]).astype(bool)
    inverse = np.where(small, xp.context.zero, xp.divide(1, s))
    return np.matmul(np.swapaxes(vh, -1, -2) * inverse[..., None, :], np.swapaxes(u, -1, -2))


def expm(xp: Any, a: Any, *directions: Any) -> Any:
    """Returns the exponential, or its derivative along directions, by Taylor's series."""
    n = a.shape[-1]
    return _stacked(
        lambda x, *e: (_expm(xp, _nested(xp, x, e))[:n, -n:],) if n else (x,),
        a,
        *directions,
        shapes=(a.shape[-2:],),
    )[0]


def _nested(xp: Any, a: Any, directions: Any) -> Any:
    """Returns the larger matrix in whose exponential's corner the derivative stands.

    For one direction [[A, E], [0, A]]: Higham, Functions of Matrices, eq. 3.16; and so on.
    """
    for direction in directions:
        times = len(a) // len(direction)
        zero = np.full(a.shape, xp.context.zero, dtype=object)
        beside = zero.copy()
        for k in range(times):
            part = slice(k * len(direction), (k + 1) * len(direction))
            beside[part, part] = direction
        a = np.block([[a, beside], [zero, a]])
    return a


def _expm(xp: Any, a: Any) -> Any:
    c, n = xp.context, len(a)
    if not _finite(xp, a):
        return np.full((n, n), xp.nan, dtype=object)
    size = max((abs(x) for x in a.flat), default=c.zero) * n
    steps = max(0, int(c.mag(size)) + 8) if size else 0
    with c.workprec(c.prec + 2 * steps + 40):
        part = a / c.mpf(2) ** steps
        total = term = _identity(xp, n)
        for k in range(1, c.prec):
            term = (part @ term) / k
            total = total + term
            if all(abs(x) <= c.eps for x in term.flat):
                break
        for _ in range(steps):
            total = total @ total
    return np.frompyfunc(lambda x: +x, 1, 1)(total)


def cofactors(xp: Any, a: Any, *directions: Any) -> Any:
    """Returns the cofactors of A, or their derivative along directions; for every rank."""
    u, s, vh = svd(xp, a)
    v = np.swapaxes(vh, -1, -2)
    turn = xp.sign(det(xp, u) * det(xp, vh))
    moved = [np.matmul(np.matmul(np.swapaxes(u, -1, -2), e), v) for e in directions]
    core = diagonal_cofactors(np, s, moved)
    return np.asarray(turn)[..., None, None] * np.matmul(np.matmul(u, core), vh)


def _finite(xp: Any, a: Any) -> bool:
    return all(xp.context.isfinite(x) for x in a.flat)


def _stacked(function: Callable[..., Any], *operands: Any, shapes: Any) -> Any:
    """Returns a function's results for each matrix of a stack."""
    batch = operands[0].shape[:-2]
    results = [np.empty((*batch, *shape), dtype=object) for shape in shapes]
    for index in np.ndindex(*batch):
        found = function(*[x[index] for x in operands])
        for result, value in zip(results, found, strict=True):
            result[index] = value
    return tuple(results)


def spectral(xp: Any, a: Any, directions: Any, values_at: Any, absolute: bool) -> Any:
    """Returns the derivative of a function of symmetric matrices along directions."""
    return divided.spectral(xp, a, directions, values_at, absolute, xp.context.eps)
