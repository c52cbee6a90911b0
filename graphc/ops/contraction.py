"""Products that sum over axes: matmul and einsum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, ShapeError
from graphc.core.node import Node, apply_named, as_node, make, scalar
from graphc.core.type import Shape, Size, TensorType, broadcast_shapes, element_count
from graphc.ops.chain import add_up, broadcast_to, multiply, reshape, sum_to
from graphc.ops.define import structural
from graphc.ops.source import arange, size_node

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
        make(matmul, sizes, node.params) * _rounding(_inner(node), node),
    ]
    return add_up(terms)


def _rounding(count: Size, node: Node) -> Node:
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


# -- einsum ----------------------------------------------------------------------------------------


def parse_subscripts(text: str, count: int) -> tuple[list[str], str]:
    """Returns the operands' and the result's letters of `"ij,jk->ik"`.

    Raises:
        ArgumentError: not such a text, or not for this many operands.
    """
    spaced = text.replace(" ", "")
    left, arrow, result = spaced.partition("->")
    terms = left.split(",")
    letters = left.replace(",", "")
    if not all(c.isalpha() for c in letters + result):
        raise ArgumentError(
            f"subscripts {text!r} hold more than letters", "for example 'ij,jk->ik'"
        )
    if len(terms) != count:
        raise ArgumentError(
            f"subscripts {text!r} are for {len(terms)} operands, not {count}",
            "give one operand for each group of letters",
        )
    if not arrow:
        result = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    for letter in result:
        if result.count(letter) > 1 or letter not in letters:
            raise ArgumentError(
                f"the result's letter {letter!r} is there twice or in no operand",
                "name each axis of the result once, by a letter of an operand",
            )
    return terms, result


def _letter_sizes(terms: Sequence[str], shapes: Sequence[Shape]) -> dict[str, Size]:
    sizes: dict[str, Size] = {}
    for position, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        if len(term) != len(shape):
            raise ShapeError(
                f"operand {position} has {len(shape)} axes, its subscripts {term!r}",
                "write one letter for each axis",
            )
        for letter, size in zip(term, shape, strict=True):
            known = sizes.setdefault(letter, size)
            if known != size:
                raise ShapeError(
                    f"the letter {letter!r} stands for sizes {known} and {size}",
                    "make them equal, or use another letter",
                )
    return sizes


def _einsum_infer(*types: TensorType, subscripts: str) -> TensorType:
    terms, result = parse_subscripts(subscripts, len(types))
    sizes = _letter_sizes(terms, [t.shape for t in types])
    return TensorType(tuple(sizes[c] for c in result), types[0].dtype)


def _einsum_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    terms, result = parse_subscripts(node.params["subscripts"], len(node.args))
    sizes = _letter_sizes(terms, [a.shape for a in node.args])
    return [_einsum_back(adjoint, node, i, terms, result, sizes) for i in wanted]


def _einsum_back(
    adjoint: Node, node: Node, index: int, terms: list[str], result: str, sizes: dict[str, Size]
) -> Node:
    own = terms[index]
    unique = "".join(dict.fromkeys(own))
    others = [(t, a) for i, (t, a) in enumerate(zip(terms, node.args, strict=True)) if i != index]
    reachable = set(result).union(*[set(t) for t, _ in others])
    kept = "".join(c for c in unique if c in reachable)
    text = ",".join([result, *[t for t, _ in others]]) + "->" + kept
    part = make(einsum_op, (adjoint, *[a for _, a in others]), {"subscripts": text})
    if kept != unique:  # letters summed over alone: the same adjoint for each of them
        part = reshape(part, tuple(sizes[c] if c in kept else 1 for c in unique))
        part = broadcast_to(part, tuple(sizes[c] for c in unique))
    return part if unique == own else _spread_diagonal(part, unique, own, sizes)


def _spread_diagonal(part: Node, unique: str, own: str, sizes: dict[str, Size]) -> Node:
    """Returns the part on the diagonal of repeated letters (`ii`), 0 off it."""
    first = {c: own.index(c) for c in unique}
    shape = tuple(sizes[c] if first[c] == p else 1 for p, c in enumerate(own))
    spread = broadcast_to(reshape(part, shape), tuple(sizes[c] for c in own))
    for position, letter in enumerate(own):
        if first[letter] == position:
            continue
        ramp = arange(sizes[letter])
        across = tuple(sizes[letter] if p == position else 1 for p in range(len(own)))
        along = tuple(sizes[letter] if p == first[letter] else 1 for p in range(len(own)))
        same = reshape(ramp, across) == reshape(ramp, along)
        spread = apply_named("where", same, spread, scalar(0, part.dtype))
    return spread


def _einsum_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    terms: list[Node | None] = []
    for position, tangent in enumerate(tangents):
        if tangent is not None:
            args = tuple(tangent if i == position else a for i, a in enumerate(node.args))
            terms.append(make(einsum_op, args, node.params))
    return add_up(terms)


def _einsum_bound(errors: Sequence[Node | None], node: Node) -> Node | None:
    sizes = tuple(apply_named("abs", a) for a in node.args)
    terms: list[Node | None] = [
        make(einsum_op, sizes, node.params) * _rounding(_summed(node), node)
    ]
    for position, error in enumerate(errors):
        if error is not None:
            args = tuple(error if i == position else a for i, a in enumerate(sizes))
            terms.append(make(einsum_op, args, node.params))
    return add_up(terms)


def _summed(node: Node) -> Size:
    terms, result = parse_subscripts(node.params["subscripts"], len(node.args))
    sizes = _letter_sizes(terms, [a.shape for a in node.args])
    count: Size = len(node.args)
    for letter in sorted(set("".join(terms)) - set(result)):
        count = count * sizes[letter]
    return count


def _einsum_flops(node: Node) -> Any:
    return element_count(node.type.shape) * _summed(node)


einsum_op = structural(
    "einsum",
    group="contraction",
    meet="all",
    infer=_einsum_infer,
    run=lambda xp, *x, subscripts: xp.einsum(subscripts, *x),
    vjp=_einsum_vjp,
    jvp=_einsum_jvp,
    latex=r"\operatorname{{einsum}}({0}, {1})",
    flops=_einsum_flops,
    domain="every operand",
    ulp=0.5,
    bound=_einsum_bound,
    holomorphic=True,
    doc="Returns the sum of products that subscripts such as 'ij,jk->ik' name.",
)


@public
def einsum(subscripts: str, *operands: Any) -> Node:
    """Returns the sum of products named by subscripts, for example `"ij,jk->ik"`.

    Raises:
        ArgumentError: the subscripts can't be read or are for another number of operands.
        ShapeError: one letter stands for two sizes.
    """
    if not isinstance(subscripts, str) or not operands:
        raise ArgumentError("einsum takes subscripts and operands", "gx.einsum('ij,jk->ik', a, b)")
    terms, result = parse_subscripts(subscripts, len(operands))
    return einsum_op(*[as_node(o) for o in operands], subscripts=",".join(terms) + "->" + result)
