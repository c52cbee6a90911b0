"""Maps whose bodies are large graphs of scalars, as blocks for the machine where that is cheaper.

Maps over the same entries are taken together where none needs another's results: a function and
its gradient, two maps, then share what they both compute, by the machine or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.core.graph import Graph
from graphc.core.node import Node, make, place_new_nodes
from graphc.core.op import Op
from graphc.core.type import Size
from graphc.core.walk import depends_on, rebuild, topological_order
from graphc.ops.control import map_op, results_of
from graphc.ops.flow.levelled import levelled
from graphc.ops.flow.placed import gather_placed
from graphc.optimize.family import Context
from graphc.optimize.price import number_of
from graphc.optimize.scalars.costs import FEWEST, load_of, weighed
from graphc.optimize.scalars.members import is_scalar


@dataclass(slots=True)
class _Group:
    """Maps that become one block.

    Attributes:
        size: how many entries.
        chunk: how many of them a map computes at once.
        given: the operand for each formal, and whether it is taken apart.
        maps: the maps, with the outputs of their bodies.
    """

    size: Size
    chunk: int
    given: dict[Node, tuple[Node, bool]]
    maps: list[tuple[Node, list[Node]]]

    def takes(self, given: Mapping[Node, tuple[Node, bool]]) -> bool:
        """Tells whether a map with these operands can be joined: no formal means two things."""
        names = {formal.params["name"]: formal for formal in self.given}
        for formal, (arg, moves) in given.items():
            if names.get(formal.params["name"], formal) is not formal:
                return False
            known = self.given.get(formal)
            if known is not None and (known[0] is not arg or known[1] is not moves):
                return False
        return True

    def outputs(self) -> list[Node]:
        """Returns the outputs of all bodies, each once."""
        return list(dict.fromkeys([o for _, outputs in self.maps for o in outputs]))


def with_maps(roots: Sequence[Node], context: Context, name: str) -> list[Node]:
    """Returns the roots with maps of large scalar bodies as blocks for the machine."""
    order = topological_order(roots)
    least = 1 if name in context.forced else FEWEST
    found = [n for n in order if n.op.name == "map" and n.params["graph"].steps >= least]
    if not found:
        return list(roots)
    replace: dict[Node, Node] = {}
    groups = _groups(found, depends_on(order, found))
    for group in groups:
        body = topological_order(group.outputs())
        load = load_of([n for n in body if n.op.group == "elementwise"])
        points = number_of(group.size, context.sizes)
        place = group.maps[0][0].place
        if weighed(context, name, load, points, (group.size,), place):
            replace.update(_joined(group, order, levelled, {}))
        elif len(group.maps) > 1:
            replace.update(_joined(group, order, map_op, {"chunk": group.chunk}))
    return rebuild(roots, replace) if replace else list(roots)


def _groups(maps: Sequence[Node], after: set[Node]) -> list[_Group]:
    """Returns the maps that the machine can run, in groups.

    Args:
        maps: all maps, operands before users.
        after: what depends on (or is) one of them.
    """
    groups: list[_Group] = []
    for node in maps:
        graph, mapped = node.params["graph"], node.params["mapped"]
        outputs = gather_placed(graph.outputs)
        if not is_scalar(topological_order(outputs), outputs) or any(a in after for a in node.args):
            continue
        size = next(a.shape[0] for a, moves in zip(node.args, mapped, strict=True) if moves)
        given = dict(zip(graph.inputs, zip(node.args, mapped, strict=True), strict=True))
        for group in groups:
            alike = (group.size, group.chunk) == (size, node.params["chunk"])
            if alike and group.takes(given):
                group.given.update(given)
                group.maps.append((node, outputs))
                break
        else:
            groups.append(_Group(size, node.params["chunk"], given, [(node, outputs)]))
    return groups


def _joined(
    group: _Group, order: Sequence[Node], op: Op, params: Mapping[str, Any]
) -> dict[Node, Node]:
    """Returns the results of one operation for the results of all maps of a group."""
    first = group.maps[0][0]
    before = place_new_nodes(first.place)
    try:
        outputs = group.outputs()
        graph = Graph(list(group.given), outputs, first.params["graph"].name)
        args = tuple([arg for arg, _ in group.given.values()])
        mapped = tuple([moves for _, moves in group.given.values()])
        made = results_of(make(op, args, {"graph": graph, "mapped": mapped, **params}))
    finally:
        place_new_nodes(before)
    result = dict(zip(outputs, made, strict=True))
    replace: dict[Node, Node] = {}
    whole = {node: [result[o] for o in outs] for node, outs in group.maps}
    for node, results in whole.items():
        if len(results) == 1:
            replace[node] = results[0]
    for node in order:
        if node.op.name == "item" and node.args[0] in whole:
            replace[node] = whole[node.args[0]][node.params["index"]]
    return replace
