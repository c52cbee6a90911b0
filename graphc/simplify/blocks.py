"""Blocks (`call`, `map`): identities of trivial ones, and the removal of unused results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.core.const import freeze
from graphc.core.graph import LEAF_OPS, Graph
from graphc.core.node import Node, make
from graphc.core.op import op_named
from graphc.core.type import TupleType
from graphc.core.walk import rebuild, topological_order
from graphc.ops.blocks import block
from graphc.ops.control import call, item, map_op
from graphc.ops.flow.choice import switch_op
from graphc.ops.flow.inner import RUNNING
from graphc.ops.flow.scan import scan_op
from graphc.ops.source import constant_op
from graphc.simplify.loops import smaller_scan, smaller_switch
from graphc.simplify.rule import Rule, exact, fit, size_names

#: Ops whose body may be rewritten. The referee's is JAX's to differentiate as it stands, and a
#: formula given by the author is the author's.
BLOCK_OPS = frozenset(op_named(name) for name in sorted(RUNNING))

#: Those of them whose results and inputs may be dropped one by one.
TRIMMED_OPS = frozenset({call, map_op, scan_op, switch_op, op_named("recompute")})


def _trivial_output(node: Node, index: int) -> Node | None:
    graph: Graph = node.params["graph"]
    output = graph.outputs[index]
    if output.op is constant_op:
        return output
    for formal, arg in zip(graph.inputs, node.args, strict=True):
        if output is formal:
            return arg
    return None


def _trivial_item(node: Node) -> Node | None:
    (several,) = node.args
    if several.op is not call:
        return None
    found = _trivial_output(several, node.params["index"])
    return None if found is None else fit(found, node)


def _trivial_call(node: Node) -> Node | None:
    if isinstance(node.type, TupleType):
        return None
    found = _trivial_output(node, 0)
    return None if found is None else fit(found, node)


@block
def _same(x: Node) -> Node:
    return x


@block
def _swap(x: Node, y: Node) -> list[Node]:
    return [y, x]


RULES: tuple[Rule, ...] = (
    exact("block that does nothing", "f(x) -> x where f(x) = x", "call", _trivial_call,
          lambda x, y: _same(x), "fib"),
    exact("result that passes through", "f(x, y)[0] -> y where f(x, y) = (y, x)", "item",
          _trivial_item, lambda x, y: _swap(x, y)[0], "fib"),
)  # fmt: skip


# -- dead results and inputs ----------------

_Trimmed = tuple[Graph, tuple[int, ...], tuple[int, ...]]


class Trimmer:
    """Removes the results of blocks that nobody uses, and the inputs that then nobody needs.

    Args:
        report: told of every block that became smaller.
    """

    def __init__(self, report: Callable[[Node], None]) -> None:
        self._report = report
        self._loops: dict[Any, Any] = {}
        self._known: dict[tuple[Graph, tuple[int, ...], bool, tuple[bool, ...]], _Trimmed] = {}

    def trim(self, roots: Sequence[Node]) -> list[Node]:
        """Returns the roots without dead results; it enters a block by a call, 100 deep at most."""
        order = topological_order(roots)
        if not any(node.op in TRIMMED_OPS for node in order):
            return list(roots)
        plan = self._plan(order, roots)
        if not plan:
            return list(roots)

        def step(node: Node, args: tuple[Node, ...]) -> Node:
            if node in plan:
                return _smaller(node, args, plan[node])
            if node.op is item and node.args[0] in plan:
                position = plan[node.args[0]][1].get(node.params["index"])
                if position is None:  # nobody uses it
                    return node
                several = isinstance(args[0].type, TupleType)
                return make(item, args, {"index": position}) if several else args[0]
            if all(new is old for new, old in zip(args, node.args, strict=True)):
                return node
            return make(node.op, args, node.params)

        return rebuild(roots, {}, step)

    def _plan(self, order: Sequence[Node], roots: Sequence[Node]) -> dict[Node, _Smaller]:
        """Walks from the roots down, so that what only a dead result needed is dead as well."""
        live = set(roots)
        wanted: dict[Node, set[int]] = {}
        whole = {n for n in roots if isinstance(n.type, TupleType)}
        plan: dict[Node, _Smaller] = {}
        for node in reversed(order):
            if node not in live:
                continue
            if node.op is item:
                wanted.setdefault(node.args[0], set()).add(node.params["index"])
            if node.op not in TRIMMED_OPS:
                live.update(node.args)
                continue
            several = isinstance(node.type, TupleType) and node not in whole
            count = len(node.type.items) if isinstance(node.type, TupleType) else 1
            keep = tuple(sorted(wanted[node])) if several else tuple(range(count))
            if node.op is scan_op or node.op is switch_op:
                made = self._loop(node, keep, several)
                live.update(node.args[i] for i in made[2])
                if len(made[2]) < len(node.args) or len(made[1]) < count or made[3]:
                    plan[node] = (made[0], made[1], made[2])
                    self._report(node)
                continue
            graph, places, used = self._body(node, keep, several)
            live.update(node.args[i] for i in used)
            if graph is not node.params["graph"]:
                params: dict[str, Any] = {**node.params, "graph": graph}
                if "mapped" in params:
                    params["mapped"] = tuple(params["mapped"][i] for i in used)
                if "held" in params:
                    first = len(node.args) - params["held"]
                    params["held"] = len([i for i in used if i >= first])
                plan[node] = (params, dict(zip(keep, places, strict=True)), used)
                self._report(node)
        return plan

    def _loop(
        self, node: Node, keep: tuple[int, ...], several: bool
    ) -> tuple[Mapping[str, Any], Mapping[int, int], tuple[int, ...], bool]:
        key = (node.op.name, freeze(list(node.params.values())), keep, several)
        if key not in self._loops:
            smaller = smaller_scan if node.op is scan_op else smaller_switch
            self._loops[key] = smaller(node, keep if several else None, self.trim)
        return self._loops[key]

    def _body(self, node: Node, keep: tuple[int, ...], several: bool) -> _Trimmed:
        graph: Graph = node.params["graph"]
        mapped = node.params.get("mapped", ())
        key = (graph, keep, several, mapped)
        if key not in self._known:
            self._known[key] = self._make_body(graph, keep, several, mapped)
        return self._known[key]

    def _make_body(
        self, graph: Graph, keep: tuple[int, ...], several: bool, mapped: tuple[bool, ...]
    ) -> _Trimmed:
        outputs = self.trim([graph.outputs[i] for i in keep])
        # Two results may have become one; a block used as a whole keeps its results as they are.
        unique = list(dict.fromkeys(outputs)) if several else outputs
        position = {output: i for i, output in enumerate(unique)}
        places = tuple(position[o] for o in outputs) if several else tuple(range(len(outputs)))
        needed = {n for n in topological_order(unique) if n.op.name in LEAF_OPS}
        used = [i for i, formal in enumerate(graph.inputs) if formal in needed]
        if mapped and not any(mapped[i] for i in used):  # the size of the map must come from one
            used = sorted([*used, mapped.index(True)])
        if not used and graph.inputs:
            used = [0]
        told = {name for i in used for name in size_names(graph.inputs[i])}
        for i, formal in enumerate(graph.inputs):  # an input may be there to tell a named size
            if not size_names(formal) <= told:
                used = sorted([*used, i])
                told |= size_names(formal)
        same = len(unique) == len(graph.outputs) and all(
            new is old for new, old in zip(unique, graph.outputs, strict=True)
        )
        if not same or len(used) < len(graph.inputs):
            graph = Graph([graph.inputs[i] for i in used], unique, graph.name)
        return graph, places, tuple(used)


#: The parameters with a smaller body; where each kept result lies; the operands it still takes.
_Smaller = tuple[Mapping[str, Any], Mapping[int, int], tuple[int, ...]]


def _smaller(node: Node, args: Sequence[Node], plan: _Smaller) -> Node:
    params, _, used = plan
    return make(node.op, tuple(args[i] for i in used), params)
