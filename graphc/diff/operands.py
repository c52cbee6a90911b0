"""What the derivative functions take: checks of outputs, of what is differentiated by, of seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.errors import ArgumentError, GradError, ShapeError, show_value
from graphc.core.graph import check_names
from graphc.core.naming import describe
from graphc.core.node import Node, as_node
from graphc.core.tree import flatten
from graphc.core.type import TensorType
from graphc.core.walk import topological_order
from graphc.ops.chain import broadcast_to


def wrt_nodes(wrt: Any, with_complex: bool = False) -> tuple[list[Node], Any]:
    """Returns the float nodes of a nest, and what puts values into its form."""
    nodes, rebuild = flatten(wrt)
    if not nodes:
        raise ArgumentError("there is nothing to differentiate by", "name an input in wrt")
    for node in nodes:
        if not isinstance(node, Node):
            raise ArgumentError(
                f"{node!r} is no graph value", "differentiate by gx.input or gx.param"
            )
        kind = node.type.dtype.kind if isinstance(node.type, TensorType) else ""
        if kind == "c" and not with_complex:
            raise GradError(
                f"{describe(node)} is complex: it has a gradient, and no Jacobian or Hessian here",
                "declare its parts, and write gx.complex(x, y)",
            )
        if kind not in ("f", "c"):
            raise GradError(
                f"{describe(node)} is {node.type}: only a float has a derivative",
                "declare it float32 or float64",
            )
    return nodes, rebuild


def float_node(value: Any, what: str, with_complex: bool = False) -> Node:
    """Returns a value that is a float node."""
    if not isinstance(value, Node):
        raise ArgumentError(f"{what} {value!r} is no graph value", "build it from gx.input and ops")
    node = as_node(value)
    if node.dtype.kind == "c" and not with_complex:
        raise GradError(
            f"{what} {describe(node, 3)} is {node.type}, and must be real",
            "take gx.real or gx.abs of it; gx.vjp and gx.jvp take complex outputs",
        )
    if not node.dtype.is_inexact:
        raise GradError(
            f"{what} {describe(node, 3)} is {node.type}: only a float has a derivative",
            "cast it, or compare before it",
        )
    return node


def like(value: Any, node: Node, what: str) -> Node:
    """Returns a value in a node's shape and dtype."""
    made = as_node(value, node.dtype)
    if made.shape not in (node.shape, ()):
        raise ShapeError(f"{what} is {made.type}, not {node.type}", "give both one shape")
    return broadcast_to(made, node.shape)


def check_reach(output: Node, nodes: Sequence[Node], unreachable: str) -> None:
    """Raises GradError for a node the output does not depend on, unless it may be zero."""
    if not isinstance(unreachable, str) or unreachable not in ("error", "zero"):
        raise ArgumentError(
            f"unreachable={show_value(unreachable)} is neither 'error' nor 'zero'",
            "say one of them",
        )
    order = topological_order([output])
    check_names([n for n in order if n.op.name in ("input", "param")])
    if unreachable == "zero":
        return
    reached = set(order)
    for node in nodes:
        if node not in reached:
            raise GradError(
                f"{describe(output, 3)} does not depend on {describe(node)}",
                "leave it out, or say unreachable='zero'",
            )
