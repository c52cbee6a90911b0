"""What passes share that replace nodes: bodies walked too, and replacements put into a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from graphc.core.graph import Graph
from graphc.core.node import Node, make, place_new_nodes
from graphc.core.type import TupleType
from graphc.core.walk import rebuild, topological_order
from graphc.ops.control import item
from graphc.ops.flow.inner import bodies_run, with_bodies
from graphc.ops.flow.scan import scan_op

#: Ops whose bodies are rewritten; a `custom` one is what its author wrote, with rules of his own.
_WALKED = frozenset({"call", "map", "switch", "scan", "while_loop", "recompute"})


#: A rewrite of roots, which gets their topological order too.
Rewrite = Callable[[Sequence[Node], Sequence[Node]], list[Node]]


def in_bodies(roots: Sequence[Node], rewrite: Rewrite) -> list[Node]:
    """Returns the roots rewritten, and before them the bodies of their loops, each body once.

    Bodies nest 100 deep at most, so they are entered by a call.
    """
    known: dict[Graph, Graph] = {}

    def of_graph(graph: Graph) -> Graph:
        found = known.get(graph)
        if found is None:
            outputs = walk(graph.outputs)
            same = _are(outputs, graph.outputs)
            found = graph if same else Graph(graph.inputs, outputs, graph.name)
            known[graph] = known[found] = found
        return found

    def step(node: Node, args: tuple[Node, ...]) -> Node:
        params = node.params
        if node.op.name in _WALKED:
            bodies = [body.graph for body in bodies_run(node)]
            made = [of_graph(graph) for graph in bodies]
            if not _are(made, bodies):
                params = with_bodies(node, made)
        if params is node.params and _are(args, node.args):
            return node
        new = make(node.op, args, params)
        new.place = new.place or node.place
        return new

    def walk(nodes: Sequence[Node]) -> list[Node]:
        order = topological_order(nodes)
        for node in order:
            if node.op.name in _WALKED:
                nodes = rebuild(nodes, {}, step)
                return rewrite(nodes, topological_order(nodes))
        return rewrite(nodes, order)

    return walk(roots)


def with_scans(
    roots: Sequence[Node], change: Callable[[Node, Node], Mapping[int, Node] | None]
) -> list[Node]:
    """Returns the roots with other nodes for the results of their scans.

    Args:
        roots: nodes of one graph.
        change: `change(made, node)`: for a scan as it stands now, and as it stood in `roots`, what
            takes the place of its results, by their numbers; None where it stays.
    """
    results: dict[Node, Mapping[int, Node]] = {}

    def step(node: Node, args: tuple[Node, ...]) -> Node:
        if node.op is item and node.args[0] in results:
            return results[node.args[0]][node.params["index"]]
        made = node
        if not _are(args, node.args):
            made = make(node.op, args, node.params)
            made.place = made.place or node.place
        found = change(made, node) if node.op is scan_op else None
        if found is None:
            return made
        results[node] = found
        return made if isinstance(node.type, TupleType) else found[0]

    return rebuild(roots, {}, step)


def substituted(roots: Sequence[Node], replaced: Mapping[Node, Node]) -> list[Node]:
    """Returns the roots with nodes replaced, and with those inside of what replaces them.

    A replacement that would lead back to what it replaces is left out.
    """
    done: dict[Node, Node] = {}
    begun: set[Node] = set()
    stack = list(reversed(roots))
    before = place_new_nodes(None)
    try:
        while stack:
            node = stack[-1]
            if node in done:
                stack.pop()
                continue
            target = replaced.get(node)
            if target is not None and target not in done and node not in begun:
                begun.add(node)
                stack.append(target)
                continue
            if target is not None and target in done:
                done[node] = done[target]
                stack.pop()
                continue
            waiting = [a for a in node.args if a not in done]
            if waiting:
                stack += waiting[::-1]
                continue
            args = tuple([done[a] for a in node.args])
            made = node
            if not _are(args, node.args):
                place_new_nodes(node.place)
                made = make(node.op, args, node.params)
            done[node] = made
            stack.pop()
    finally:
        place_new_nodes(before)
    return [done[root] for root in roots]


def _are(nodes: Sequence[object], others: Sequence[object]) -> bool:
    return all(a is b for a, b in zip(nodes, others, strict=True))
