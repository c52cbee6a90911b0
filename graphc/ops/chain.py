"""How an adjoint or tangent meets a partial derivative, with structural zeros kept apart.

A dead branch of `where` must not pass 0 * inf = NaN downwards. So a value that is zero wherever a
mask is false is written `where(mask, value, 0)`, and every product below keeps that form: the mask
moves outward, the product is formed inside, and 0 * inf never counts. Sums over axes and products
of tensors end it: there the zeros are ordinary zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.core.node import Node, apply_named, make, scalar
from graphc.core.op import registry as _ops
from graphc.core.type import Shape

#: A partial derivative: a node, a plain factor, or None for zero. A boolean node is 1 or 0.
Partial = Node | float | None


def is_constant(node: Node, value: float) -> bool:
    """Tells whether a node is a scalar constant equal to `value` (0.0 and -0.0 alike)."""
    if node.op.name != "constant" or node.type.shape:
        return False
    return node.params["value"].number == value


def split_mask(node: Node) -> tuple[Node | None, Node]:
    """Returns (mask, value) of a node of the form where(mask, value, 0), else (None, node)."""
    if node.op.name == "where" and is_constant(node.args[2], 0.0):
        return node.args[0], node.args[1]
    return None, node


def masked(mask: Node | None, value: Node) -> Node:
    """Returns where(mask, value, 0), or the value itself where there is no mask."""
    if mask is None:
        return value
    return apply_named("where", mask, value, scalar(0, value.type.dtype))


def unmasked(value: Node) -> Node:
    """Returns where(mask, value, 0) as where(not mask, 0, value): to `chain` an ordinary number."""
    mask, inner = split_mask(value)
    if mask is None:
        return value
    return apply_named(
        "where", apply_named("logical_not", mask), scalar(0, inner.type.dtype), inner
    )


def both(left: Node | None, right: Node | None) -> Node | None:
    """Returns the conjunction of two masks, either of which may be absent."""
    if left is None or right is None or left is right:
        return right if left is None else left
    return apply_named("logical_and", left, right)


def multiply(left: Node, right: Node) -> Node:
    """Returns left * right, without the node where a factor is the constant 1."""
    if left.op.name == "constant" or right.op.name == "constant":
        if is_constant(left, 1.0) and left.type.dtype is right.type.dtype:
            return right
        if is_constant(right, 1.0) and left.type.dtype is right.type.dtype:
            return left
    if left.type is right.type:
        return make(_ops["mul"], (left, right))
    return apply_named("mul", left, right)


def chain(adjoint: Node, partial: Partial) -> Node | None:
    """Returns adjoint * partial, by the chain rule, with masks kept outside."""
    if partial is None:
        return None
    if not isinstance(partial, Node):
        if partial == 1.0:
            return adjoint
        mask, value = split_mask(adjoint)
        if partial == -1.0:
            return masked(mask, apply_named("neg", value))
        return masked(mask, apply_named("mul", value, float(partial)))
    truth = partial.type.dtype.kind == "b"
    if not truth and adjoint.op.name != "where" and partial.op.name != "where":
        return multiply(adjoint, partial)  # as below, where neither has a mask
    mask, value = split_mask(adjoint)
    if truth:
        return masked(both(mask, partial), value)
    partial_mask, factor = split_mask(partial)
    return masked(both(mask, partial_mask), multiply(value, factor))


def accumulate(contributions: Sequence[Node]) -> Node:
    """Returns the sum of contributions; masked where every one of them is."""
    total = contributions[0]
    if len(contributions) == 1:
        return total
    parts = [split_mask(c) for c in contributions]
    for contribution in contributions[1:]:
        total = apply_named("add", total, contribution)
    if any(mask is None for mask, _ in parts):
        return total
    masks = [mask for mask, _ in parts if mask is not None]
    alive = masks[0]
    for mask in masks[1:]:
        if mask is not alive:
            alive = apply_named("logical_or", alive, mask)
    return masked(alive, total)


def through(adjoint: Node, shape: Shape, move: Callable[[Node], Node]) -> Node:
    """Returns move(adjoint), for a move that only rearranges elements, with the mask moved along.

    Args:
        adjoint: the adjoint or tangent.
        shape: its full shape (mask and value inside a masked adjoint may still be smaller).
        move: rearranges elements, for booleans and floats alike.
    """
    mask, value = split_mask(adjoint)
    if mask is None:
        return move(adjoint)
    return masked(move(broadcast_to(mask, shape)), move(broadcast_to(value, shape)))


def broadcast_to(node: Node, shape: Shape) -> Node:
    """Returns the node broadcast to a shape; the node itself where it has it."""
    if node.type.shape == shape:
        return node
    return apply_named("broadcast_to", node, shape=shape)


def reshape(node: Node, shape: Shape) -> Node:
    """Returns the node in another shape; the node itself where it has it."""
    if node.type.shape == shape:
        return node
    return apply_named("reshape", node, shape=shape)


def sum_to(node: Node, shape: Shape) -> Node:
    """Returns the node summed over the axes along which `shape` was broadcast: the transpose."""
    have = node.type.shape
    if have == shape:
        return node
    lead = len(have) - len(shape)
    axes = tuple(
        axis
        for axis, size in enumerate(have)
        if axis < lead or (_is_one(shape[axis - lead]) and not _is_one(size))
    )
    if axes:
        node = apply_named("sum", node, axis=axes, keepdims=False)
    return reshape(node, shape)


def _is_one(size: object) -> bool:
    return isinstance(size, int) and size == 1


def add_up(parts: Sequence[Node | None]) -> Node | None:
    """Returns the sum of the parts that are there, None where there is none."""
    present = [p for p in parts if p is not None]
    return accumulate(present) if present else None
