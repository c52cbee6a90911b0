"""What people pass to the sparse derivatives, judged."""

from __future__ import annotations

from typing import Any

from graphc.core.errors import ArgumentError, BudgetError, DimError, GradError
from graphc.core.naming import describe, describe_operand
from graphc.core.node import Node
from graphc.core.type import TensorType
from graphc.sparse.pattern import MAX_ELEMENTS, elements


def one_float(wrt: Any) -> Node:
    """Returns the node to differentiate by.

    Raises:
        ArgumentError: it is no node.
        GradError: it is no real float.
        DimError: a size of it is only named.
        BudgetError: it has too many elements to follow each.
    """
    if not isinstance(wrt, Node):
        raise ArgumentError(
            f"wrt={describe_operand(wrt)} is no graph value",
            "differentiate by one gx.input or gx.param; join several with gx.concat",
        )
    return _real(wrt, "")


def one_output(output: Any) -> Node:
    """Returns the node to differentiate; raises as `one_float` does."""
    if not isinstance(output, Node):
        raise ArgumentError(
            f"the output {describe_operand(output)} is no graph value",
            "build one node from gx.input and ops; join several with gx.concat",
        )
    return _real(output, "the output ")


def one_loss(loss: Any) -> Node:
    """Returns the scalar to differentiate twice; raises as `one_float` does."""
    node = one_output(loss)
    if node.ndim:
        raise GradError(
            f"the loss {describe(node, 3)} is {node.type}, not a scalar",
            "take gx.sum or gx.mean of it, or use gx.sparse_jacobian",
        )
    return node


def _real(node: Node, what: str) -> Node:
    if not isinstance(node.type, TensorType):
        raise GradError(f"{what}{describe(node, 3)} has several results", "take one of them")
    if node.dtype.kind != "f":
        raise GradError(
            f"{what}{describe(node, 3)} is {node.type}: only a real float has a sparse derivative",
            "declare it float32 or float64; of a complex one take gx.real and gx.imag",
        )
    if not node.type.is_static:
        raise DimError(
            f"{what}{describe(node, 3)} is {node.type}: the structure hangs on the named size",
            "declare the sizes as numbers",
        )
    require_room(node, what)
    return node


def require_room(node: Node, what: str = "") -> None:
    """Raises BudgetError where following each element of a node takes gigabytes."""
    if isinstance(node.type, TensorType) and elements(node.shape) > MAX_ELEMENTS:
        raise BudgetError(
            f"{what}{describe(node, 3)} is {node.type}: the structure follows each element, up to "
            f"{MAX_ELEMENTS:,} in one array",
            "use gx.jvp, gx.vjp or gx.hvp, which need no matrix",
        )
