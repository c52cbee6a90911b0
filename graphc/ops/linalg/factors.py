"""Factorisations without choice: Cholesky and QR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, apply_named
from graphc.core.type import TensorType, TupleType, element_count
from graphc.ops.chain import add_up, broadcast_to
from graphc.ops.control import results_of
from graphc.ops.define import structural
from graphc.ops.linalg.common import (
    backward_error,
    epsilons,
    half_lower,
    identity,
    lower_part,
    matrix_node,
    mirrored_lower,
    product,
    require_float,
    require_matrix,
    require_square,
    require_text,
    scale_of,
    size_of_each,
    square_node,
    swap,
    symmetric,
    upper_part,
)
from graphc.ops.linalg.solving import triangular


class QRResult(NamedTuple):
    """Q with orthonormal columns, and upper triangular R."""

    Q: Node
    R: Node


# -- cholesky --------------------------------------------------------------------------------------


def _cholesky_infer(x: TensorType, half: bool = False) -> TensorType:
    require_float(x)
    require_square(x)
    if not isinstance(half, bool):
        raise ArgumentError(f"half={show_value(half)} is neither True nor False", "say one")
    return x


def _cholesky_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    # L^-T P L^-1 with P the symmetric half of L^T adjoint: Murray, arXiv:1602.07527, eq. 10.
    inner = half_lower(product(node, broadcast_to(adjoint, node.shape), tx=True))
    inner = symmetric(inner)
    left = triangular(node, inner, lower=True, transpose=True)
    return [swap(triangular(node, swap(left), lower=True, transpose=True))]


def _cholesky_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    (dx,) = tangents
    if dx is None:
        return None
    return product(node, half_lower(_inside(symmetric(broadcast_to(dx, node.shape)), node)))


def _inside(middle: Node, node: Node) -> Node:
    """Returns L^-1 M L^-T."""
    left = triangular(node, middle, lower=True)
    return swap(triangular(node, swap(left), lower=True))


def _cholesky_bound(errors: Sequence[Node | None], node: Node) -> Node:
    # L L^T = A + E with |E| <= (n + 1) eps |L| |L^T|: Higham, theorem 10.3; then to first order.
    size = size_of_each(node)
    own = product(size, size, ty=True) * epsilons(node, node.dtype)
    if errors[0] is not None:
        own = own + symmetric(broadcast_to(errors[0], node.shape))
    one = broadcast_to(identity(node.shape[-1], node.dtype), node.shape)
    inverse = size_of_each(triangular(node, one, lower=True))
    middle = product(product(inverse, own), inverse, ty=True)
    return product(size, half_lower(middle))


cholesky_op = structural(
    "cholesky",
    group="linalg",
    meet="all",
    infer=_cholesky_infer,
    # `half` is for matrices known to be symmetric: the lower triangle is read, and that is all.
    run=lambda xp, x, half=False: xp.linalg.cholesky(xp, x, half),
    vjp=_cholesky_vjp,
    jvp=_cholesky_jvp,
    latex=r"\operatorname{{cholesky}}({0})",
    flops=lambda node: element_count(node.shape) * node.shape[-1],
    domain="x positive definite; NaN where it is not",
    ulp=0.0,
    bound=_cholesky_bound,
    doc="Returns the lower triangular L with L L^T = (x + x^T) / 2, for matrices [..., n, n].",
)


@public
def cholesky(x: Any, /, *, upper: bool = False) -> Node:
    """Returns the lower triangular L with positive diagonal for which `L @ L.mT` is x.

    Of a matrix that is not symmetric it takes (x + x^T) / 2, and so the gradient is symmetric.
    A matrix that is not positive definite gives NaN; `gx.debug` raises there.

    Args:
        x: `f[..., n, n]`.
        upper: return `L.mT` instead.

    Raises:
        ShapeError: x is not square.
        DTypeError: it holds no floats.
        ArgumentError: `upper` is neither True nor False.

    Source: Array API 2024.12, linalg.cholesky; derivative: Murray, arXiv:1602.07527.
    """
    if not isinstance(upper, bool):
        raise ArgumentError(f"upper={show_value(upper)} is neither True nor False", "say one")
    lower = cholesky_op(square_node(x))
    return swap(lower) if upper else lower


# -- qr --------------------------------------------------------------------------------------------


def _tall(x: TensorType) -> None:
    require_float(x)
    require_matrix(x)
    m, n = x.shape[-2:]
    if m != n and not (isinstance(m, int) and isinstance(n, int) and m > n):
        raise ShapeError(
            f"{m} rows are not at least {n} columns, as far as one can tell",
            "give numbers for the sizes, or make the matrix square",
        )


def _qr_infer(x: TensorType) -> TupleType:
    _tall(x)
    square = (*x.shape[:-2], x.shape[-1], x.shape[-1])
    return TupleType((x, TensorType(square, x.dtype)))


def _qr_vjp(adjoint: Any, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    # (Q' + Q copyltu(R R'^T - Q'^T Q)) R^-T: Walter and Lehmann, arXiv:1009.6112.
    q, r = results_of(node)
    dq, dr = adjoint
    parts: list[Node | None] = []
    if dr is not None:
        parts.append(product(r, broadcast_to(dr, r.shape), ty=True))
    if dq is not None:
        dq = broadcast_to(dq, q.shape)
        parts.append(-product(dq, q, tx=True))
    middle = add_up(parts)
    assert middle is not None
    total = product(q, mirrored_lower(middle))
    total = total if dq is None else total + dq
    return [swap(triangular(r, swap(total), lower=False))]


def _qr_jvp(tangents: Sequence[Node | None], node: Node) -> Any:
    (dx,) = tangents
    if dx is None:
        return None
    q, r = results_of(node)
    inner = _over(broadcast_to(dx, q.shape), r)
    seen = product(q, inner, tx=True)
    turn = upper_part(seen) + swap(lower_part(seen, strict=True))
    return inner - product(q, turn), upper_part(product(turn, r))


def _over(x: Node, r: Node) -> Node:
    """Returns x R^-1."""
    return swap(triangular(r, swap(x), lower=False, transpose=True))


def _qr_bound(errors: Sequence[Node | None], node: Node) -> Any:
    # Q R = A + E, each column of E at most c m n eps of A's: Higham, theorem 19.4.
    q, r = results_of(node)
    (x,) = node.args
    one = broadcast_to(identity(r.shape[-1], r.dtype), r.shape)
    inverse = size_of_each(triangular(r, one, lower=False))
    inner = product(backward_error(errors[0], x), inverse)
    size = size_of_each(q)
    seen = product(size, inner, tx=True)
    turn = upper_part(seen) + swap(lower_part(seen, strict=True))
    # Q's own columns are orthonormal up to rounding only.
    drift = broadcast_to(epsilons(x, x.dtype, 4.0), q.shape)
    return inner + product(size, turn) + drift, upper_part(product(turn, size_of_each(r)))


qr_op = structural(
    "qr",
    group="linalg",
    meet="all",
    infer=_qr_infer,
    run=lambda xp, x: xp.linalg.qr(xp, x),
    vjp=_qr_vjp,
    jvp=_qr_jvp,
    latex=r"\operatorname{{qr}}({0})",
    flops=lambda node: 4 * element_count(node.args[0].shape) * node.args[0].shape[-1],
    domain="independent columns; inf or NaN in the derivative where they depend on each other",
    ulp=0.0,
    bound=_qr_bound,
    formula="it has two results",
    doc="Returns (Q, R) in reduced form for matrices [..., m, n] with m >= n, signs as in LAPACK.",
)


def _rest_infer(x: TensorType) -> TensorType:
    _tall(x)
    m, n = x.shape[-2:]
    return TensorType((*x.shape[:-2], m, m - n), x.dtype)


def _rest_bound(errors: Sequence[Node | None], node: Node) -> Node:
    # An orthonormal basis of a space that turns by no more than |E| / s_n.
    (x,) = node.args
    smallest = apply_named("svdvals", x)[..., -1:]
    error = scale_of(backward_error(errors[0], x))
    return broadcast_to(error / smallest.reshape((*smallest.shape, 1)), node.shape)


qr_rest_op = structural(
    "qr_rest",
    group="linalg",
    meet="all",
    infer=_rest_infer,
    run=lambda xp, x: xp.linalg.qr_rest(xp, x),
    vjp="the columns that complete Q are any basis of what is left, write mode='reduced'",
    jvp="the columns that complete Q are any basis of what is left, write mode='reduced'",
    latex=r"\operatorname{{qr}}_\perp({0})",
    flops=lambda node: 4 * element_count(node.args[0].shape) * node.args[0].shape[-2],
    domain="independent columns",
    ulp=0.0,
    bound=_rest_bound,
    doc="Returns the m - n columns that complete Q to a square; signs as in LAPACK.",
)


@public
def qr(x: Any, /, *, mode: str = "reduced") -> QRResult:
    """Returns Q and R with `Q @ R` = x, orthonormal columns in Q, R upper triangular.

    The signs of R's diagonal are LAPACK's. The derivative needs independent columns (of the first m
    where there are fewer rows m than columns). With mode="complete" the columns of Q past the n-th
    are any basis of what is left, so they have no derivative: what uses them is a GradError.

    Args:
        x: `f[..., m, n]`.
        mode: `"reduced"`: Q `f[..., m, k]` and R `f[..., k, n]` with k = min(m, n);
            `"complete"`: Q `f[..., m, m]` and R `f[..., m, n]`.

    Raises:
        ArgumentError: the mode is not known.
        ShapeError: x is no matrix.
        DTypeError: it holds no floats.

    Source: Array API 2024.12, linalg.qr; derivative: Walter and Lehmann, arXiv:1009.6112.
    """
    require_text("mode", mode, ("reduced", "complete"))
    a = matrix_node(x)
    m, n = a.shape[-2:]
    if isinstance(m, int) and isinstance(n, int) and m < n:
        q, r = results_of(qr_op(a[..., :m]))
        return QRResult(
            q, apply_named("concat", r, product(q, a[..., m:], tx=True), axis=a.ndim - 1)
        )
    q, r = results_of(qr_op(a))
    if mode == "reduced" or m == n:
        return QRResult(q, r)
    full = apply_named("concat", q, qr_rest_op(a), axis=a.ndim - 1)
    zeros = broadcast_to(apply_named("cast", 0.0, dtype=a.dtype), (*a.shape[:-2], m - n, n))
    return QRResult(full, apply_named("concat", r, zeros, axis=a.ndim - 2))


__all__ = ["QRResult", "cholesky", "qr"]
