"""Loops and branches made smaller: results, carries and operands that nobody needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.core.dim import Dim
from graphc.core.graph import LEAF_OPS, Graph
from graphc.core.node import Node
from graphc.core.walk import topological_order
from graphc.simplify.rule import size_names

#: Removes what is dead within a body's outputs.
Trim = Callable[[Sequence[Node]], list[Node]]
#: New parameters; where each kept result lies; the operands still taken; whether a body changed.
Smaller = tuple[Mapping[str, Any], Mapping[int, int], tuple[int, ...], bool]


def smaller_scan(node: Node, keep: Sequence[int] | None, trim: Trim) -> Smaller:
    """Returns a scan with the results in `keep` (None: all, as one value) and what they need.

    A carry is needed where its last value is wanted, or what is needed depends on it.
    """
    params = node.params
    graph: Graph = params["graph"]
    carries, scanned = params["carries"], params["scanned"]
    outputs = trim(graph.outputs)
    wanted = range(len(outputs)) if keep is None else keep
    live = {i for i in wanted if i < carries}
    rows = [i for i in wanted if i >= carries]
    while True:
        needed = _leaves([outputs[i] for i in [*sorted(live), *rows]])
        more = live | {i for i in range(carries) if graph.inputs[i] in needed}
        if more == live:
            break
        live = more
    used = [
        i
        for i, formal in enumerate(graph.inputs)
        if (i in live if i < carries else formal in needed)
    ]
    length = set(params["length"].names) if isinstance(params["length"], Dim) else set[str]()
    used = _telling(graph, used, length, range(carries, len(graph.inputs)), carries + scanned)
    kept = sorted(live)
    body = Graph([graph.inputs[i] for i in used], [outputs[i] for i in [*kept, *rows]], graph.name)
    made = {
        **params,
        "graph": body,
        "carries": len(kept),
        "scanned": len([i for i in used if carries <= i < carries + scanned]),
    }
    places = {old: new for new, old in enumerate([*kept, *rows])}
    changed = any(new is not old for new, old in zip(outputs, graph.outputs, strict=True))
    return made, places, tuple(used), changed or len(places) < len(outputs)


def smaller_switch(node: Node, keep: Sequence[int] | None, trim: Trim) -> Smaller:
    """Returns a choice whose branches have the results in `keep` alone (None: all of them)."""
    branches: Sequence[Graph] = node.params["branches"]
    count = len(branches[0].outputs)
    wanted = list(range(count)) if keep is None else list(keep)
    outputs = [trim([b.outputs[i] for i in wanted]) for b in branches]
    needed = [_leaves(part) for part in outputs]
    used = [
        i
        for i in range(len(branches[0].inputs))
        if any(b.inputs[i] in found for b, found in zip(branches, needed, strict=True))
    ]
    used = _telling(branches[0], used, set(), range(len(branches[0].inputs)), 0)
    made = tuple(
        Graph([b.inputs[i] for i in used], part, b.name)
        for b, part in zip(branches, outputs, strict=True)
    )
    changed = any(
        new is not b.outputs[i]
        for b, part in zip(branches, outputs, strict=True)
        for i, new in zip(wanted, part, strict=True)
    )
    places = {old: new for new, old in enumerate(wanted)}
    return {**node.params, "branches": made}, places, (0, *[i + 1 for i in used]), changed


def _leaves(outputs: Sequence[Node]) -> set[Node]:
    return {n for n in topological_order(outputs) if n.op.name in LEAF_OPS}


def _telling(
    graph: Graph, used: Sequence[int], names: set[str], droppable: Sequence[int], fixed: int
) -> list[int]:
    """Returns the inputs used, and those without which nothing would tell a named size.

    Args:
        graph: the body.
        used: the inputs that are needed.
        names: names that the op itself needs.
        droppable: the inputs that may go.
        fixed: the first input that is no entry of xs: entries tell the length too.
    """
    kept = set(used)
    told = {name for i in kept for name in size_names(graph.inputs[i])}
    told |= names if any(i in kept for i in droppable if i < fixed) else set()
    for i in droppable:
        own = size_names(graph.inputs[i]) | (names if i < fixed else set())
        if i not in kept and not own <= told:
            kept.add(i)
            told |= own
    return sorted(kept)
