"""Eigenvalues of symmetric matrices, and what the derivatives of singular values share.

Where two of them are equal, the vectors are any basis of a space, and turn by a finite angle
however little the matrix moves: they have no derivative. The quotients below are then 0 where
nothing depends on that space but a symmetric function of the values, and NaN or an infinity
otherwise, never a wrong number: V and w of V f(w) V^T, seen from behind, do not tell f'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from graphc.core.calls import public
from graphc.core.node import Node, apply_named
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
    on_diagonal,
    product,
    require_float,
    require_square,
    row,
    selected,
    size_of_each,
    square_node,
    swap,
    symmetric,
)


class EighResult(NamedTuple):
    """Eigenvalues ascending, and the eigenvectors in columns."""

    eigenvalues: Node
    eigenvectors: Node


def quotient(top: Node, bottom: Node, seen: Node | None = None) -> Node:
    """Returns top / bottom off the diagonal, 0 on it, and 0 where bottom and all it rests on are 0.

    Args:
        top: the numerator, [..., n, n].
        bottom: the denominator, which broadcasts.
        seen: where what the numerator is made of is not 0; None: the numerator itself.
    """
    n = top.shape[-1]
    alive = top != 0 if seen is None else seen
    alive = apply_named("logical_or", alive, bottom != 0)
    off = apply_named("logical_not", on_diagonal(n, n))
    return selected(apply_named("logical_and", off, alive), top / bottom)


def either(x: Node, values: Node | None) -> Node:
    """Returns where x or its transpose is not 0, or the adjoint of one of the two values."""
    seen = x != 0 if values is None else apply_named("logical_or", x != 0, row(values) != 0)
    return apply_named("logical_or", seen, swap(seen))


# -- eigh ------------------------------------------------------------------------------------------


def _eigh_infer(x: TensorType) -> TupleType:
    require_float(x)
    require_square(x)
    return TupleType((TensorType(x.shape[:-1], x.dtype), x))


def gaps(w: Node) -> Node:
    """Returns w_j - w_i."""
    return row(w) - column(w)


def _eigh_vjp(adjoint: Any, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    # V (diag(w') + (V^T V' - V'^T V) / 2 (w_j - w_i)) V^T: Giles, Collected matrix derivative
    # results, section 3.1, for symmetric matrices.
    w, v = results_of(node)
    dw, dv = adjoint
    dw = None if dw is None else broadcast_to(dw, w.shape)
    middle = None if dw is None else diagonal_matrix(dw)
    if dv is not None:
        turn = product(v, broadcast_to(dv, v.shape), tx=True)
        half = (turn - swap(turn)) * 0.5
        middle = add_up([middle, quotient(half, gaps(w), either(turn, dw))])
    assert middle is not None
    return [product(product(v, middle), v, ty=True)]


def _eigh_jvp(tangents: Sequence[Node | None], node: Node) -> Any:
    (dx,) = tangents
    if dx is None:
        return None
    w, v = results_of(node)
    inner = turned(symmetric(broadcast_to(dx, v.shape)), v, v)
    return diagonal_of(inner), product(v, quotient(inner, gaps(w)))


def turned(x: Node, u: Node, v: Node) -> Node:
    """Returns U^T X V."""
    return product(product(u, x, tx=True), v)


def _eigh_bound(errors: Sequence[Node | None], node: Node) -> Any:
    # The results are those of A + E with |E| <= c n eps |A|: LAPACK Users' Guide, section 4.7.
    w, v = results_of(node)
    (x,) = node.args
    error = None if errors[0] is None else symmetric(broadcast_to(errors[0], x.shape))
    size = size_of_each(v)
    inner = turned(backward_error(error, x), size, size)
    drift = broadcast_to(epsilons(x, x.dtype, 4.0), v.shape)
    turn = selected(off_diagonal(v), inner / size_of_each(gaps(w)))
    return diagonal_of(inner), product(size, turn) + drift


def off_diagonal(v: Node) -> Node:
    n = v.shape[-1]
    return apply_named("logical_not", on_diagonal(n, n))


eigh_op = structural(
    "eigh",
    group="linalg",
    meet="all",
    infer=_eigh_infer,
    run=lambda xp, x: xp.linalg.eigh(xp, x),
    vjp=_eigh_vjp,
    jvp=_eigh_jvp,
    latex=r"\operatorname{{eigh}}({0})",
    flops=lambda node: 9 * element_count(node.args[0].shape) * node.args[0].shape[-1],
    domain="every x; the vectors' derivative where the eigenvalues differ",
    ulp=0.0,
    bound=_eigh_bound,
    formula="it has two results",
    doc="Returns (eigenvalues ascending, eigenvectors) of (x + x^T) / 2, for [..., n, n].",
)


@public
def eigh(x: Any, /) -> EighResult:
    """Returns the eigenvalues and eigenvectors of a symmetric matrix.

    Of a matrix that is not symmetric it takes (x + x^T) / 2, and so the gradient is symmetric. The
    sign of each vector is the backend's choice. Where eigenvalues are equal, the gradient of any
    symmetric function of them is right (sums of powers, say), and so is that of vectors of other
    eigenvalues; what depends on a vector of the repeated one has no derivative from here, and gives
    an infinity or NaN. For V f(w) V^T use `gx.linalg.spectral`, which is right everywhere.

    Args:
        x: `f[..., n, n]`.

    Returns:
        eigenvalues `f[..., n]`, ascending, and eigenvectors `f[..., n, n]`, in columns.

    Raises:
        ShapeError: x is not square.
        DTypeError: it holds no floats.

    Source: Array API 2024.12, linalg.eigh; derivative: Giles (2008), section 3.1.
    """
    return EighResult(*results_of(eigh_op(square_node(x))))


@public
def eigvalsh(x: Any, /) -> Node:
    """Returns the eigenvalues of a symmetric matrix, ascending, `f[..., n]`; see `eigh`."""
    return eigh(x).eigenvalues


__all__ = ["EighResult", "eigh", "eigvalsh"]
