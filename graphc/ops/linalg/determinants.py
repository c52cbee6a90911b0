"""Determinants: det, slogdet, and the cofactors, which are the derivative of det of any order.

The derivative of det A is the matrix of cofactors, for singular matrices too. Its own derivatives
along directions E1, ..., Ek are multilinear and symmetric in them, and their adjoints are of the
same kind. So one record, `cofactors(A, E1, ..., Ek)`, is closed under both modes; past k = n - 1 it
is 0, since det is a polynomial of degree n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from graphc.core.calls import public
from graphc.core.errors import ShapeError
from graphc.core.node import Node, apply_named, make
from graphc.core.type import TensorType, TupleType, element_count
from graphc.ops.chain import add_up, broadcast_to, reshape
from graphc.ops.control import results_of
from graphc.ops.define import structural
from graphc.ops.linalg.common import (
    backward_error,
    column,
    epsilons,
    require_float,
    require_square,
    scale_of,
    size_of_each,
    square_node,
    swap,
)
from graphc.ops.linalg.singular import svdvals_op
from graphc.ops.linalg.solving import inv_op


class SlogdetResult(NamedTuple):
    """The determinant's sign, and the logarithm of its size."""

    sign: Node
    logabsdet: Node


def _scalar_infer(x: TensorType) -> TensorType:
    require_float(x)
    require_square(x)
    return TensorType(x.shape[:-2], x.dtype)


def _over_matrix(x: Node) -> Node:
    """Returns the sum over the last two axes."""
    return apply_named("sum", x, axis=(x.ndim - 2, x.ndim - 1), keepdims=False)


def _grown(x: Node) -> Node:
    """Returns scalars [...] as [..., 1, 1]."""
    return reshape(x, (*x.shape, 1, 1))


# -- cofactors -------------------------------------------------------------------------------------


def _cofactors_infer(x: TensorType, *directions: TensorType) -> TensorType:
    require_float(x, *directions)
    require_square(x)
    for position, t in enumerate(directions):
        if t.shape != x.shape:
            raise ShapeError(
                f"direction {position} is {t}, the matrix {x}", "give directions of its shape"
            )
    if len(directions) > 7:
        raise ShapeError("derivatives of det past the eighth order", "ask for fewer")
    return x


def _cofactors(x: Node, directions: Sequence[Node]) -> Node | None:
    n = x.shape[-1]
    if isinstance(n, int) and len(directions) >= n:
        return None
    full = [broadcast_to(d, x.shape) for d in directions]
    return make(cofactors_op, (x, *full))


def _exchanged(directions: Sequence[Node], index: int, value: Node) -> list[Node]:
    return [value if i == index else d for i, d in enumerate(directions)]


def _cofactors_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    x, *directions = node.args
    return [
        _cofactors(x, [*directions, adjoint])
        if index == 0
        else _cofactors(x, _exchanged(directions, index - 1, adjoint))
        for index in wanted
    ]


def _cofactors_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    x, *directions = node.args
    dx, *moved = tangents
    parts = [None if dx is None else _cofactors(x, [*directions, dx])]
    parts += [
        _cofactors(x, _exchanged(directions, i, d)) for i, d in enumerate(moved) if d is not None
    ]
    return add_up(parts)


def _largest(x: Node, directions: int) -> Node | None:
    """Returns a bound of |D^k cofactors| per unit of its directions, [..., 1, 1]; None for 0.

    The norm is at most k! binomial(n - 1, k) times the product of the n - 1 - k largest singular
    values: each cofactor of the diagonal matrix is such a product, and as many share a place.
    """
    n = x.shape[-1]
    if not isinstance(n, int):
        n = None
    if n is not None and directions >= n:
        return None
    factor = math.factorial(directions)
    if n is not None:
        factor *= math.comb(n - 1, directions) * math.sqrt(n)
        values = svdvals_op(x)[..., : n - 1 - directions]
        if n - 1 - directions == 0:
            return broadcast_to(
                apply_named("cast", float(factor), dtype=x.dtype), (*x.shape[:-2], 1, 1)
            )
    else:
        values = svdvals_op(x)[..., : x.shape[-1] - 1 - directions]
        factor = factor * _power(x, directions + 1)
    product_of = apply_named("prod", values, axis=(values.ndim - 1,), keepdims=True)
    return column(product_of * factor)


def _power(x: Node, exponent: int) -> Node:
    count = apply_named("dim_size", size=x.shape[-1], dtype=x.dtype)
    return count**exponent


def _cofactors_bound(errors: Sequence[Node | None], node: Node) -> Node | None:
    x, *directions = node.args
    first, *others = errors
    sizes = [scale_of(d) for d in directions]
    count = len(directions)
    terms: list[Node | None] = []
    here, beyond = _largest(x, count), _largest(x, count + 1)
    if beyond is not None:
        terms.append(_times([beyond, scale_of(backward_error(first, x)), *sizes]))
    if here is not None:
        own = here * epsilons(x, x.dtype, 8.0)
        terms.append(_times([own, *sizes]))
        for index, error in enumerate(others):
            if error is not None:
                full = scale_of(broadcast_to(error, x.shape))
                terms.append(_times([here, *_exchanged(sizes, index, full)]))
    total = add_up(terms)
    return None if total is None else broadcast_to(total, node.shape)


def _times(factors: Sequence[Node]) -> Node:
    total = factors[0]
    for factor in factors[1:]:
        total = total * factor
    return total


cofactors_op = structural(
    "cofactors",
    group="linalg",
    meet="all",
    infer=_cofactors_infer,
    run=lambda xp, x, *directions: xp.linalg.cofactors(xp, x, *directions),
    vjp=_cofactors_vjp,
    jvp=_cofactors_jvp,
    latex=r"\operatorname{{cof}}({0})",
    flops=lambda node: (
        element_count(node.shape) * node.shape[-1] * (3 if len(node.args) == 1 else 30)
    ),
    domain="every x",
    ulp=0.0,
    bound=_cofactors_bound,
    doc="Returns the cofactors of matrices [..., n, n], or their derivative along directions.",
)


# -- det -------------------------------------------------------------------------------------------


def _det_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    found = _cofactors(node.args[0], [])
    return [None if found is None else found * _grown(broadcast_to(adjoint, node.shape))]


def _det_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    (dx,) = tangents
    found = None if dx is None else _cofactors(node.args[0], [])
    return None if found is None else _over_matrix(found * dx)


def _det_bound(errors: Sequence[Node | None], node: Node) -> Node:
    (x,), (error,) = node.args, errors
    moved = broadcast_to(backward_error(error, x, 2.0), x.shape)
    slope = _cofactors(x, [])
    own = size_of_each(node) * epsilons(x, x.dtype)
    return own if slope is None else own + _over_matrix(size_of_each(slope) * moved)


det_op = structural(
    "det",
    group="linalg",
    meet="all",
    infer=_scalar_infer,
    run=lambda xp, x: xp.linalg.det(xp, x),
    vjp=_det_vjp,
    jvp=_det_jvp,
    latex=r"\det {0}",
    flops=lambda node: element_count(node.args[0].shape) * node.args[0].shape[-1],
    domain="every x",
    ulp=0.0,
    bound=_det_bound,
    holomorphic=True,
    doc="Returns the determinants of matrices [..., n, n]; the slope of a singular one is right.",
)


@public
def det(x: Any, /) -> Node:
    """Returns the determinant, `f[...]` of `f[..., n, n]`, by elimination.

    Its gradient is the matrix of cofactors, which a singular matrix has as well; so are its higher
    derivatives right for every rank.

    Raises:
        ShapeError: x is not square.
        DTypeError: it holds no floats.

    Source: Array API 2024.12, linalg.det.
    """
    return det_op(square_node(x))


# -- slogdet ---------------------------------------------------------------------------------------


def _slogdet_infer(x: TensorType) -> TupleType:
    found = _scalar_infer(x)
    return TupleType((found, found))


def _slogdet_vjp(adjoint: Any, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    _, dlog = adjoint
    if dlog is None:
        return [None]
    inverse = make(inv_op, node.args)
    return [swap(inverse) * _grown(broadcast_to(dlog, node.type.items[1].shape))]


def _slogdet_jvp(tangents: Sequence[Node | None], node: Node) -> Any:
    (dx,) = tangents
    if dx is None:
        return None
    return None, _over_matrix(swap(make(inv_op, node.args)) * dx)


def _slogdet_bound(errors: Sequence[Node | None], node: Node) -> Any:
    (x,), (error,) = node.args, errors
    inverse = size_of_each(swap(make(inv_op, (x,))))
    log = size_of_each(results_of(node)[1])
    own = (log + 1) * epsilons(x, x.dtype)
    return None, own + _over_matrix(inverse * backward_error(error, x, 2.0))


slogdet_op = structural(
    "slogdet",
    group="linalg",
    meet="all",
    infer=_slogdet_infer,
    run=lambda xp, x: xp.linalg.slogdet(xp, x),
    vjp=_slogdet_vjp,
    jvp=_slogdet_jvp,
    latex=r"\log \left|\det {0}\right|",
    flops=lambda node: element_count(node.args[0].shape) * node.args[0].shape[-1],
    domain="det x != 0; (0, -infinity) where x is singular",
    ulp=0.0,
    bound=_slogdet_bound,
    formula="it has two results",
    doc="Returns (sign, log |det x|) for matrices [..., n, n]; neither overflows.",
)


@public
def slogdet(x: Any, /) -> SlogdetResult:
    """Returns the determinant's sign and the logarithm of its size, without overflow.

    Of a singular matrix these are 0 and -infinity, and the gradient is inf or NaN.

    Args:
        x: `f[..., n, n]`.

    Returns:
        sign and logabsdet, `f[...]` each; the sign has no gradient.

    Raises:
        ShapeError: x is not square.
        DTypeError: it holds no floats.

    Source: Array API 2024.12, linalg.slogdet.
    """
    return SlogdetResult(*results_of(slogdet_op(square_node(x))))


__all__ = ["SlogdetResult", "det", "slogdet"]
