"""Functions of a matrix: the exponential, and integer powers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, make
from graphc.core.type import TensorType, as_index, element_count
from graphc.ops.chain import add_up, broadcast_to
from graphc.ops.define import structural
from graphc.ops.linalg.common import (
    backward_error,
    epsilons,
    identity,
    product,
    require_float,
    require_square,
    scale_of,
    size_of_each,
    square_node,
    swap,
)
from graphc.ops.linalg.solving import inv_op

#: Orders past this take hundreds of products.
_MOST_DIRECTIONS = 5

#: Powers of more digits than this hold infinities or zeros.
_MOST = 2**31


# -- expm ------------------------------------------------------------------------------------------


def _expm_infer(x: TensorType, *directions: TensorType) -> TensorType:
    require_float(x, *directions)
    require_square(x)
    for position, t in enumerate(directions):
        if t.shape != x.shape:
            raise ShapeError(
                f"direction {position} is {t}, the matrix {x}", "give directions of its shape"
            )
    if len(directions) > _MOST_DIRECTIONS:
        raise ShapeError(f"derivatives past the order {_MOST_DIRECTIONS}", "ask for fewer")
    return x


def _along(x: Node, directions: Sequence[Node]) -> Node:
    """Returns the derivative of the exponential along directions."""
    return make(expm_op, (x, *[broadcast_to(d, x.shape) for d in directions]))


def _exchanged(values: Sequence[Node], index: int, value: Node) -> list[Node]:
    return [value if i == index else v for i, v in enumerate(values)]


def _expm_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    # tr(H D^k exp(A)[E1, ..., Ek]) is symmetric in H, E1, ..., Ek: with H the adjoint's transpose.
    x, *directions = node.args
    turned = swap(broadcast_to(adjoint, node.shape))
    return [
        swap(_along(x, [*directions, turned]))
        if index == 0
        else swap(_along(x, _exchanged(directions, index - 1, turned)))
        for index in wanted
    ]


def _expm_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    x, *directions = node.args
    parts: list[Node | None] = []
    for index, tangent in enumerate(tangents):
        if tangent is not None:
            moved = _exchanged(directions, index - 1, tangent) if index else [*directions, tangent]
            parts.append(_along(x, moved))
    return add_up(parts)


def _expm_bound(errors: Sequence[Node | None], node: Node) -> Node | None:
    # |D^k exp(X)[E]| <= D^k exp(|X|)[|E|], term by term of the series. Scaling and squaring answers
    # X with an error eps |X| in norm, not element by element: it solves a system (Al-Mohy and
    # Higham 2009). Each of about log2 |X| squarings rounds, and what the first one rounds is
    # doubled by each of the others, so by |X| in all.
    x, *directions = node.args
    size, along = size_of_each(x), [size_of_each(d) for d in directions]
    terms: list[Node | None] = []
    if len(directions) < _MOST_DIRECTIONS:
        moved = broadcast_to(backward_error(errors[0], x, 1.0), x.shape)
        terms.append(_along(size, [*along, moved]))
    top = scale_of(_along(size, along))
    terms.append(broadcast_to(top * ((scale_of(x) + 4.0) * epsilons(x, x.dtype, 2.0)), node.shape))
    for index, error in enumerate(errors):
        if index and error is not None:
            terms.append(_along(size, _exchanged(along, index - 1, error)))
    return add_up(terms)


expm_op = structural(
    "expm",
    group="linalg",
    meet="all",
    infer=_expm_infer,
    run=lambda xp, x, *directions: xp.linalg.expm(xp, x, *directions),
    vjp=_expm_vjp,
    jvp=_expm_jvp,
    latex=r"\exp\left({0}\right)",
    flops=lambda node: 30 * 3 ** (len(node.args) - 1) * element_count(node.shape) * node.shape[-1],
    domain="every x",
    ulp=0.0,
    bound=_expm_bound,
    doc="Returns the exponential of matrices [..., n, n], or its derivative along directions.",
)


@public
def expm(x: Any, /) -> Node:
    """Returns the matrix exponential, by scaling and squaring.

    Args:
        x: `f[..., n, n]`.

    Raises:
        ShapeError: x is not square.
        DTypeError: it holds no floats.

    Source: Al-Mohy and Higham (2009); the derivatives are those of the same steps, whose number is
        held fixed.
    """
    return expm_op(square_node(x))


# -- matrix_power ----------------------------------------------------------------------------------


@public
def matrix_power(x: Any, n: int, /) -> Node:
    """Returns the product of n copies of x, by repeated squaring; of x^-1 where n < 0.

    Args:
        x: `f[..., m, m]`.
        n: the exponent; 0 gives the identity.

    Raises:
        ShapeError: x is not square.
        DTypeError: it holds no floats.
        ArgumentError: n is no integer, or beyond 2**31.

    Source: Array API 2024.12, linalg.matrix_power.
    """
    base = square_node(x)
    exponent = as_index(n)
    if exponent is None:
        raise ArgumentError(f"n={show_value(n)} is no integer", "for example n=3")
    if abs(exponent) > _MOST:
        raise ArgumentError(f"n={show_value(n)} is beyond 2**31", "give a smaller power")
    if exponent == 0:
        return broadcast_to(identity(base.shape[-1], base.dtype), base.shape)
    if exponent < 0:
        base, exponent = inv_op(base), -exponent
    found: Node | None = None
    while True:
        if exponent & 1:
            found = base if found is None else product(found, base)
        exponent >>= 1
        if not exponent:
            assert found is not None
            return found
        base = product(base, base)


__all__ = ["expm", "matrix_power"]
