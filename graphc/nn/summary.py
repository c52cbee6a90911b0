"""A model as a table: its layers, their parameters and shapes, and how many numbers they hold."""

from __future__ import annotations

import math
from typing import Any

from graphc.core.calls import guarded
from graphc.core.node import Node
from graphc.core.type import Shape, TensorType
from graphc.core.walk import topological_order
from graphc.nn.parameters import parameters, roots_of, state
from graphc.ops.source import param_op


@guarded("nn.describe")
def describe(nodes: Any) -> str:
    """Returns a table of a graph's layers: shape of the result, parameters, count of numbers.

    A layer's result is that of the last operation that rests on its own parameters and on none of
    a later layer's. What has no parameters, such as pooling, has no line.

    Args:
        nodes: a node or a nest of nodes.

    Raises:
        NameClashError: two layers gave their parameters one name.
    """
    rows = _rows(nodes)
    trained = sum(row.count for row in rows if not row.fixed)
    kept = sum(row.count for row in rows if row.fixed)
    head = ("layer", "result", "parameters", "numbers")
    lines = [(row.layer, row.result, row.parameters, f"{row.count:,}") for row in rows]
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(4)]
    table = [_line(line, widths) for line in [head, *lines]]
    total = f"{trained:,} numbers are trained"
    return "\n".join([*table, total + (f", {kept:,} are state" if kept else "")])


class _Row:
    __slots__ = ("count", "fixed", "layer", "parameters", "result")

    def __init__(self, layer: str, result: str, parameters: str, count: int, fixed: bool) -> None:
        self.layer, self.result, self.parameters = layer, result, parameters
        self.count, self.fixed = count, fixed


def _rows(nodes: Any) -> list[_Row]:
    results = _results(roots_of(nodes))
    rows: list[_Row] = []
    for fixed, found in ((False, parameters(nodes)), (True, state(nodes))):
        for layer, own in _layers(found).items():
            shapes = ", ".join(f"{name} {_sizes(node.shape)}" for name, node in own)
            sizes = [n.shape for _, n in own]
            count = sum(math.prod(s for s in shape if isinstance(s, int)) for shape in sizes)
            label = f"{layer or '-'}{' (state)' if fixed else ''}"
            rows.append(_Row(label, results.get(layer, ""), shapes, count, fixed))
    return rows


def _layers(found: dict[str, Any]) -> dict[str, list[tuple[str, Node]]]:
    """Returns the parameters of each layer: of each inner nest that holds nodes."""
    layers: dict[str, list[tuple[str, Node]]] = {}
    todo: list[tuple[str, Any]] = [("", found)]
    while todo:
        path, nested = todo.pop()
        own = [(key, value) for key, value in nested.items() if isinstance(value, Node)]
        if own:
            layers[path] = own
        inner = [(k, v) for k, v in nested.items() if not isinstance(v, Node)]
        todo += [(f"{path}.{key}" if path else key, value) for key, value in reversed(inner)]
    return layers


def _results(roots: list[Node]) -> dict[str, str]:
    """Returns the type of each layer's result."""
    latest: dict[Node, str | None] = {}
    found: dict[str, str] = {}
    order = topological_order(roots)
    rank: dict[str, int] = {}
    for node in order:
        if node.op is param_op:
            layer = str(node.params["name"]).rpartition(".")[0]
            rank.setdefault(layer, len(rank))
    for node in order:
        if node.op is param_op:
            latest[node] = str(node.params["name"]).rpartition(".")[0]
            continue
        above = [latest[a] for a in node.args]
        known = [layer for layer in above if layer is not None]
        last = max(known, key=lambda layer: rank[layer], default=None)
        latest[node] = last
        if not isinstance(node.type, TensorType):  # a loop has several results; items follow it
            continue
        # A mean over everything but the channels belongs to the layer that follows, not to this.
        if last is not None and (node.ndim >= 2 or last not in found):
            found[last] = str(node.type)
    return found


def _sizes(shape: Shape) -> str:
    return f"[{','.join(str(size) for size in shape)}]"


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    *left, last = cells
    shown = [cell.ljust(width) for cell, width in zip(left, widths, strict=False)]
    return "  ".join([*shown, last.rjust(widths[-1])]).rstrip()
