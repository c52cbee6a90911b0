"""The matrix product."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.errors import ShapeError
from graphc.core.node import Node, apply_named, make
from graphc.core.type import Shape, Size, TensorType, broadcast_shapes, element_count
from graphc.ops.chain import add_up, multiply, reshape, sum_to
from graphc.ops.define import structural
from graphc.ops.source import size_node

#: Letters of subscripts.
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FLAGS = {"transpose_x": False, "transpose_y": False}


def _matrix(t: TensorType, transposed: bool) -> Shape:
    return (*t.shape[:-2], t.shape[-1], t.shape[-2]) if transposed else t.shape


def _matmul_infer(
    x: TensorType, y: TensorType, transpose_x: bool = False, transpose_y: bool = False
) -> TensorType:
    if not x.shape or not y.shape:
        raise ShapeError("a scalar has no axis to sum over", "use * for scalars")
    if (transpose_x and len(x.shape) == 1) or (transpose_y and len(y.shape) == 1):
        raise ShapeError("a vector has no transpose", "leave out transpose_x and transpose_y")
    left, right = _matrix(x, transpose_x), _matrix(y, transpose_y)
    inner_x, inner_y = left[-1], right[-2:][0]
    if inner_x != inner_y:
        mend = "make them equal"
        if len(left) > 1 and left[-2] == inner_y:
            mend = "transpose the first operand?"
        elif len(right) > 1 and right[-1] == inner_x:
            mend = "transpose the second operand?"
        raise ShapeError(f"inner sizes {inner_x} and {inner_y} differ", mend)
    batch = broadcast_shapes(left[:-2], right[:-2])
    rows = left[-2:-1] if len(left) > 1 else ()
    columns = right[-1:] if len(right) > 1 else ()
    return TensorType((*batch, *rows, *columns), x.dtype)


def matmul_letters(node: Node) -> tuple[list[str], str]:
    """Returns the subscripts of a matrix product: of its operands, and of its result."""
    x, y = node.args
    depth = max(x.ndim, y.ndim) - 2
    batch = _LETTERS[3 : 3 + max(depth, 0)]
    turned = (node.params.get("transpose_x", False), node.params.get("transpose_y", False))
    left = (
        "b" if x.ndim == 1 else batch[len(batch) - (x.ndim - 2) :] + ("ba" if turned[0] else "ab")
    )
    right = (
        "b" if y.ndim == 1 else batch[len(batch) - (y.ndim - 2) :] + ("cb" if turned[1] else "bc")
    )
    result = batch[: max(depth, 0)]
    result += "a" * (x.ndim > 1) + "c" * (y.ndim > 1)
    return [left, right], result


def _product(x: Node, y: Node, transpose_x: bool = False, transpose_y: bool = False) -> Node:
    flags = {"transpose_x": True} if transpose_x else {}
    flags |= {"transpose_y": True} if transpose_y else {}
    return make(matmul, (x, y), flags)


def _left(adjoint: Node, node: Node) -> Node:
    x, y = node.args
    tx, ty = (node.params.get(k, False) for k in _FLAGS)
    if y.ndim == 1:
        # x: [..., n] or [..., m, n]; the adjoint lacks the summed axis.
        part = multiply(reshape(adjoint, (*adjoint.shape, 1)), y)
        return sum_to(_swap(part) if tx else part, x.shape)
    if x.ndim == 1:
        part = (
            _product(adjoint, y, transpose_y=not ty)
            if y.ndim == 2
            else _batched_vector(adjoint, y, ty)
        )
    elif tx:
        part = _product(y, adjoint, transpose_x=ty, transpose_y=True)
    else:
        part = _product(adjoint, y, transpose_y=not ty)
    return sum_to(part, x.shape)


def _right(adjoint: Node, node: Node) -> Node:
    x, y = node.args
    tx, ty = (node.params.get(k, False) for k in _FLAGS)
    if x.ndim == 1:
        if y.ndim == 1:
            return multiply(adjoint, x)
        part = _outer_last(x, adjoint)
        part = _swap(part) if ty else part
    elif y.ndim == 1:
        # sum over rows of adjoint[..., m] x[..., m, n]
        if x.ndim == 2:
            part = _product(adjoint, x, transpose_y=tx)
        else:
            rows = _product(
                reshape(adjoint, (*adjoint.shape[:-1], 1, adjoint.shape[-1])), x, transpose_y=tx
            )
            part = reshape(rows, (*rows.shape[:-2], rows.shape[-1]))
    elif ty:
        part = _product(adjoint, x, transpose_x=True, transpose_y=tx)
    else:
        part = _product(x, adjoint, transpose_x=not tx)
    return sum_to(part, y.shape)


def _outer_last(x: Node, adjoint: Node) -> Node:
    """Returns x[n] times adjoint[..., p] as [..., n, p]."""
    return multiply(
        reshape(x, (*x.shape, 1)), reshape(adjoint, (*adjoint.shape[:-1], 1, adjoint.shape[-1]))
    )


def _batched_vector(adjoint: Node, y: Node, transposed: bool) -> Node:
    """Returns adjoint[..., p] against y[..., n, p], for a vector times a batch of matrices."""
    rows = reshape(adjoint, (*adjoint.shape[:-1], 1, adjoint.shape[-1]))
    product = _product(rows, y, transpose_y=not transposed)
    return reshape(product, (*product.shape[:-2], product.shape[-1]))


def _swap(node: Node) -> Node:
    axes = (*range(node.ndim - 2), node.ndim - 1, node.ndim - 2)
    return apply_named("transpose", node, axes=axes)


def _matmul_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    return [_left(adjoint, node) if i == 0 else _right(adjoint, node) for i in wanted]


def _matmul_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    x, y = node.args
    dx, dy = tangents
    left = None if dx is None else make(matmul, (dx, y), node.params)
    right = None if dy is None else make(matmul, (x, dy), node.params)
    return add_up([left, right])


def _matmul_bound(errors: Sequence[Node | None], node: Node) -> Node | None:
    sizes = (apply_named("abs", node.args[0]), apply_named("abs", node.args[1]))
    x, y = sizes
    ex, ey = errors
    terms = [
        None if ex is None else make(matmul, (ex, y), node.params),
        None if ey is None else make(matmul, (x, ey), node.params),
        make(matmul, sizes, node.params) * sum_rounding(_inner(node), node),
    ]
    return add_up(terms)


def sum_rounding(count: Size, node: Node) -> Node:
    """Returns the relative error of a sum of `count` products, by the sum of their sizes."""
    return size_node(count, node.dtype) * (node.dtype.epsilon / 2)


def _inner(node: Node) -> Size:
    shape = node.args[0].type.shape
    return shape[-2] if node.params.get("transpose_x") else shape[-1]


matmul = structural(
    "matmul",
    group="contraction",
    meet="all",
    infer=_matmul_infer,
    run=lambda xp, x, y, transpose_x=False, transpose_y=False: xp.matmul(
        x, y, transpose_x, transpose_y
    ),
    vjp=_matmul_vjp,
    jvp=_matmul_jvp,
    latex=r"{0} \, {1}",
    flops=lambda node: 2 * element_count(node.type.shape) * _inner(node),
    domain="every x, y",
    ulp=0.0,
    bound=_matmul_bound,
    holomorphic=True,
    doc="Returns the matrix product; vectors and batches as in NumPy's @.",
)
