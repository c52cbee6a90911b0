"""What a node is called where a person reads of it: in errors, in `repr`, in reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc.core.errors import show_value

if TYPE_CHECKING:
    from graphc.core.node import Node


def describe(node: Node, budget: int = 12) -> str:
    """Returns a short text of a node: its name, its number, or op(operands) cut after `budget`."""
    pieces: list[str] = []
    todo: list[Node | str] = [node]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        if not item.args:
            pieces.append(_leaf_text(item))
            continue
        budget -= 1
        if budget < 0:
            pieces.append(f"{item.op.name}(...)")
            continue
        pieces.append(f"{item.op.name}(")
        todo.append(")" if len(item.args) <= 6 else ", ...)")
        for position, arg in enumerate(reversed(item.args[:6])):
            if position:
                todo.append(", ")
            todo.append(arg)
    return "".join(pieces)


def _leaf_text(node: Node) -> str:
    if node.op.name == "constant":
        array = node.params["value"].array
        return (
            f"{array.item()!r}"
            if array.ndim == 0
            else f"constant[{','.join(map(str, array.shape))}]"
        )
    name = str(node.params.get("name", node.op.name))
    return name if len(name) <= 60 else name[:57] + "..."


def describe_operand(value: Any) -> str:
    """Returns `W: f64[3,4]` for a node, and a short repr for anything else."""
    from graphc.core.node import Node  # nodes name themselves by this file

    if isinstance(value, Node):
        return f"{describe(value, 3)}: {value.type}"
    if isinstance(value, np.ndarray):
        return f"array: {value.dtype}[{','.join(map(str, value.shape))}]"
    return show_value(value, 40)


def call_text(name: str, operands: Sequence[Any], params: Mapping[str, Any]) -> str:
    """Returns `matmul(W: f64[3,4], b: f64[5])` for an error's head."""
    shown = [describe_operand(o) for o in operands]
    shown += [f"{k}={describe_operand(v)}" for k, v in params.items()]
    return f"{name}({', '.join(shown[:6])}{', ...' if len(shown) > 6 else ''})"
