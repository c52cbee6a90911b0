"""Systems, inverses, determinants of a positive definite matrix by a Cholesky factor at hand.

The factor is a means and not an operand of the function: the records are functions of the matrix,
with the derivatives of `solve`, `inv` and `slogdet`, so that putting one in the place of the other
changes neither value nor derivative of any order. One factor, a node of the graph, serves all.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.errors import ArgumentError, ShapeError
from graphc.core.node import Node, apply_named, make
from graphc.core.type import TensorType, broadcast_shapes, element_count
from graphc.ops.chain import add_up, broadcast_to, reshape, sum_to
from graphc.ops.define import structural
from graphc.ops.linalg.common import (
    backward_error,
    epsilons,
    identity,
    product,
    require_float,
    require_square,
    size_of_each,
    swap,
)
from graphc.ops.linalg.solving import inv_op, solve_op

_DOMAIN = "x positive definite, and the factor its own"


def _factor_infer(factor: TensorType, x: TensorType, sure: bool) -> None:
    require_float(factor, x)
    require_square(x)
    if factor.shape != x.shape:
        raise ShapeError(f"the factor is {factor}, the matrix {x}", "give the matrix's own factor")
    if not isinstance(sure, bool):
        raise ArgumentError("sure is neither True nor False", "say one of them")


# -- a system --------------------------------------------------------------------------------------


def _solve_infer(factor: TensorType, a: TensorType, b: TensorType, sure: bool) -> TensorType:
    _factor_infer(factor, a, sure)
    rows = (*broadcast_shapes(a.shape[:-2], b.shape[:-2]), *b.shape[-2:])
    solve_op.infer(a, b, transpose=False)  # raises where they do not fit
    return TensorType(rows, b.dtype)


def factor_solve(factor: Node, a: Node, b: Node, sure: bool) -> Node:
    """Returns X of A X = B by A's Cholesky factor.

    Args:
        factor: L with L L^T = A.
        a: A, `f[..., n, n]`.
        b: B, `f[..., n, k]`.
        sure: the factor is taken as it is; otherwise elimination serves where it is NaN.
    """
    return make(factor_solve_op, (factor, a, b), {"sure": sure})


def _solve_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    factor, a, b = node.args
    sure = node.params["sure"]
    back = factor_solve(factor, swap(a), broadcast_to(adjoint, node.shape), sure)
    found: list[Node | None] = []
    for index in wanted:
        if index == 0:
            found.append(None)
        elif index == 1:
            found.append(sum_to(-product(back, node, ty=True), a.shape))
        else:
            found.append(sum_to(back, b.shape))
    return found


def _solve_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    factor, a, _ = node.args
    _, da, db = tangents
    right = add_up([db, None if da is None else -product(da, node)])
    if right is None:
        return None
    return broadcast_to(factor_solve(factor, a, right, node.params["sure"]), node.shape)


def _solve_bound(errors: Sequence[Node | None], node: Node) -> Node:
    # As for `solve`: what the residual, itself rounded, says of the error: Higham, eq. 7.31.
    _, a, b = node.args
    _, ea, eb = errors
    inverse, size = size_of_each(make(inv_op, (a,))), size_of_each(node)
    residual = size_of_each(b - product(a, node))
    own = residual + (product(size_of_each(a), size) + size_of_each(b)) * epsilons(a, a.dtype)
    moved = add_up([own, eb, None if ea is None else product(ea, size)])
    assert moved is not None
    return product(inverse, broadcast_to(moved, node.shape))


factor_solve_op = structural(
    "factor_solve",
    group="linalg",
    meet="all",
    infer=_solve_infer,
    run=lambda xp, factor, a, b, sure: xp.linalg.factor_solve(xp, factor, a, b, sure),
    vjp=_solve_vjp,
    jvp=_solve_jvp,
    latex=r"{1}^{{-1}} {2}",
    flops=lambda node: 2 * element_count(node.shape) * node.shape[-2],
    domain=_DOMAIN,
    ulp=0.0,
    bound=_solve_bound,
    doc="Returns X of A X = B for a positive definite A, by its Cholesky factor.",
)


# -- the inverse -----------------------------------------------------------------------------------


def _inverse_infer(factor: TensorType, x: TensorType, sure: bool) -> TensorType:
    _factor_infer(factor, x, sure)
    return x


def factor_inverse(factor: Node, x: Node, sure: bool) -> Node:
    """Returns the inverse of positive definite matrices by their Cholesky factor."""
    return make(factor_inverse_op, (factor, x), {"sure": sure})


def _inverse_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    middle = product(broadcast_to(adjoint, node.shape), node, ty=True)
    return [None if index == 0 else -product(node, middle, tx=True) for index in wanted]


def _inverse_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    dx = tangents[1]
    if dx is None:
        return None
    return -product(product(node, broadcast_to(dx, node.shape)), node)


def _inverse_bound(errors: Sequence[Node | None], node: Node) -> Node:
    # As for `inv`: the residual, itself rounded, seen through the inverse.
    x, size = node.args[1], size_of_each(node)
    residual = size_of_each(identity(x.shape[-1], x.dtype) - product(x, node))
    moved = residual + product(size_of_each(x), size) * epsilons(x, x.dtype)
    if errors[1] is not None:
        moved = moved + product(errors[1], size)
    return product(size, moved)


factor_inverse_op = structural(
    "factor_inverse",
    group="linalg",
    meet="all",
    infer=_inverse_infer,
    run=lambda xp, factor, x, sure: xp.linalg.factor_inverse(xp, factor, x, sure),
    vjp=_inverse_vjp,
    jvp=_inverse_jvp,
    latex=r"{1}^{{-1}}",
    flops=lambda node: 2 * element_count(node.shape) * node.shape[-1],
    domain=_DOMAIN,
    ulp=0.0,
    bound=_inverse_bound,
    doc="Returns the inverse of positive definite matrices, by their Cholesky factor.",
)


# -- the logarithm of the determinant --------------------------------------------------------------


def _logdet_infer(factor: TensorType, x: TensorType, sure: bool) -> TensorType:
    _factor_infer(factor, x, sure)
    return TensorType(x.shape[:-2], x.dtype)


def factor_logdet(factor: Node, x: Node, sure: bool) -> Node:
    """Returns log |det x| of positive definite matrices by their Cholesky factor, `f[...]`."""
    return make(factor_logdet_op, (factor, x), {"sure": sure})


def _transposed_inverse(node: Node) -> Node:
    factor, x = node.args
    return factor_inverse(factor, swap(x), node.params["sure"])


def _logdet_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    grown = broadcast_to(adjoint, node.shape)
    grown = reshape(grown, (*grown.shape, 1, 1))
    return [None if index == 0 else _transposed_inverse(node) * grown for index in wanted]


def _logdet_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    dx = tangents[1]
    return None if dx is None else _over_matrix(_transposed_inverse(node) * dx)


def _over_matrix(x: Node) -> Node:
    return apply_named("sum", x, axis=(x.ndim - 2, x.ndim - 1), keepdims=False)


def _logdet_bound(errors: Sequence[Node | None], node: Node) -> Node:
    x = node.args[1]
    inverse = size_of_each(swap(make(inv_op, (x,))))
    own = (size_of_each(node) + 1) * epsilons(x, x.dtype)
    return own + _over_matrix(inverse * backward_error(errors[1], x, 2.0))


factor_logdet_op = structural(
    "factor_logdet",
    group="linalg",
    meet="all",
    infer=_logdet_infer,
    run=lambda xp, factor, x, sure: xp.linalg.factor_logdet(xp, factor, x, sure),
    vjp=_logdet_vjp,
    jvp=_logdet_jvp,
    latex=r"\log \left|\det {1}\right|",
    flops=lambda node: 20 * element_count(node.shape) * node.args[0].shape[-1],
    domain=_DOMAIN,
    ulp=0.0,
    bound=_logdet_bound,
    doc="Returns log |det x| of positive definite matrices, by their Cholesky factor.",
)


def factor_of(x: Node) -> Node:
    """Returns the Cholesky factor of symmetric matrices, the node that all who use it share."""
    return apply_named("cholesky", x, half=True)


__all__ = ["factor_inverse", "factor_logdet", "factor_of", "factor_solve"]
