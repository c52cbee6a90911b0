"""Systems of equations: solve, triangular_solve, inv."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, make
from graphc.core.type import Size, TensorType, broadcast_shapes, element_count
from graphc.ops.chain import add_up, broadcast_to, reshape, sum_to
from graphc.ops.define import structural
from graphc.ops.linalg.common import (
    epsilons,
    float_node,
    identity,
    lower_part,
    product,
    require_float,
    require_square,
    size_of_each,
    square_node,
    swap,
    upper_part,
)

_NO_INVERSE = "det A != 0; inf or NaN where A is singular"


def _system_infer(a: TensorType, b: TensorType) -> TensorType:
    require_float(a, b)
    n = require_square(a)
    if len(b.shape) < 2 or b.shape[-2] != n:
        have = b.shape[-2] if len(b.shape) > 1 else b.shape[-1] if b.shape else "no"
        raise ShapeError(
            f"the matrix has {n} rows, the right side {have}",
            "give a right side [..., n, k], or one vector [n]",
        )
    return TensorType((*broadcast_shapes(a.shape[:-2], b.shape[:-2]), *b.shape[-2:]), b.dtype)


def _require_flags(**flags: Any) -> None:
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ArgumentError(
                f"{name}={show_value(value)} is neither True nor False", "say one of them"
            )


def _stack_count(node: Node) -> Size:
    return element_count(node.shape[:-2])


# -- solve -----------------------------------------------------------------------------------------


def _solve_infer(a: TensorType, b: TensorType, transpose: bool = False) -> TensorType:
    _require_flags(transpose=transpose)
    return _system_infer(a, b)


def _solved(a: Node, b: Node, transpose: bool) -> Node:
    return make(solve_op, (a, b), {"transpose": transpose})


def _solve_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    a, b = node.args
    flip = node.params["transpose"]
    back = _solved(a, broadcast_to(adjoint, node.shape), not flip)
    found: list[Node | None] = []
    for index in wanted:
        if index == 1:
            found.append(sum_to(back, b.shape))
        else:
            pair = (node, back) if flip else (back, node)
            found.append(sum_to(-product(*pair, ty=True), a.shape))
    return found


def _solve_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    a, _ = node.args
    da, db = tangents
    flip = node.params["transpose"]
    right = add_up([db, None if da is None else -product(da, node, tx=flip)])
    return None if right is None else broadcast_to(_solved(a, right, flip), node.shape)


def _solve_bound(errors: Sequence[Node | None], node: Node) -> Node:
    # What the residual, itself rounded, says of the error: Higham, eq. 7.31; it
    # holds for whichever way the system was solved.
    a, b = node.args
    flip = node.params["transpose"]
    ea, eb = errors
    inverse, size = size_of_each(make(inv_op, (a,))), size_of_each(node)
    residual = size_of_each(b - product(a, node, tx=flip))
    seen = product(size_of_each(a), size, tx=flip) + size_of_each(b)
    own = residual + seen * epsilons(a, a.dtype)
    moved = add_up([own, eb, None if ea is None else product(ea, size, tx=flip)])
    assert moved is not None
    return product(inverse, broadcast_to(moved, node.shape), tx=flip)


solve_op = structural(
    "solve",
    group="linalg",
    meet="all",
    infer=_solve_infer,
    run=lambda xp, a, b, transpose=False: xp.linalg.solve(xp, a, b, transpose),
    vjp=_solve_vjp,
    jvp=_solve_jvp,
    latex=r"{0}^{{-1}} {1}",
    flops=lambda node: (
        _stack_count(node) * node.shape[-2] * node.shape[-2] * (node.shape[-2] + node.shape[-1] * 2)
    ),
    domain=_NO_INVERSE,
    ulp=0.0,
    bound=_solve_bound,
    holomorphic=True,
    doc="Returns X of A X = B for matrices [..., n, n] and [..., n, k]; `transpose`: of A^T X = B.",
)


@public
def solve(x1: Any, x2: Any, /) -> Node:
    """Returns the solution of `x1 @ x = x2`, by elimination with partial pivoting.

    Where x1 is singular the result holds infinities or NaN; `gx.debug` raises there.

    Args:
        x1: `f[..., n, n]`.
        x2: `f[n]`, one right side; or `f[..., n, k]`, one in each column. Stacks broadcast.

    Returns:
        `f[n]` or `f[..., n, k]`; with one vector x2 and a stack of matrices `f[..., n]`.

    Raises:
        ShapeError: x1 is not square, or x2 has another number of rows.
        DTypeError: an operand holds no floats.

    Source: Array API 2024.12, linalg.solve; the derivative is that of x1^-1 x2.
    """
    return _system(x1, x2, lambda a, b: solve_op(a, b, transpose=False))


def _system(x1: Any, x2: Any, run: Any) -> Node:
    a = square_node(x1)
    b = float_node(x2, a.dtype)
    if b.ndim != 1:
        return run(a, b)
    found = run(a, reshape(b, (*b.shape, 1)))
    return reshape(found, found.shape[:-1])


# -- triangular_solve ------------------------------------------------------------------------------


def _triangular_infer(
    a: TensorType, b: TensorType, lower: bool, transpose: bool, unit_diagonal: bool
) -> TensorType:
    _require_flags(lower=lower, transpose=transpose, unit_diagonal=unit_diagonal)
    return _system_infer(a, b)


def triangular(a: Node, b: Node, *, lower: bool, transpose: bool = False) -> Node:
    """Returns X of T X = B, or T^T X = B, for the triangle of A."""
    params = {"lower": lower, "transpose": transpose, "unit_diagonal": False}
    return make(triangular_op, (a, b), params)


def _triangle(x: Node, node: Node) -> Node:
    """Returns the part of x that the op reads."""
    if not node.params["unit_diagonal"]:
        return lower_part(x) if node.params["lower"] else upper_part(x)
    if node.params["lower"]:
        return lower_part(x, strict=True)
    return swap(lower_part(swap(x), strict=True))


def _triangular_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    a, b = node.args
    flip = node.params["transpose"]
    params = {**node.params, "transpose": not flip}
    back = make(triangular_op, (a, broadcast_to(adjoint, node.shape)), params)
    found: list[Node | None] = []
    for index in wanted:
        if index == 1:
            found.append(sum_to(back, b.shape))
        else:
            pair = (node, back) if flip else (back, node)
            found.append(_triangle(sum_to(-product(*pair, ty=True), a.shape), node))
    return found


def _triangular_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    a, _ = node.args
    da, db = tangents
    moved = None
    if da is not None:
        moved = -product(_triangle(broadcast_to(da, a.shape), node), node, tx=_flip(node))
    right = add_up([db, moved])
    if right is None:
        return None
    return broadcast_to(make(triangular_op, (a, right), node.params), node.shape)


def _flip(node: Node) -> bool:
    return bool(node.params["transpose"])


def _triangular_bound(errors: Sequence[Node | None], node: Node) -> Node:
    # (T + E) X = B with |E| <= n eps |T|, column by column: Higham, theorem 8.5.
    a, _ = node.args
    ea, eb = errors
    flip, size = _flip(node), size_of_each(node)
    full = _triangle(size_of_each(a), node)
    if node.params["unit_diagonal"]:
        full = full + identity(a.shape[-1], a.dtype)
    own = full * epsilons(a, a.dtype)
    if ea is not None:
        own = own + _triangle(broadcast_to(ea, a.shape), node)
    moved = add_up([product(own, size, tx=flip), eb])
    assert moved is not None
    one = broadcast_to(identity(a.shape[-1], a.dtype), a.shape)
    inverse = size_of_each(make(triangular_op, (a, one), {**node.params, "transpose": False}))
    return product(inverse, broadcast_to(moved, node.shape), tx=flip)


triangular_op = structural(
    "triangular_solve",
    group="linalg",
    meet="all",
    infer=_triangular_infer,
    run=lambda xp, a, b, lower, transpose, unit_diagonal: xp.linalg.triangular_solve(
        xp, a, b, lower, transpose, unit_diagonal
    ),
    vjp=_triangular_vjp,
    jvp=_triangular_jvp,
    latex=r"{0}^{{-1}} {1}",
    flops=lambda node: _stack_count(node) * node.shape[-2] * node.shape[-2] * node.shape[-1],
    domain="no 0 on the diagonal of A",
    ulp=0.0,
    bound=_triangular_bound,
    holomorphic=True,
    doc="Returns X of T X = B, or T^T X = B, for the lower or upper triangle T of A.",
)


@public
def triangular_solve(
    a: Any,
    b: Any,
    *,
    lower: bool = False,
    transpose: bool = False,
    unit_diagonal: bool = False,
) -> Node:
    """Returns the solution of `T @ x = b` for a triangular T, by substitution.

    Args:
        a: `f[..., n, n]`; only the triangle named is read, and only it has a gradient.
        b: `f[n]` or `f[..., n, k]`.
        lower: the lower triangle of `a` instead of the upper one.
        transpose: solve `T.mT @ x = b`.
        unit_diagonal: take the diagonal as ones without reading it.

    Returns:
        `f[n]` or `f[..., n, k]`.

    Raises:
        ShapeError: `a` is not square, or `b` has another number of rows.
        DTypeError: an operand holds no floats.
        ArgumentError: a flag is neither True nor False.

    Source: scipy.linalg.solve_triangular, jax.lax.linalg.triangular_solve.
    """
    flags = {"lower": lower, "transpose": transpose, "unit_diagonal": unit_diagonal}
    _require_flags(**flags)
    return _system(a, b, lambda m, r: triangular_op(m, r, **flags))


# -- inv -------------------------------------------------------------------------------------------


def _inv_infer(x: TensorType) -> TensorType:
    require_float(x)
    require_square(x)
    return x


def _inv_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    middle = product(broadcast_to(adjoint, node.shape), node, ty=True)
    return [-product(node, middle, tx=True)]


def _inv_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    (dx,) = tangents
    if dx is None:
        return None
    return -product(product(node, broadcast_to(dx, node.shape)), node)


def _inv_bound(errors: Sequence[Node | None], node: Node) -> Node:
    (x,), (error,) = node.args, errors
    size = size_of_each(node)
    residual = size_of_each(identity(x.shape[-1], x.dtype) - product(x, node))
    seen = product(size_of_each(x), size) * epsilons(x, x.dtype)
    moved = residual + seen
    if error is not None:
        moved = moved + product(error, size)
    return product(size, moved)


inv_op = structural(
    "inv",
    group="linalg",
    meet="all",
    infer=_inv_infer,
    run=lambda xp, x: xp.linalg.inv(xp, x),
    vjp=_inv_vjp,
    jvp=_inv_jvp,
    latex=r"{0}^{{-1}}",
    flops=lambda node: 2 * element_count(node.shape) * node.shape[-1],
    domain=_NO_INVERSE,
    ulp=0.0,
    bound=_inv_bound,
    holomorphic=True,
    doc="Returns the inverse of square matrices [..., n, n]; inf or NaN where singular.",
)


@public
def inv(x: Any, /) -> Node:
    """Returns the inverse; to apply it to something, `solve` is faster and rounds less.

    Args:
        x: `f[..., n, n]`.

    Raises:
        ShapeError: x is not square.
        DTypeError: it holds no floats.

    Source: Array API 2024.12, linalg.inv.
    """
    return inv_op(square_node(x))


__all__ = ["inv", "solve", "triangular_solve"]
