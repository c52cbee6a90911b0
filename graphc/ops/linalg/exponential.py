"""Functions of a matrix: the exponential, and integer powers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, show_value
from graphc.core.node import Node, apply_named, make
from graphc.core.type import TensorType, as_index, element_count
from graphc.ops.chain import broadcast_to
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

#: Powers of more digits than this hold infinities or zeros.
_MOST = 2**31


# -- expm ------------------------------------------------------------------------------------------


def _expm_infer(x: TensorType) -> TensorType:
    require_float(x)
    require_square(x)
    return x


def _frechet(x: Node, direction: Node) -> Node:
    """Returns the derivative of the exponential along a direction.

    It is the upper right block of exp([[X, E], [0, X]]): Higham, Functions of Matrices, eq. 3.16.
    It is linear in E, which is brought to the norm 1 or so, lest its size make the scaling coarse.
    """
    n = x.shape[-1]
    size = apply_named("stop_gradient", scale_of(direction))
    usable = apply_named("logical_and", size > 0, size < float("inf"))
    size = apply_named("where", usable, size, 1.0)
    axis = x.ndim - 1
    zeros = broadcast_to(apply_named("cast", 0.0, dtype=x.dtype), x.shape)
    top = apply_named("concat", x, direction / size, axis=axis)
    bottom = apply_named("concat", zeros, x, axis=axis)
    both = make(expm_op, (apply_named("concat", top, bottom, axis=axis - 1),))
    bounds = (*[None] * (x.ndim - 2), (0, n, 1), (n, n + n, 1))
    return apply_named("slice", both, bounds=bounds) * size


def _expm_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    (x,) = node.args
    return [_frechet(swap(x), broadcast_to(adjoint, node.shape))]


def _expm_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    (dx,) = tangents
    return None if dx is None else _frechet(node.args[0], broadcast_to(dx, node.shape))


def _expm_bound(errors: Sequence[Node | None], node: Node) -> Node:
    # |L(X, E)| <= L(|X|, |E|), term by term of the series. Scaling and squaring answers X with an
    # error eps |X| in norm, not element by element: it solves a system (Al-Mohy and Higham 2009).
    # Each of about log2 |X| squarings rounds, and what the first one rounds is doubled by each of
    # the others, so by |X| in all.
    (x,), (error,) = node.args, errors
    size = size_of_each(x)
    moved = _frechet(size, backward_error(error, x, 1.0))
    top = scale_of(make(expm_op, (size,)))
    return moved + top * ((scale_of(x) + 4.0) * epsilons(x, x.dtype))


expm_op = structural(
    "expm",
    group="linalg",
    meet="all",
    infer=_expm_infer,
    run=lambda xp, x: xp.linalg.expm(xp, x),
    vjp=_expm_vjp,
    jvp=_expm_jvp,
    latex=r"\exp\left({0}\right)",
    flops=lambda node: 30 * element_count(node.shape) * node.shape[-1],
    domain="every x",
    ulp=0.0,
    bound=_expm_bound,
    doc="Returns the exponential of square matrices [..., n, n], 1 + x + x @ x / 2 + ....",
)


@public
def expm(x: Any, /) -> Node:
    """Returns the matrix exponential, by scaling and squaring.

    Args:
        x: `f[..., n, n]`.

    Raises:
        ShapeError: x is not square.
        DTypeError: it holds no floats.

    Source: Al-Mohy and Higham (2009); the derivative is the Frechet derivative as a block of a
        larger exponential, Higham, Functions of Matrices, eq. 3.16.
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
