"""Singular values and vectors; where they have a derivative is said in `spectra`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, show_value
from graphc.core.node import Node, apply_named, make
from graphc.core.type import TensorType, TupleType, element_count
from graphc.ops.chain import add_up, broadcast_to
from graphc.ops.control import results_of
from graphc.ops.define import structural
from graphc.ops.linalg.common import (
    backward_error,
    column,
    diagonal_matrix,
    diagonal_of,
    epsilons,
    matrix_node,
    product,
    require_float,
    require_matrix,
    row,
    scale_of,
    selected,
    size_of_each,
    small_count,
    swap,
    symmetric,
)
from graphc.ops.linalg.spectra import either, gaps, off_diagonal, quotient, turned


class SVDResult(NamedTuple):
    """U, the singular values descending, and V^T."""

    U: Node
    S: Node
    Vh: Node


def _svd_infer(x: TensorType) -> TupleType:
    require_float(x)
    require_matrix(x)
    *batch, m, n = x.shape
    k = small_count(m, n)
    shapes = ((*batch, m, k), (*batch, k), (*batch, k, n))
    return TupleType(tuple([TensorType(s, x.dtype) for s in shapes]))


def _svd_vjp(adjoint: Any, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    u, s, vh = results_of(node)
    v = swap(vh)
    du, ds, dvh = adjoint
    down = None if du is None else product(u, broadcast_to(du, u.shape), tx=True)
    dv = None if dvh is None else swap(broadcast_to(dvh, vh.shape))
    across = None if dv is None else product(v, dv, tx=True)
    middle: list[Node | None] = []
    if ds is not None:
        ds = broadcast_to(ds, s.shape)
        middle.append(diagonal_matrix(ds))
    even, odd = add_up([down, across]), _less(down, across)
    if even is not None and odd is not None:
        middle.append(quotient((even - swap(even)) * 0.5, gaps(s), either(even, ds)))
        middle.append(quotient((odd - swap(odd)) * 0.5, _sums(s), either(odd, ds)))
    core = add_up(middle)
    assert core is not None
    total: list[Node | None] = [product(product(u, core), vh)]
    m, n, k = u.shape[-2], v.shape[-2], s.shape[-1]
    if du is not None and down is not None and m != k:
        outside = broadcast_to(du, u.shape) - product(u, down)
        total.append(product(_scaled(outside, s, ds), vh))
    if dv is not None and across is not None and n != k:
        outside = dv - product(v, across)
        total.append(product(u, _scaled(outside, s, ds), ty=True))
    return [add_up(total)]


def _less(left: Node | None, right: Node | None) -> Node | None:
    return add_up([left, None if right is None else -right])


def _sums(s: Node) -> Node:
    """Returns s_j + s_i."""
    return row(s) + column(s)


def _scaled(x: Node, s: Node, values: Node | None = None) -> Node:
    """Returns the columns over the singular values; 0 / 0 is 0 where nothing depends on it."""
    alive = apply_named("logical_or", x != 0, row(s) != 0)
    if values is not None:
        alive = apply_named("logical_or", alive, row(values) != 0)
    return selected(alive, x / row(s))


def _svd_jvp(tangents: Sequence[Node | None], node: Node) -> Any:
    # With P = U^T dX V: the even part of P turns U and V alike by 1 / (s_j - s_i), the odd part
    # against each other by 1 / (s_j + s_i); Townsend, Differentiating the singular value
    # decomposition (2016), with the two fractions apart.
    (dx,) = tangents
    if dx is None:
        return None
    u, s, vh = results_of(node)
    v = swap(vh)
    dx = broadcast_to(dx, node.args[0].shape)
    inner = turned(dx, u, v)
    even = quotient(symmetric(inner), gaps(s))
    odd = quotient((inner - swap(inner)) * 0.5, _sums(s))
    du, dv = product(u, even + odd), product(v, even - odd)
    m, n, k = u.shape[-2], v.shape[-2], s.shape[-1]
    if m != k:
        du = du + _scaled(product(dx, v) - product(u, inner), s)
    if n != k:
        dv = dv + _scaled(product(dx, u, tx=True) - product(v, inner, ty=True), s)
    return du, diagonal_of(inner), swap(dv)


def _svd_bound(errors: Sequence[Node | None], node: Node) -> Any:
    # The results are those of A + E with |E| <= c n eps |A|: LAPACK Users' Guide, section 4.9.
    u, s, vh = results_of(node)
    v = swap(vh)
    (x,) = node.args
    error = backward_error(None if errors[0] is None else broadcast_to(errors[0], x.shape), x)
    left, right = size_of_each(u), size_of_each(v)
    inner = turned(error, left, right)
    off = off_diagonal(inner)
    even = symmetric(inner)
    turn = selected(off, even / size_of_each(gaps(s))) + selected(off, even / _sums(s))
    drift = epsilons(x, x.dtype, 4.0)
    du, dv = product(left, turn) + drift, product(right, turn) + drift
    m, n, k = u.shape[-2], v.shape[-2], s.shape[-1]
    if m != k:
        du = du + (product(error, right) + product(left, inner)) / row(s)
    if n != k:
        dv = dv + (product(error, left, tx=True) + product(right, inner, ty=True)) / row(s)
    return du, diagonal_of(inner), swap(dv)


svd_op = structural(
    "svd",
    group="linalg",
    meet="all",
    infer=_svd_infer,
    run=lambda xp, x: xp.linalg.svd(xp, x),
    vjp=_svd_vjp,
    jvp=_svd_jvp,
    latex=r"\operatorname{{svd}}({0})",
    flops=lambda node: 14 * element_count(node.args[0].shape) * node.type.items[1].shape[-1],
    domain="every x; the vectors' derivative where the singular values differ and are not 0",
    ulp=0.0,
    bound=_svd_bound,
    formula="it has three results",
    doc="Returns (U, S, V^T) in reduced form for matrices [..., m, n]; S descending.",
)


def _svd_rest_infer(x: TensorType) -> TensorType:
    require_float(x)
    require_matrix(x)
    m, n = x.shape[-2:]
    return TensorType((*x.shape[:-2], m, m - small_count(m, n)), x.dtype)


def _svd_rest_bound(errors: Sequence[Node | None], node: Node) -> Node:
    (x,) = node.args
    smallest = svdvals_op(x)[..., -1:]
    error = scale_of(backward_error(errors[0], x))
    return broadcast_to(error / column(smallest), node.shape)


svd_rest_op = structural(
    "svd_rest",
    group="linalg",
    meet="all",
    infer=_svd_rest_infer,
    run=lambda xp, x: xp.linalg.svd_rest(xp, x),
    vjp="the columns that complete U are any basis of what is left, write full_matrices=False",
    jvp="the columns that complete U are any basis of what is left, write full_matrices=False",
    latex=r"\operatorname{{svd}}_\perp({0})",
    flops=lambda node: 14 * element_count(node.args[0].shape) * node.args[0].shape[-2],
    domain="every x",
    ulp=0.0,
    bound=_svd_rest_bound,
    doc="Returns the columns that complete U of the singular value decomposition to a square.",
)


def _svdvals_infer(x: TensorType) -> TensorType:
    return _svd_infer(x).items[1]


def _svdvals_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    u, _, vh = results_of(make(svd_op, node.args))
    return [product(u * row(broadcast_to(adjoint, node.shape)), vh)]


def _svdvals_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    (dx,) = tangents
    if dx is None:
        return None
    u, _, vh = results_of(make(svd_op, node.args))
    return diagonal_of(turned(broadcast_to(dx, node.args[0].shape), u, swap(vh)))


def _svdvals_bound(errors: Sequence[Node | None], node: Node) -> Node:
    # Weyl: each singular value moves by no more than the norm of what is added to the matrix.
    error = scale_of(backward_error(errors[0], node.args[0]))
    return broadcast_to(error.reshape(error.shape[:-1]), node.shape)


svdvals_op = structural(
    "svdvals",
    group="linalg",
    meet="all",
    infer=_svdvals_infer,
    run=lambda xp, x: xp.linalg.svdvals(xp, x),
    vjp=_svdvals_vjp,
    jvp=_svdvals_jvp,
    latex=r"\sigma({0})",
    flops=lambda node: 4 * element_count(node.args[0].shape) * node.shape[-1],
    domain="every x",
    ulp=0.0,
    bound=_svdvals_bound,
    doc="Returns the singular values of matrices [..., m, n], descending.",
)


@public
def svd(x: Any, /, *, full_matrices: bool = True) -> SVDResult:
    """Returns U, S and Vh with `(U * S) @ Vh` = x, orthonormal columns in U and rows in Vh.

    The signs of the vectors are the backend's choice. Where singular values are equal, or 0 beside
    unequal sizes, the vectors have no derivative: what depends on them gives an infinity or NaN,
    what depends on the values alone is right. The columns that full matrices have past the reduced
    ones are any basis of what is left: what uses them is a GradError.

    Args:
        x: `f[..., m, n]`.
        full_matrices: U `f[..., m, m]` and Vh `f[..., n, n]`; else `f[..., m, k]` and
            `f[..., k, n]` with k = min(m, n).

    Returns:
        U, S `f[..., k]` descending, Vh.

    Raises:
        ShapeError: x is no matrix, or one of its sizes is named and nobody knows which is smaller.
        DTypeError: it holds no floats.
        ArgumentError: `full_matrices` is neither True nor False.

    Source: Array API 2024.12, linalg.svd; derivative: Townsend (2016).
    """
    if not isinstance(full_matrices, bool):
        raise ArgumentError(
            f"full_matrices={show_value(full_matrices)} is neither True nor False", "say one"
        )
    a = matrix_node(x)
    u, s, vh = results_of(svd_op(a))
    m, n = a.shape[-2:]
    if full_matrices and m != n:
        if u.shape[-2] != u.shape[-1]:
            u = apply_named("concat", u, svd_rest_op(a), axis=a.ndim - 1)
        else:
            rest = swap(svd_rest_op(swap(a)))
            vh = apply_named("concat", vh, rest, axis=a.ndim - 2)
    return SVDResult(u, s, vh)


@public
def svdvals(x: Any, /) -> Node:
    """Returns the singular values, descending, `f[..., min(m, n)]`, without the vectors.

    Raises:
        ShapeError: x is no matrix.
        DTypeError: it holds no floats.

    Source: Array API 2024.12, linalg.svdvals.
    """
    return svdvals_op(matrix_node(x))


__all__ = ["SVDResult", "svd", "svdvals"]
