"""What the records of linear algebra share: checks of shapes, triangles, products, bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.core.dtype import DEFAULT_FLOAT, DEFAULT_INT, DType
from graphc.core.errors import ArgumentError, DTypeError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node, make, scalar
from graphc.core.type import Size, TensorType
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.contraction import matmul
from graphc.ops.source import iota_op, size_node
from graphc.ops.spread import norm_op

# -- checks ----------------------------------------------------------------------------------------


def require_float(*types: TensorType) -> None:
    """Raises DTypeError for what is no float: linear algebra divides and takes roots."""
    for t in types:
        if not isinstance(t, TensorType) or not t.dtype.is_inexact:
            name = t.dtype.name if isinstance(t, TensorType) else str(t)
            raise DTypeError(
                f"linear algebra takes floats, not {name}", "cast first: gx.cast(x, 'float64')"
            )


def require_matrix(t: TensorType) -> None:
    """Raises ShapeError unless there are two axes or more."""
    if len(t.shape) < 2:
        raise ShapeError(
            f"{t} is no matrix: it has {len(t.shape)} of the two axes",
            "give a matrix, or a stack of them [..., m, n]",
        )


def require_square(t: TensorType) -> Size:
    """Returns the size of square matrices.

    Raises:
        ShapeError: the matrices are not square.
    """
    require_matrix(t)
    if t.shape[-1] != t.shape[-2]:
        raise ShapeError(
            f"the matrix is not square: {t.shape[-2]} rows, {t.shape[-1]} columns",
            "for other shapes use gx.linalg.lstsq, pinv or svd",
        )
    return t.shape[-1]


def float_node(x: Any, like: DType | None = None) -> Node:
    """Returns what a person passed as a node of floats.

    Args:
        x: a node or an array of floats, or a nest of Python's numbers.
        like: the dtype of what it meets, which Python's numbers then take.

    Raises:
        DTypeError: it holds integers or booleans.
    """
    plain = isinstance(x, (list, tuple, int, float)) and not isinstance(x, (bool, np.generic))
    if plain and not any(isinstance(v, Node) for v in (x if isinstance(x, (list, tuple)) else ())):
        return as_node(x, like or DEFAULT_FLOAT)
    node = as_node(x)
    if node.dtype.kind == "c":
        raise DTypeError(
            f"linear algebra takes real floats, not {node.dtype.name}",
            "write it with the real and the imaginary part: [[re, -im], [im, re]]",
        )
    require_float(node.type)
    return node


def matrix_node(x: Any, like: DType | None = None) -> Node:
    """Returns what a person passed as a node of matrices [..., m, n] of floats."""
    node = float_node(x, like)
    require_matrix(node.type)
    return node


def square_node(x: Any) -> Node:
    """Returns what a person passed as a node of square matrices of floats."""
    node = float_node(x)
    require_square(node.type)
    return node


def small_count(rows: Size, columns: Size) -> Size:
    """Returns the smaller of two sizes.

    Raises:
        ShapeError: they differ and one is named, so that nobody can tell.
    """
    if rows == columns:
        return rows
    if isinstance(rows, int) and isinstance(columns, int):
        return min(rows, columns)
    raise ShapeError(
        f"which of the sizes {rows} and {columns} is smaller can't be known before the call",
        "give numbers for them, or make the matrix square",
    )


def require_text(name: str, value: Any, known: tuple[str, ...]) -> None:
    """Raises ArgumentError for a text that is not one of those known."""
    if not isinstance(value, str) or value not in known:
        words = " or ".join(repr(k) for k in known)
        raise ArgumentError(f"{name}={show_value(value)} is not known", f"write {name}={words}")


# -- products and triangles ------------------------------------------------------------------------


def swap(x: Node) -> Node:
    """Returns the transposes of a stack of matrices."""
    axes = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
    return apply_named("transpose", x, axes=axes)


def product(x: Node, y: Node, tx: bool = False, ty: bool = False) -> Node:
    """Returns the matrix product, with transposes taken inside of it."""
    flags = {"transpose_x": True} if tx else {}
    flags |= {"transpose_y": True} if ty else {}
    return make(matmul, (x, y), flags)


def size_of_each(x: Node) -> Node:
    """Returns |x|."""
    return apply_named("abs", x)


def symmetric(x: Node) -> Node:
    """Returns (x + x^T) / 2."""
    return (x + swap(x)) * 0.5


def column(v: Node) -> Node:
    """Returns vectors [..., n] as columns [..., n, 1]."""
    return reshape(v, (*v.shape, 1))


def row(v: Node) -> Node:
    """Returns vectors [..., n] as rows [..., 1, n]."""
    return reshape(v, (*v.shape[:-1], 1, v.shape[-1]))


def _places(rows: Size, columns: Size) -> tuple[Node, Node]:
    down = reshape(iota_op(size=rows, dtype=DEFAULT_INT), (rows, 1))
    return down, reshape(iota_op(size=columns, dtype=DEFAULT_INT), (1, columns))


def on_diagonal(rows: Size, columns: Size) -> Node:
    """Returns the mask of a matrix's diagonal."""
    down, across = _places(rows, columns)
    return apply_named("equal", down, across)


def below_diagonal(rows: Size, columns: Size, strict: bool = False) -> Node:
    """Returns the mask of what lies on and below the diagonal, or strictly below."""
    down, across = _places(rows, columns)
    return apply_named("greater" if strict else "greater_equal", down, across)


def identity(n: Size, dtype: DType) -> Node:
    """Returns the identity matrix."""
    return apply_named("cast", on_diagonal(n, n), dtype=dtype)


def selected(mask: Node, x: Node) -> Node:
    """Returns x where the mask is true, 0 elsewhere."""
    return apply_named("where", mask, x, scalar(0.0, x.dtype))


def lower_part(x: Node, strict: bool = False) -> Node:
    """Returns the lower triangle."""
    return selected(below_diagonal(x.shape[-2], x.shape[-1], strict), x)


def upper_part(x: Node) -> Node:
    """Returns the upper triangle with the diagonal."""
    below = below_diagonal(x.shape[-2], x.shape[-1], strict=True)
    return apply_named("where", below, scalar(0.0, x.dtype), x)


def half_lower(x: Node) -> Node:
    """Returns the lower triangle with half the diagonal: what makes x + x^T again."""
    return (lower_part(x) + lower_part(x, strict=True)) * 0.5


def mirrored_lower(x: Node) -> Node:
    """Returns the symmetric matrix with x's lower triangle."""
    return lower_part(x) + swap(lower_part(x, strict=True))


def diagonal_of(x: Node) -> Node:
    """Returns the diagonals of square matrices, [..., n]."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXY"[: x.ndim - 2]
    return apply_named("einsum", x, subscripts=f"{letters}ZZ->{letters}Z")


def diagonal_matrix(v: Node) -> Node:
    """Returns square matrices with these diagonals."""
    n = v.shape[-1]
    return selected(on_diagonal(n, n), broadcast_to(row(v), (*v.shape, n)))


# -- bounds ----------------------------------------------------------------------------------------


def scale_of(x: Node) -> Node:
    """Returns the Frobenius norms of matrices, [..., 1, 1]."""
    axes = (x.ndim - 2, x.ndim - 1)
    return make(norm_op, (x,), {"axis": axes, "keepdims": True, "ord": 2})


def epsilons(node: Node, dtype: DType, factor: float = 1.0) -> Node:
    """Returns factor * (m + n) * eps for a matrix: how far LAPACK's results stand, by the rule.

    The constants of backward errors grow as m n in theory and as the square root of n in practice;
    Higham, Accuracy and Stability of Numerical Algorithms, chapters 9, 10, 19.
    """
    count = size_node(node.shape[-2], dtype) + size_node(node.shape[-1], dtype)
    return count * (factor * dtype.epsilon)


def backward_error(error: Node | None, a: Node, factor: float = 4.0) -> Node:
    """Returns a matrix's own error, and the one with which an orthogonal algorithm answers it."""
    own = broadcast_to(scale_of(a) * epsilons(a, a.dtype, factor), a.shape)
    return own if error is None else own + error
