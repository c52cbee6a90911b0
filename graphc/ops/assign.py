"""`assign`: says within a graph what a state will be after a training step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, DTypeError, ShapeError
from graphc.core.naming import describe
from graphc.core.node import Node, as_node
from graphc.core.type import TensorType
from graphc.ops.define import structural
from graphc.ops.source import is_trainable, param_op


def _infer(*types: TensorType) -> TensorType:
    if len(types) != 3:
        raise ArgumentError(f"it takes three operands, not {len(types)}", "assign(x, state, value)")
    result, state, value = types
    if state.shape != value.shape:
        raise ShapeError(
            f"the state is {state} and its next value {value}", "give a value of the same shape"
        )
    if state.dtype is not value.dtype:
        raise DTypeError(
            f"the state is {state} and its next value {value}", "cast the value to that dtype"
        )
    return result


def _vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    return [adjoint if index == 0 else None for index in wanted]


assign_op = structural(
    "assign",
    group="control",
    meet="none",
    infer=_infer,
    run=lambda xp, x, state, value: x,
    vjp=_vjp,
    jvp=lambda tangents, node: tangents[0],
    latex=r"{0} \;\&\; {1} \leftarrow {2}",
    flops=lambda node: 0,
    domain="every operand",
    ulp=0.0,
    bound=lambda errors, node: errors[0],
    holomorphic=True,
    doc="Returns x, and says that a training step gives the state this value.",
)


@public
def assign(x: Any, state: Any, value: Any) -> Node:
    """Returns x, and says that a training step gives a parameter its next value.

    A graph changes nothing by itself: `graphc.nn.updates` collects what is said here, and
    `graphc.train` carries it out. The result is x itself and so are its derivatives; none flows
    into the state or its value. It is how batch-norm keeps its running mean.

    Args:
        x: `f[...]`, what the result stands for, and on which the loss must rest.
        state: a `gx.param` with `trainable=False`.
        value: of the state's type.

    Raises:
        ArgumentError: the state is no such parameter.
        ShapeError, DTypeError: the value is not of the state's type.
    """
    if not isinstance(state, Node) or state.op is not param_op or is_trainable(state):
        shown = describe(state) if isinstance(state, Node) else repr(type(state).__name__)
        raise ArgumentError(
            f"{shown} is no state", "declare it: gx.param(name, shape, trainable=False)"
        )
    return assign_op(as_node(x), state, as_node(value, state.dtype))
