"""Products with matrices that are mostly zeros, or all alike: nobody needs to multiply them out."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.node import Node, apply_named, make, scalar
from graphc.core.type import Size
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.contraction.matrices import matmul
from graphc.ops.contraction.sums import parse_subscripts
from graphc.ops.linalg.common import identity, swap
from graphc.optimize.facts.bands import OneHot, one_hot_of
from graphc.optimize.facts.bits import (
    DIAGONAL,
    ELEMENTS,
    IDENTITY,
    ONE_HOT,
    UNIFORM,
    ZERO,
    is_square,
)
from graphc.optimize.facts.elements import swaps_matrices
from graphc.optimize.structure.parts import diagonal_part, outer_parts, uniform_number
from graphc.optimize.structure.systems import Worker


def product(node: Node, worker: Worker) -> Node | None:
    """Returns a matrix product by the structure of an operand; None where none has any."""
    x, first = _turned(node.args[0], bool(node.params.get("transpose_x", False)))
    y, second = _turned(node.args[1], bool(node.params.get("transpose_y", False)))
    pair, flags = (x, y), (first, second)
    bits = tuple([worker.facts.of(a) if a.ndim >= 2 else 0 for a in pair])
    if node.ndim >= 2 and worker.facts.holds(node, IDENTITY) and is_square(node):
        unit = broadcast_to(identity(node.shape[-1], node.dtype), node.shape)
        return _weighed(node, unit, pair, worker, "the identity", "a matrix and its inverse")
    if (bits[0] | bits[1]) & ZERO:
        zeros = broadcast_to(scalar(0, node.dtype), node.shape)
        return _weighed(node, zeros, pair, worker, "zeros", "one operand is zero")
    for at in (0, 1):
        found = _one_side(node, at, pair, bits[at], flags, worker)
        if found is not None:
            return found
    return None


def is_structured(matrix: Node, worker: Worker) -> bool:
    """Tells whether anything is known of a matrix that a product could make use of."""
    matrix, _ = _turned(matrix, False)
    if worker.facts.of(matrix) & ~ELEMENTS or outer_parts(matrix) is not None:
        return True
    return matrix.op.name == "cast" and one_hot_of(matrix) is not None


def contraction(node: Node, worker: Worker) -> Node | None:
    """Returns an `einsum` that is a matrix product by the structure of an operand."""
    found = _as_product(node)
    if found is None:
        return None
    made, turned = found
    better = product(made, worker)
    return None if better is None else swap(better) if turned else better


def _as_product(node: Node) -> tuple[Node, bool] | None:
    """Returns (a `matmul`, whether the node is its transpose) of an `einsum` of two operands."""
    if len(node.args) != 2:
        return None
    (x, y), result = parse_subscripts(node.params["subscripts"], 2)
    shared = set(x) & set(y)
    if len(shared) != 1 or shared & set(result) or max(len(x), len(y)) != 2:
        return None
    if len(set(x)) != len(x) or len(set(y)) != len(y):
        return None
    (summed,) = shared
    kept = [c for c in x + y if c != summed]
    if sorted(result) != sorted(kept):
        return None
    flags = {"transpose_x": True} if len(x) == 2 and x[0] == summed else {}
    flags |= {"transpose_y": True} if len(y) == 2 and y[1] == summed else {}
    return make(matmul, node.args, flags), list(result) != kept


def _turned(node: Node, flag: bool) -> tuple[Node, bool]:
    """Returns an operand without the transposes around it, and whether it is transposed."""
    while swaps_matrices(node):
        node, flag = node.args[0], not flag
    return node, flag


def _one_side(
    node: Node,
    at: int,
    pair: tuple[Node, Node],
    bits: int,
    flags: tuple[bool, bool],
    worker: Worker,
) -> Node | None:
    matrix, other = pair[at], pair[1 - at]
    if matrix.ndim < 2:
        return None
    seen = swap(other) if flags[1 - at] else other
    if bits & IDENTITY and is_square(matrix):
        made = broadcast_to(seen, node.shape)
        return _weighed(node, made, (other,), worker, "its other operand", "one is the identity")
    if bits & DIAGONAL == DIAGONAL and is_square(matrix):
        diagonal, leaves = diagonal_part(matrix, worker.facts)
        if at == 0 and other.ndim >= 2:
            diagonal = reshape(diagonal, (*diagonal.shape, 1))
        elif at == 1 and other.ndim >= 2:
            diagonal = reshape(diagonal, (*diagonal.shape[:-1], 1, diagonal.shape[-1]))
        made = broadcast_to(seen * diagonal, node.shape)
        return _weighed(node, made, (other, *leaves), worker, "a scaling", "one is diagonal")
    if bits & UNIFORM:
        return _uniform(node, at, matrix, seen, other, worker)
    hot = _hot(matrix, bits, worker) if matrix.dtype is other.dtype else None
    if hot is not None:
        return _one_hot(node, at, hot, flags[at], seen, other, worker)
    parts = outer_parts(matrix)
    if parts is not None and other.ndim <= 2:
        return _outer(node, at, parts, flags[at], seen, other, worker)
    return None


def _weighed(
    node: Node, made: Node, given: Sequence[Node], worker: Worker, after: str, why: str
) -> Node | None:
    """Returns a form where it is cheaper than the node, both made from what is given."""
    prices = worker.prices
    before, then = prices.of([node], given), prices.of([made], given)
    return made if worker.weigh(node, after, before, then, why) else None


# -- all elements alike ----------------------------------------------------------------------------


def _uniform(
    node: Node, at: int, matrix: Node, seen: Node, other: Node, worker: Worker
) -> Node | None:
    number = uniform_number(matrix)
    if number is None:
        return None
    axis = seen.ndim - 1 if at == 1 else max(seen.ndim - 2, 0)
    total = apply_named("sum", seen, axis=(axis,), keepdims=seen.ndim >= 2)
    made = broadcast_to(total * number, node.shape)
    return _weighed(node, made, (other, matrix), worker, "a sum", "all elements of one are alike")


# -- one 1 in a row --------------------------------------------------------------------------------


def _hot(matrix: Node, bits: int, worker: Worker) -> OneHot | None:
    """Returns where the ones of a matrix stand, as far as rows or columns have one each."""
    if not matrix.dtype.is_float:
        return None
    found = one_hot_of(matrix)
    if found is not None:
        return found
    if bits & ONE_HOT and matrix.op.name == "assume" and "one_hot" in matrix.params["facts"]:
        places = apply_named("argmax", matrix, axis=matrix.ndim - 1, keepdims=False)
        return OneHot(places, matrix.shape[-1], columns=False)
    return None


def _one_hot(
    node: Node, at: int, hot: OneHot, flag: bool, seen: Node, other: Node, worker: Worker
) -> Node | None:
    # With rows that have a single 1, H Y picks rows of Y; H^T Y adds rows of Y where they belong.
    picks = (hot.columns is not flag) is not (at == 0)
    places = hot.places
    axis = seen.ndim - 1 if at == 1 else max(seen.ndim - 2, 0)
    if picks and not (seen.ndim <= 2 and places.ndim >= 1 and _alone(at, seen, places)):
        return None
    if not picks and not (places.ndim == 1 and seen.ndim <= 2):
        return None
    inside, safe = _in_range(places, hot.classes)
    words = "a gather" if picks else "a sum by places"
    if picks:
        found = apply_named("gather", seen, safe, axis=axis)
        made = apply_named("where", _along(inside, axis, found), found, scalar(0, node.dtype))
    else:
        zero = scalar(0, node.dtype)
        kept = apply_named("where", _along(inside, axis, seen), seen, zero)
        made = apply_named("scatter_add", kept, safe, axis=axis, size=hot.classes)
    made = broadcast_to(made, node.shape)
    return _weighed(node, made, (other, places), worker, words, "rows have a single 1")


def _alone(at: int, seen: Node, places: Node) -> bool:
    """Tells whether a gather's axes come out where the product's stand."""
    return places.ndim == 1 or (at == 0)


def _in_range(places: Node, classes: Size) -> tuple[Node, Node]:
    """Returns where places have a column, and the places with 0 elsewhere."""
    zero = scalar(0, places.dtype)
    count = apply_named("dim_size", size=classes, dtype=places.dtype)
    count = scalar(classes, places.dtype) if isinstance(classes, int) else count
    above = apply_named("greater_equal", places, zero)
    inside = apply_named("logical_and", above, apply_named("less", places, count))
    return inside, apply_named("where", inside, places, zero)


def _along(mask: Node, axis: int, value: Node) -> Node:
    """Returns a mask of an axis (or several from there) in the shape of a value."""
    rest = value.ndim - axis - mask.ndim
    return reshape(mask, (*(1,) * axis, *mask.shape, *(1,) * rest))


# -- the product of two vectors --------------------------------------------------------------------


def _outer(
    node: Node,
    at: int,
    parts: tuple[Node, Node],
    flag: bool,
    seen: Node,
    other: Node,
    worker: Worker,
) -> Node | None:
    column, row = parts[::-1] if flag else parts
    if at == 0:  # (u w^T) Y = u (w^T Y)
        inner = make(node.op, (row, seen), {})
        made = inner * column if seen.ndim == 1 else reshape(column, (*column.shape, 1)) * inner
    else:  # X (u w^T) = (X u) w^T
        inner = make(node.op, (seen, column), {})
        made = inner * row if seen.ndim == 1 else reshape(inner, (*inner.shape, 1)) * row
    given = (other, column, row)
    return _weighed(node, made, given, worker, "two vectors' products", "one has rank 1")
