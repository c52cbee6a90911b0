"""Loops over the same values are run as one: what a loop and its derivatives have in common.

The backward pass of a scan asks for a second loop that also keeps what is needed, and a tangent
for a loop that carries tangents beside the values. Run one after the other, every step would be
done twice or more, and XLA, which finds equal expressions, does not find equal loops. So before a
graph is run or compiled, loops of one length whose carries take the same steps become one loop with
the results of all. The graph a person holds is not changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphc.core.graph import Graph
from graphc.core.node import Node, make
from graphc.core.type import TupleType
from graphc.core.walk import depends_on, rebuild, topological_order_until
from graphc.ops.control import item, remembered, results_of
from graphc.ops.flow.repeat import bounded, while_op
from graphc.ops.flow.scan import scan_op


def join_loops(
    roots: Sequence[Node], given: Iterable[Node] = (), scans: bool = False
) -> list[Node]:
    """Returns the roots with loops joined that take the same steps.

    Args:
        roots: nodes of one graph.
        given: nodes whose values are known, which cut the graph; they stay themselves.
        scans: make scans of while loops that have a bound: XLA's loops know no way back.
    """
    stop = {node: node for node in given}
    found = _scanned(roots, stop) if scans else list(roots)
    while True:
        order = topological_order_until(found, stop)
        pair = _first_pair(order, {r for r in found if isinstance(r.type, TupleType)})
        if pair is None:
            return found
        found = _joined(found, stop, order, *pair)


@remembered
def joined_outputs(graph: Graph, scans: bool) -> list[Node]:
    """Returns the outputs of a body with its loops joined, see `join_loops`."""
    return join_loops(graph.outputs, (), scans)


def _scanned(roots: Sequence[Node], stop: Mapping[Node, Node]) -> list[Node]:
    """Returns the roots with every while loop that has a bound as a scan."""
    order = topological_order_until(roots, stop)
    if not any(_has_bound(n) for n in order):
        return list(roots)
    results: dict[Node, list[Node]] = {}

    def step(node: Node, args: tuple[Node, ...]) -> Node:
        if node.op is item and node.args[0] in results:
            return results[node.args[0]][node.params["index"]]
        if not _has_bound(node):
            return make(node.op, args, node.params)
        results[node] = bounded(make(node.op, args, node.params))[1]
        return results[node][0]

    return rebuild(roots, stop, step)


def _has_bound(node: Node) -> bool:
    return node.op is while_op and node.params["bound"] is not None


def _first_pair(order: Sequence[Node], whole: set[Node]) -> tuple[Node, Node] | None:
    """Returns two loops that can be one, the one with fewer carries first.

    Args:
        order: the nodes in topological order.
        whole: those asked for with all their results as one value; they stay.
    """
    buckets: dict[Any, list[Node]] = {}
    for node in order:
        if node.op is not scan_op or node in whole:
            continue
        params = node.params
        first = [n.uid for n in (*node.args[:1], *params["graph"].inputs[:1])]
        key = (params["length"], params["reverse"], *first)
        for other in buckets.setdefault(key, []):
            if _compatible(other, node) and node not in depends_on(order, [other]):
                less, more = sorted((other, node), key=lambda n: n.params["carries"])
                return less, more
        buckets[key].append(node)
    return None


def _roles(node: Node) -> dict[Node, tuple[str, Node]]:
    """Returns what each input of a loop's body is bound to, and how."""
    params = node.params
    carries, scanned = params["carries"], params["scanned"]
    words = ["carry"] * carries + ["entry"] * scanned
    words += ["fixed"] * (len(node.args) - len(words))
    return dict(zip(params["graph"].inputs, zip(words, node.args, strict=True), strict=True))


def _compatible(left: Node, right: Node) -> bool:
    """Tells whether one loop's carries are among the other's, and nothing is bound twice."""
    less, more = sorted((left, right), key=lambda n: n.params["carries"])
    small, large = less.params["graph"], more.params["graph"]
    steps = dict(zip(large.inputs, large.outputs[: more.params["carries"]], strict=False))
    for formal, after in zip(small.inputs, small.outputs[: less.params["carries"]], strict=False):
        if steps.get(formal) is not after:
            return False
    bound, other = _roles(less), _roles(more)
    names = {formal.params["name"]: formal for formal in other}
    for formal, (word, arg) in bound.items():
        known = other.get(formal)
        if known is None:
            if word == "carry" or names.get(formal.params["name"], formal) is not formal:
                return False
        elif known[0] != word or known[1] is not arg:
            return False
    return True


def _joined(
    roots: Sequence[Node], stop: Mapping[Node, Node], order: Sequence[Node], less: Node, more: Node
) -> list[Node]:
    """Returns the roots with two loops as one."""
    params = more.params
    carries = params["carries"]
    roles = {**_roles(more)}
    for formal, role in _roles(less).items():
        roles.setdefault(formal, role)
    inputs = [f for word in ("carry", "entry", "fixed") for f, r in roles.items() if r[0] == word]
    large: Graph = params["graph"]
    small: Graph = less.params["graph"]
    skipped = less.params["carries"]
    rows = list(dict.fromkeys([*large.outputs[carries:], *small.outputs[skipped:]]))
    body = Graph(inputs, [*large.outputs[:carries], *rows], large.name)
    scanned = len([r for r in roles.values() if r[0] == "entry"])
    made = {**params, "graph": body, "scanned": scanned}
    place = {row: carries + i for i, row in enumerate(rows)}
    spots = {
        more: [*range(carries), *[place[o] for o in large.outputs[carries:]]],
        less: [*range(skipped), *[place[o] for o in small.outputs[skipped:]]],
    }
    # The carries of the smaller one stand in the larger one's order.
    position = {f: i for i, f in enumerate(large.inputs[:carries])}
    spots[less][:skipped] = [position[f] for f in small.inputs[:skipped]]
    results: list[Node] = []

    def step(node: Node, args: tuple[Node, ...]) -> Node:
        if node in spots:
            return results[spots[node][0]]  # of several results, nobody but items looks at it
        if node.op is item and node.args[0] in spots:
            return results[spots[node.args[0]][node.params["index"]]]
        if all(new is old for new, old in zip(args, node.args, strict=True)):
            return node
        return make(node.op, args, node.params)

    # What either loop needs lies below both, so it is the same before and after.
    whole = make(scan_op, tuple(roles[f][1] for f in inputs), made)
    results += results_of(whole)
    return rebuild(roots, stop, step)
