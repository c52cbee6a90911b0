"""The first adjoint that is not finite: which edge made it, by which rule, from what numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.compare.debug.checks import first_index, show_at, show_index, show_number
from graphc.compare.debug.record import AdjointFault
from graphc.compare.debug.run import Frame, Lanes, Watcher
from graphc.compare.debug.slopes import Slopes
from graphc.compare.debug.track import Event, Tracker
from graphc.core.errors import show_place
from graphc.core.graph import Graph
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.system import GRAPHC
from graphc.core.type import TupleType
from graphc.ops.control import seeds_of, vjp_graph
from graphc.ops.sweep import op_rule, reverse_sweep


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """What `user` adds to the adjoint of its operand at `index`, as graph."""

    user: Node
    index: int
    value: Node


@dataclass(frozen=True, slots=True, eq=False)
class Backward:
    """A reverse pass with its record.

    Attributes:
        adjoints: of every value on the way, from the output down.
        edges: for each value the edges that add to its adjoint.
        blocks: for each call or map passed, which operands were wanted and which results seeded.
    """

    adjoints: dict[Node, Node]
    edges: dict[Node, list[Edge]]
    blocks: dict[Node, tuple[tuple[int, ...], tuple[int, ...]]]


def go_back(seeds: Mapping[Node, Node], wrt: Sequence[Node]) -> Backward:
    """Runs the reverse pass and keeps its record."""
    edges: dict[Node, list[Edge]] = {}
    blocks: dict[Node, tuple[tuple[int, ...], tuple[int, ...]]] = {}

    def watch(user: Node, index: int, value: Node) -> None:
        edges.setdefault(user.args[index], []).append(Edge(user, index, value))

    def rule(adjoint: Any, node: Node, wanted: Sequence[int]) -> Sequence[Node | None]:
        if node.op.name in ("call", "map"):
            blocks[node] = (tuple(wanted), seeds_of(adjoint)[0])
        return op_rule(adjoint, node, wanted)

    adjoints = reverse_sweep(seeds, wrt, rule, watch, keep=True)
    return Backward(adjoints, edges, blocks)


class Capture(Watcher):
    """Keeps values of one run of the graph or of a block.

    Args:
        key: which run, see `Frame.ids`.
        nodes: whose values; None for all.
    """

    def __init__(self, key: Any, nodes: set[Node] | None) -> None:
        self.key, self.nodes = key, nodes
        self.values: dict[Node, Lanes] = {}
        self._on: list[bool] = []

    def enter(self, frame: Frame) -> None:
        self._on.append(frame.ids == self.key)

    def see(self, frame: Frame, node: Node, args: Sequence[Lanes], value: Lanes) -> None:
        if self._on[-1] and (self.nodes is None or node in self.nodes):
            self.values[node] = value

    def leave(self, frame: Frame, roots: Sequence[Node]) -> None:
        self._on.pop()


class FirstFault:
    """Finds the first bad adjoint after one watched run, and what to look at in a second.

    Args:
        backward: the reverse pass of the graph.
        tracker: followed NaN and infinity through the run.
        forward: the nodes of the graph itself.
        gradients: the adjoints asked for; one that spoils them comes before one that does not.
    """

    def __init__(
        self,
        backward: Backward,
        tracker: Tracker,
        forward: set[Node],
        gradients: Sequence[Node],
    ) -> None:
        self.backward = backward
        bad = tracker.top.entries
        _, reach = tracker.resolve(tracker.top, gradients, close=False)
        found = [(n, a) for n, a in backward.adjoints.items() if a in bad]
        spoiling = [n for n, a in found if reach.get(a)]
        self.node = next(iter([*spoiling, *(n for n, _ in found)]), None)
        self.event: Event | None = None
        self.edge: Edge | None = None
        self.capture: list[Capture] = []
        if self.node is None:
            return
        adjoint = backward.adjoints[self.node]
        edges = backward.edges.get(self.node, [])
        self.edge = next((e for e in edges if e.value in bad), None)
        start = adjoint if self.edge is None else self.edge.value
        events, _ = tracker.resolve(tracker.top, [start], close=False)
        chosen = [e for e, _ in events if _outermost(e) not in forward] or [e for e, _ in events]
        self.event = chosen[0] if chosen else None
        self.own = bool(chosen) and _outermost(chosen[0]) not in forward
        wanted = {adjoint, start}
        if self.edge is not None:
            wanted |= {*self.edge.user.args, *self._incoming(backward, self.edge)}
        self.capture.append(Capture((), wanted))
        if self.event is not None and self.own and self.event.frame.user is not None:
            self.capture.append(Capture(self.event.frame.ids, None))

    def _incoming(self, backward: Backward, edge: Edge) -> list[Node]:
        found = backward.adjoints.get(edge.user)
        return [] if found is None else [found]

    def fault(self, reaches: Sequence[str]) -> AdjointFault | None:
        """Returns the record, after the second run has filled `capture`."""
        if self.node is None:
            return None
        node, edge, backward = self.node, self.edge, self.backward
        values = self.capture[0].values
        lanes = values[backward.adjoints[node]]
        wrong = ~np.isfinite(lanes[0])
        exact = _exact_at(lanes, first_index(wrong))
        count, size = int(wrong.sum()), int(wrong.size)
        block = ""
        if len(self.capture) > 1:
            assert self.event is not None
            inner = _descend(backward, self.event.frame)
            found = None if inner is None else _first_bad(inner, self.capture[1].values)
            if inner is not None and found is not None:
                backward, (node, edge) = inner, found
                values, block = self.capture[1].values, self.event.frame.words()
        told = _tell(backward, node, edge, values)
        words = f"{told.words}{_many(count, size)}"
        if not self.own:
            words += "; it follows from the value that is not finite already"
        if exact is not None and np.isfinite(exact):
            words += f"; at 50 digits it is {exact:.6g}"
        if reaches:
            words += f"; it reaches the gradient by {', '.join(reaches)}"
        else:
            words += "; harmless: it reaches no gradient that was asked for"
        user = None if edge is None else edge.user
        return AdjointFault(
            node=describe(node, 4),
            place=show_place(node.place),
            block=block,
            user="" if user is None else describe(user, 4),
            rule="" if user is None else user.op.name,
            rule_place="" if user is None else show_place(user.place),
            element=told.element,
            operands=told.operands,
            slope=told.slope,
            incoming=told.incoming,
            result=told.result,
            count=count,
            size=size,
            reaches=tuple(reaches),
            exact=exact,
            words=words + (f" ({block})" if block else ""),
        )


@dataclass(frozen=True, slots=True)
class _Told:
    element: tuple[int, ...]
    operands: tuple[tuple[str, float], ...]
    slope: float | None
    incoming: float
    result: float
    words: str


def _tell(backward: Backward, node: Node, edge: Edge | None, values: Mapping[Node, Lanes]) -> _Told:
    head = f"the adjoint of {_at_place(node)}"
    if edge is None:
        adjoint = values[backward.adjoints[node]][0]
        result = float(adjoint[first_index(~np.isfinite(adjoint))])
        count = len(backward.edges.get(node, []))
        words = f"{head} is {show_number(result)}: the sum of its {count} contributions overflows"
        if not count:
            words = f"{head} is {show_number(result)}: it was given so"
        return _Told((), (), None, result, result, words)
    made = f"by the rule of {edge.user.op.name} in {_at_place(edge.user)}"
    seed = backward.adjoints.get(edge.user)
    incoming = values.get(seed) if seed is not None else None
    contribution = values[edge.value][0]
    numbers = _elementwise(edge, incoming, contribution, values)
    if numbers is not None:
        element, operands, slope, came, result = numbers
        shown = ", ".join(
            f"{_name(a, element)} = {show_number(v)}"
            for a, (_, v) in zip(edge.user.args, operands, strict=True)
            if a.op.name not in ("constant", "number")
        )
        words = (
            f"{head} is {show_number(result)} {made}: slope {show_number(slope)} times incoming "
            f"adjoint {show_number(came)}"
            + (f" at element {show_index(element)}" if element else "")
            + (f", where {shown}" if shown else "")
        )
        return _Told(element, operands, slope, came, result, words)
    result = float(contribution[first_index(~np.isfinite(contribution))])
    operands = tuple(
        (describe(a, 3), _largest(values[a][0]))
        for a in edge.user.args
        if a in values and not isinstance(a.type, TupleType) and a.dtype.is_float
    )
    came = np.nan if incoming is None else _largest(incoming[0])
    shown = ", ".join(f"{name} up to {show_number(v)}" for name, v in operands)
    words = (
        f"{head} is {show_number(result)} {made}"
        + ("" if incoming is None else f": incoming adjoint up to {show_number(came)}")
        + (f", {shown}" if shown else "")
    )
    return _Told((), operands, None, float(came), result, words)


def _elementwise(
    edge: Edge, incoming: Lanes | None, contribution: Any, values: Mapping[Node, Lanes]
) -> tuple[tuple[int, ...], tuple[tuple[str, float], ...], float, float, float] | None:
    """Returns element, operands, slope, incoming and their product, where all of them exist."""
    user = edge.user
    if user.op.group != "elementwise" or incoming is None:
        return None
    if any(a not in values for a in user.args):
        return None
    parts = np.broadcast_arrays(*[values[a][0] for a in user.args])
    slope = Slopes().at(user, edge.index, parts)
    if slope is None:
        return None
    came = np.broadcast_to(incoming[0], slope.shape)
    if np.asarray(slope).dtype.kind == "b":
        slope = slope.astype(came.dtype)
    with np.errstate(all="ignore"):
        product = (came * slope).astype(user.dtype.numpy)
    wrong = ~np.isfinite(product)
    if contribution.shape == product.shape:  # what a mask kept out is not what went wrong
        wrong = wrong & ~np.isfinite(contribution)
    if not wrong.any():
        return None
    at = first_index(wrong)
    operands = tuple((describe(a, 3), float(p[at])) for a, p in zip(user.args, parts, strict=True))
    return at, operands, float(slope[at]), float(came[at]), float(product[at])


def _first_bad(backward: Backward, values: Mapping[Node, Lanes]) -> tuple[Node, Edge | None] | None:
    """Returns the first bad adjoint within a block, and the edge that made it."""
    for node, adjoint in backward.adjoints.items():
        if adjoint in values and not np.isfinite(values[adjoint][0]).all():
            for edge in backward.edges.get(node, []):
                if edge.value in values and not np.isfinite(values[edge.value][0]).all():
                    return node, edge
            return node, None
    return None


def _descend(backward: Backward, frame: Frame) -> Backward | None:
    """Returns the reverse pass within a block's run; None where the run is no reverse pass."""
    for user, _ in frame.key:
        found = None
        for primal, (wanted, seeded) in backward.blocks.items():
            count = len(primal.args)
            same = all(a is b for a, b in zip(user.args[:count], primal.args, strict=True))
            graph: Graph = primal.params["graph"]
            if same and vjp_graph(graph, wanted, seeded, GRAPHC) is user.params["graph"]:
                found = _inner(graph, user.params["graph"], wanted, seeded)
        if found is None:
            return None
        backward = found
    return backward


def _inner(graph: Graph, body: Graph, wanted: Sequence[int], seeded: Sequence[int]) -> Backward:
    """Repeats the reverse pass of a block; nodes are interned, so these are the body's own."""
    seeds: dict[Node, Node] = {}
    for position, seed in zip(seeded, body.inputs[len(graph.inputs) :], strict=True):
        output = graph.outputs[position]
        seeds[output] = seed if output not in seeds else seeds[output] + seed
    return go_back(seeds, [graph.inputs[i] for i in wanted])


def _outermost(event: Event) -> Node:
    key = event.frame.key
    return key[0][0] if key else event.node


def _exact_at(lanes: Lanes, at: tuple[int, ...]) -> float | None:
    if len(lanes) < 2 or lanes[1].dtype != object:
        return None
    return float(lanes[1][at])


def _at_place(node: Node) -> str:
    place = show_place(node.place)
    return describe(node, 3) + (f" at {place}" if place else "")


def _name(node: Node, element: Sequence[int]) -> str:
    lead = len(element) - node.ndim
    own = [
        0 if isinstance(size, int) and size == 1 else element[lead + axis]
        for axis, size in enumerate(node.shape)
    ]
    return show_at(node, own)


def _largest(value: Any) -> float:
    with np.errstate(all="ignore"):
        return float(np.max(np.abs(value))) if value.size else 0.0


def _many(count: int, size: int) -> str:
    return "" if count == 1 else f" ({count} of its {size} elements)"
