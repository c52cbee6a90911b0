"""The record of padding with a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.core.dtype import bool_
from graphc.core.errors import ShapeError, show_value
from graphc.core.node import Node, apply_named, make, scalar
from graphc.core.type import Shape, TensorType, shape_of
from graphc.ops.chain import broadcast_to, masked, through
from graphc.ops.define import structural
from graphc.ops.logic import zeros_like

Pairs = tuple[tuple[int, int], ...]


# -- with a value ----------------------------------------------------------------------------------


def _pad_infer(x: TensorType, value: TensorType, pairs: Pairs) -> TensorType:
    plain = isinstance(pairs, tuple) and all(
        isinstance(p, tuple) and len(p) == 2 and all(type(n) is int and n >= 0 for n in p)
        for p in pairs
    )
    if not plain or len(pairs) != len(x.shape):
        raise ShapeError(
            f"{show_value(pairs)} are not the widths for {len(x.shape)} axes",
            "give (before, after) for each axis",
        )
    if value.shape:
        raise ShapeError(f"the value is {value}, no scalar", "pad with one number")
    return TensorType(padded_shape(x.shape, pairs), x.dtype)


def padded_shape(shape: Shape, pairs: Pairs) -> Shape:
    """Returns the shape with the widths added."""
    return shape_of(tuple(s + low + high for s, (low, high) in zip(shape, pairs, strict=True)))


def _inner(node: Node) -> Callable[[Node], Node]:
    """Returns what takes the middle out of an array of the padded shape."""
    x = node.args[0]
    bounds = tuple(
        (low, low + size, 1) if low or high else None
        for size, (low, high) in zip(x.shape, node.params["pairs"], strict=True)
    )

    def take(value: Node) -> Node:
        if all(b is None for b in bounds):
            return value
        return apply_named("slice", value, bounds=bounds)

    return take


def _rim(node: Node) -> Node:
    """Returns where the value stands."""
    inside = broadcast_to(scalar(False, bool_), node.args[0].shape)
    return make(pad_op, (inside, scalar(True, bool_)), node.params)


def _pad_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    def total() -> Node:
        # The middle is left out, and not taken away again: that would lose digits.
        whole = broadcast_to(masked(_rim(node), adjoint), node.shape)
        return apply_named("sum", whole, axis=tuple(range(node.ndim)), keepdims=False)

    return [total() if i else through(adjoint, node.shape, _inner(node)) for i in wanted]


def _pad_joined(parts: Sequence[Node | None], node: Node) -> Node | None:
    if parts[0] is None and parts[1] is None:
        return None
    x, value = node.args
    base = zeros_like(x) if parts[0] is None else broadcast_to(parts[0], x.shape)
    rim = zeros_like(value) if parts[1] is None else parts[1]
    return make(pad_op, (base, rim), node.params)


pad_op = structural(
    "pad",
    group="shape",
    meet="all",
    infer=_pad_infer,
    run=lambda xp, x, value, pairs: xp.scatter.pad(xp, x, value, pairs),
    vjp=_pad_vjp,
    jvp=_pad_joined,
    latex=r"\operatorname{{pad}}({0})",
    flops=lambda node: 0,
    domain="every operand",
    ulp=0.0,
    bound=_pad_joined,
    holomorphic=True,
    formula="it moves elements: there is no scalar form",
    doc="Returns x with a value before and after it along each axis.",
)
