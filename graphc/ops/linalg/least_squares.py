"""Matrices of any shape and rank: pinv, lstsq, matrix_rank, cond."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from graphc.core.calls import guarded, public
from graphc.core.dtype import DEFAULT_INT
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node
from graphc.core.type import TensorType, element_count
from graphc.ops.chain import add_up, broadcast_to, reshape
from graphc.ops.define import structural
from graphc.ops.linalg.common import (
    backward_error,
    column,
    float_node,
    identity,
    matrix_node,
    product,
    require_float,
    require_matrix,
    size_of_each,
    small_count,
    square_node,
    swap,
)
from graphc.ops.linalg.norms import matrix_norm
from graphc.ops.linalg.singular import svdvals, svdvals_op
from graphc.ops.linalg.solving import inv_op


class LstsqResult(NamedTuple):
    """The solution, the squared residuals, the rank, and the singular values."""

    x: Node
    residuals: Node
    rank: Node
    singular_values: Node


def _pinv_infer(x: TensorType, cutoff: float) -> TensorType:
    require_float(x)
    require_matrix(x)
    if isinstance(cutoff, bool) or not isinstance(cutoff, (int, float)) or not 0 <= cutoff < 1:
        raise ArgumentError(f"cutoff={show_value(cutoff)} is not in [0, 1)", "for example 1e-12")
    small_count(*x.shape[-2:])
    return TensorType((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)


def _pinv_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    # The transposes of the three terms below.
    (a,) = node.args
    g = broadcast_to(adjoint, node.shape)
    gram = product(node, node, ty=True)  # A^+ A^+^T, [n, n]
    other = product(node, node, tx=True)  # A^+^T A^+, [m, m]
    first = -product(product(node, g, tx=True), node, ty=True)
    second = swap(_right_rest(product(gram, g), node, a))
    third = swap(_left_rest(product(g, other), node, a))
    return [first + second + third]


def _right_rest(x: Node, node: Node, a: Node) -> Node:
    """Returns x (1 - A A^+) for x [n, m]."""
    return x - product(product(x, a), node)


def _left_rest(x: Node, node: Node, a: Node) -> Node:
    """Returns (1 - A^+ A) x for x [n, m]."""
    return x - product(node, product(a, x))


def _pinv_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    # Golub and Pereyra (1973), for a rank that does not change.
    (a,), (da,) = node.args, tangents
    if da is None:
        return None
    da = broadcast_to(da, a.shape)
    first = -product(product(node, da), node)
    gram = product(node, node, ty=True)
    other = product(node, node, tx=True)
    second = _right_rest(product(gram, da, ty=True), node, a)
    third = _left_rest(product(da, other, tx=True), node, a)
    return first + second + third


def _pinv_bound(errors: Sequence[Node | None], node: Node) -> Node:
    (a,) = node.args
    size = size_of_each(node)
    error = broadcast_to(backward_error(errors[0], a), a.shape)
    gram = product(size, size, ty=True)
    other = product(size, size, tx=True)
    m, n = a.shape[-2:]
    left = size_of_each(identity(m, a.dtype) - product(a, node))
    right = size_of_each(identity(n, a.dtype) - product(node, a))
    parts = add_up(
        [
            product(product(size, error), size),
            product(product(gram, error, ty=True), left),
            product(right, product(error, other, tx=True)),
        ]
    )
    assert parts is not None
    return parts


pinv_op = structural(
    "pinv",
    group="linalg",
    meet="all",
    infer=_pinv_infer,
    run=lambda xp, x, cutoff: xp.linalg.pinv(xp, x, cutoff),
    vjp=_pinv_vjp,
    jvp=_pinv_jvp,
    latex=r"{0}^{{+}}",
    flops=lambda node: 22 * element_count(node.shape) * small_count(*node.shape[-2:]),
    domain="every x; the derivative where the rank does not change",
    ulp=0.0,
    bound=_pinv_bound,
    doc="Returns the pseudo-inverse of matrices [..., m, n]; small singular values count as 0.",
)


def _cutoff(a: Node, given: Any, name: str) -> float:
    """Returns below which share of the largest a singular value counts as 0."""
    if given is None:
        m, n = a.shape[-2:]
        if not isinstance(m, int) or not isinstance(n, int):
            raise ShapeError(
                f"the default {name} is max(m, n) eps, and {m} or {n} is a named size",
                f"give {name}=, for example 1e-12",
            )
        return min(max(m, n) * a.dtype.epsilon, 0.5)
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given < 1:
        raise ArgumentError(
            f"{name}={show_value(given)} is no share of the largest singular value",
            "give a number from 0 to 1, for example 1e-12",
        )
    return float(given)


@public
def pinv(x: Any, /, *, rtol: float | None = None) -> Node:
    """Returns the Moore-Penrose pseudo-inverse, `f[..., n, m]` of `f[..., m, n]`.

    The derivative holds while the rank does not change, as everywhere else none exists.

    Args:
        x: `f[..., m, n]`.
        rtol: singular values up to rtol times the largest count as 0; max(m, n) eps by default.

    Raises:
        ShapeError: x is no matrix, or has named sizes and no rtol.
        DTypeError: it holds no floats.
        ArgumentError: rtol is not in [0, 1).

    Source: Array API 2024.12, linalg.pinv; derivative: Golub and Pereyra (1973).
    """
    a = matrix_node(x)
    return pinv_op(a, cutoff=_cutoff(a, rtol, "rtol"))


@public
def lstsq(a: Any, b: Any, rcond: float | None = None) -> LstsqResult:
    """Returns the shortest x that makes the sum of squares of `a @ x - b` least.

    Args:
        a: `f[..., m, n]`.
        b: `f[m]` or `f[..., m, k]`.
        rcond: singular values up to rcond times the largest count as 0; max(m, n) eps by default.

    Returns:
        x `f[n]` or `f[..., n, k]`; residuals `f[]` or `f[..., k]`, the sums of squares, for every
        rank; rank `i32[...]`; singular_values `f[..., min(m, n)]`.

    Raises:
        ShapeError: the numbers of rows differ, or `a` has named sizes and no rcond.
        DTypeError: an operand holds no floats.
        ArgumentError: rcond is not in [0, 1).

    Source: numpy.linalg.lstsq; derivative: Golub and Pereyra (1973), for a rank that stays.
    """
    matrix = matrix_node(a)
    right = float_node(b, matrix.dtype)
    rows = right.shape[0] if right.ndim == 1 else right.shape[-2] if right.ndim else None
    if rows != matrix.shape[-2]:
        have = "no" if rows is None else rows
        raise ShapeError(
            f"the matrix has {matrix.shape[-2]} rows, the right side {have}",
            "give a right side [..., m, k], or one vector [m]",
        )
    cutoff = _cutoff(matrix, rcond, "rcond")
    columns = column(right) if right.ndim == 1 else right
    found = apply_named("matmul", pinv_op(matrix, cutoff=cutoff), columns)
    rest = columns - apply_named("matmul", matrix, found)
    residuals = apply_named("sum", rest * rest, axis=(rest.ndim - 2,), keepdims=False)
    if right.ndim == 1:
        found = reshape(found, found.shape[:-1])
        residuals = reshape(residuals, residuals.shape[:-1])
    values = svdvals_op(matrix)
    return LstsqResult(found, residuals, _rank(values, cutoff), values)


def _rank(values: Node, cutoff: Any) -> Node:
    alive = values > values[..., :1] * cutoff
    counted = apply_named("cast", alive, dtype=DEFAULT_INT)
    return apply_named("sum", counted, axis=(values.ndim - 1,), keepdims=False)


@public
def matrix_rank(x: Any, /, *, rtol: Any = None) -> Node:
    """Returns how many singular values exceed rtol times the largest, `i32[...]`.

    Args:
        x: `f[..., m, n]`.
        rtol: a number or a graph value; max(m, n) eps by default.

    Raises:
        ShapeError: x is no matrix, or has named sizes and no rtol.
        DTypeError: it holds no floats.
        ArgumentError: rtol is a number outside [0, 1).

    Source: Array API 2024.12, linalg.matrix_rank.
    """
    a = matrix_node(x)
    if rtol is None or isinstance(rtol, (bool, int, float)):
        return _rank(svdvals_op(a), _cutoff(a, rtol, "rtol"))
    share = as_node(rtol)
    return _rank(svdvals_op(a), reshape(share, (*share.shape, 1)) if share.ndim else share)


@guarded("cond")
def cond(x: Any, /, p: Any = None) -> Node:
    """Returns the condition number: the largest over the smallest singular value.

    Args:
        x: `f[..., m, n]`; square for every p but None, 2 and -2.
        p: None or 2; -2 for the reciprocal; 1, -1, infinities and "fro", "nuc" for the product of
            the norms of x and of its inverse.

    Raises:
        ShapeError: x is not square.
        DTypeError: it holds no floats.
        ArgumentError: p is not known.

    Source: numpy.linalg.cond.
    """
    if p is None or (type(p) in (int, float) and abs(p) == 2):
        values = svdvals(x)
        largest, least = values[..., 0], values[..., -1]
        return largest / least if p is None or p == 2 else least / largest
    known = type(p) in (int, float) and (abs(p) == 1 or abs(p) == math.inf)
    if not known and not (isinstance(p, str) and p in ("fro", "nuc")):
        raise ArgumentError(
            f"p={show_value(p)} is no norm", "use 1, -1, 2, -2, infinity, 'fro' or 'nuc'"
        )
    a = square_node(x)
    return matrix_norm(a, ord=p) * matrix_norm(inv_op(a), ord=p)


__all__ = ["LstsqResult", "cond", "lstsq", "matrix_rank", "pinv"]
