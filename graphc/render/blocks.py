"""Opening blocks: every call replaced by its body, so that it is drawn in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphc.core.graph import MAX_NESTING
from graphc.core.node import Node, make
from graphc.core.walk import rebuild, topological_order
from graphc.render.sketch import Settings

#: Nodes above which blocks stay closed: nested blocks can open to exponentially many.
MAX_OPENED = 50_000


def open_calls(
    pairs: Sequence[tuple[str, Node]], settings: Settings
) -> tuple[list[tuple[str, Node]], Settings]:
    """Returns the outputs with calls opened, and the settings with the values moved along."""
    roots = [node for _, node in pairs]
    values = dict(settings.values) if settings.values is not None else None
    for _ in range(MAX_NESTING + 1):
        order = topological_order(roots)
        sizes = [len(n.params["graph"].order()) for n in order if n.op.name == "call"]
        if not sizes or len(order) + sum(sizes) > MAX_OPENED:
            break
        new = dict(zip(order, rebuild(order, {}, _open), strict=True))
        roots = [new[root] for root in roots]
        if values is not None:
            moved = values
            values = {new[node]: value for node, value in moved.items() if node in new}
    return (
        [(label, root) for (label, _), root in zip(pairs, roots, strict=True)],
        replace(settings, values=values),
    )


def _open(node: Node, args: tuple[Node, ...]) -> Node:
    if node.op.name == "call" and len(node.params["graph"].outputs) == 1:
        return node.params["graph"].inline(args)[0]
    if node.op.name == "item" and args[0].op.name == "call":
        return args[0].params["graph"].inline(args[0].args)[node.params["index"]]
    return make(node.op, args, node.params)
