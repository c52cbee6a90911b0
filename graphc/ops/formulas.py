"""A gradient written by hand, beside the expression it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, DTypeError, ShapeError
from graphc.core.graph import close_over
from graphc.core.naming import describe
from graphc.core.node import Node, as_node, make
from graphc.core.walk import rebuild, topological_order
from graphc.ops.chain import broadcast_to
from graphc.ops.control import (
    NO_FORMULA,
)
from graphc.ops.define import structural


def _first(tangents: Sequence[Node | None], node: Node) -> Node | None:
    return tangents[0]


with_gradient_op = structural(
    "with_gradient",
    group="control",
    meet="none",
    infer=lambda value, *rest, graph, count: value,
    run=lambda xp, value, *rest, graph, count: value,
    vjp=lambda adjoint, node, wanted: [adjoint if i == 0 else None for i in wanted],
    jvp=_first,
    latex="{0}",
    flops=lambda node: 0,
    domain="every x",
    ulp=0.0,
    bound=_first,
    holomorphic=True,
    formula=NO_FORMULA,
    doc="Returns its first operand; beside it stands the author's formula for the gradient.",
)


@public
def with_gradient(value: Any, formulas: dict[Node, Any]) -> Node:
    """Returns `value` with the author's own formulas for its derivatives beside it.

    The engine `analytic` uses them; every other engine differentiates `value` itself, so a wrong
    formula is found by comparison. Where `value` is no scalar, a formula is the elementwise slope
    and must have the shape of both.

    Args:
        value: the expression.
        formulas: for each node it is differentiated by, the derivative as a graph.

    Raises:
        ShapeError: a formula's shape is not that of its node.
        ArgumentError: there is no formula, or a key is no node.
    """
    node = as_node(value)
    if not isinstance(formulas, dict) or not formulas:
        raise ArgumentError("there is no formula", "gx.with_gradient(loss, {w: formula})")
    made: list[Node] = []
    for wrt, formula in formulas.items():
        if not isinstance(wrt, Node):
            raise ArgumentError(f"{wrt!r} is no graph value", "use the nodes as keys: {w: formula}")
        if not wrt.dtype.is_float:
            raise DTypeError(
                f"{describe(wrt)} is {wrt.type}: only a float has a derivative",
                "leave it out of the formulas",
            )
        given = as_node(formula, wrt.dtype)
        if node.ndim and node.shape != wrt.shape:
            raise ShapeError(
                f"the value is {node.type} and {describe(wrt)} is {wrt.type}: a formula beside a "
                "value that is no scalar is its elementwise slope, so both must have one shape"
            )
        if given.shape not in (wrt.shape, ()):
            raise ShapeError(
                f"the formula for {describe(wrt)}: {wrt.type} is {given.type}",
                "give it the shape of its node",
            )
        made.append(broadcast_to(given, wrt.shape))
    keys = list(formulas)
    graph, others = close_over(made, keys, "formula")
    return make(with_gradient_op, (node, *keys, *others), {"graph": graph, "count": len(keys)})


def without_formulas(nodes: Sequence[Node]) -> list[Node]:
    """Returns the nodes without the author's formulas beside them: what all other engines see."""
    order = topological_order(nodes)
    if not any(node.op is with_gradient_op for node in order):
        return list(nodes)

    def step(node: Node, args: tuple[Node, ...]) -> Node:
        return args[0] if node.op is with_gradient_op else make(node.op, args, node.params)

    return rebuild(nodes, {}, step)
