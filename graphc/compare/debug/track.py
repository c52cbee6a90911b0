"""Follows bad elements through a run: where they are born, what they pass, where they end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.compare.debug.run import Frame, Lanes, Watcher
from graphc.core.node import Node
from graphc.core.type import TensorType, TupleType
from graphc.ops.flow.inner import is_running

#: Of a long way, this many values from either end are kept.
ENDS = 4


@dataclass(slots=True, eq=False)
class Event:
    """A bad element that no bad operand explains.

    Attributes:
        frame, node: where.
        element: the first such element; `count` how many, `size` of how many.
        details: what the pass noted about it.
        trail: the nodes it passed, first and last ones; `steps` how many.
        absorbed: where it ended, if it left its block or graph nowhere; None if it got out.
        ended: it reaches none of the results of where it was born.
        type: of the value; where a node has several, of the one that holds the element.
    """

    frame: Frame
    node: Node
    element: tuple[int, ...]
    count: int
    size: int
    details: Any
    type: TensorType
    trail: list[Node] = field(default_factory=list)
    steps: int = 0
    absorbed: Node | None = None
    ended: bool = False


@dataclass(slots=True, eq=False)
class _Entry:
    passing: list[int]
    event: Event | None
    inner: list[tuple[Event, int]]
    through: dict[int, int] | None


@dataclass(slots=True, eq=False)
class State:
    """The bad values of one run of the graph or of a block, in evaluation order."""

    frame: Frame
    entries: dict[Node, _Entry] = field(default_factory=dict)
    absorbed: dict[Node, Node] = field(default_factory=dict)
    returned: list[tuple[list[tuple[Event, int]], dict[int, int]]] = field(default_factory=list)


#: `bad(node, lanes)`: boolean array of the bad elements, None where there is none.
Bad = Callable[[Node, Lanes], Any]
#: `born(frame, node, args, value, mask, broken)`: what to note about an element that is bad where
#: its operands are not, and which elements those are; None for no event.
Born = Callable[[Frame, Node, Sequence[Lanes], Lanes, Any, Any], "tuple[Any, Any] | None"]


class Tracker(Watcher):
    """Follows what `bad` finds.

    Args:
        bad: which elements of a value are bad.
        born: notes an event.
    """

    def __init__(self, bad: Bad, born: Born) -> None:
        self.bad, self.born = bad, born
        self.events: list[Event] = []
        self.top = State(Frame())
        #: Which of a node's several results is looked at, for `born`; None where it has one.
        self.item: int | None = None
        self._states: list[State] = []

    def enter(self, frame: Frame) -> None:
        self._states.append(State(frame))

    def see(self, frame: Frame, node: Node, args: Sequence[Lanes], value: Lanes) -> None:
        state = self._states[-1]
        returned, state.returned = state.returned, []
        entries = state.entries
        tainted = [i for i, a in enumerate(node.args) if a in entries] if entries else []
        mask = self._mask(node, value)
        if mask is None:
            for index in tainted:
                state.absorbed.setdefault(node.args[index], node)
            return
        if is_running(node):
            entries[node] = self._block_entry(node.params.get("carries", 0), tainted, returned)
            return
        passing, broken = self._edges(node, args, mask, tainted)
        event = None
        if self.item is not None:
            value = tuple([lane[self.item] for lane in value])
        inherited = node.op.name == "item" or (frame.user is not None and node.op.name == "formal")
        if not inherited:
            event = self._event(frame, node, args, value, mask, broken)
        entries[node] = _Entry(passing, event, [], None)

    def leave(self, frame: Frame, roots: Sequence[Node]) -> None:
        state = self._states.pop()
        if frame.user is None:
            self.top = state
            return
        pending, reach = self.resolve(state, roots)
        assert frame.graph is not None
        if frame.graph is frame.user.params.get("test"):  # what it decides is no result
            self._states[-1].returned.append(([(event, 0) for event, _ in pending], {}))
            return
        first = 1 if frame.user.op.name == "switch" else 0
        through = {i + first: reach[n] for i, n in enumerate(frame.graph.inputs) if reach.get(n)}
        self._states[-1].returned.append((pending, through))

    def resolve(
        self, state: State, targets: Sequence[Node], close: bool = True
    ) -> tuple[list[tuple[Event, int]], dict[Node, int]]:
        """Returns which events reach which targets (bit i for target i), and so every bad node.

        `close` notes in the events how they go on or end; once for each state.
        """
        reach: dict[Node, int] = {}
        slots: dict[Node, dict[int, int]] = {}
        via: dict[Node, Node] = {}
        for position, target in enumerate(targets):
            if target in state.entries:
                reach[target] = reach.get(target, 0) | 1 << position
        for node in reversed(state.entries):
            bits = reach.get(node, 0)
            entry = state.entries[node]
            for index in entry.passing if bits else ():
                operand = node.args[index]
                got = bits
                if entry.through is not None:
                    got = _spread(entry.through.get(index, 0), node, bits, slots)
                if not got:
                    continue
                reach[operand] = reach.get(operand, 0) | got
                via.setdefault(operand, node)
                if node.op.name == "item":
                    slot = slots.setdefault(operand, {})
                    slot[node.params["index"]] = slot.get(node.params["index"], 0) | bits
        found: list[tuple[Event, int]] = []
        for node, entry in state.entries.items():
            bits = reach.get(node, 0)
            if entry.event is not None:
                found.append((entry.event, bits))
            found += [(e, _spread(inner, node, bits, slots)) for e, inner in entry.inner]
        if close:
            _close(state, found, via)
        return [(e, bits) for e, bits in found if bits], reach

    def _mask(self, node: Node, value: Lanes) -> Any:
        """Returns the bad elements; of several results those of the first that has any."""
        self.item = None
        if not isinstance(node.type, TupleType):
            return self.bad(node, value)
        for k, lane in enumerate(zip(*value, strict=True)):
            mask = _bad_item(self.bad, node, k, tuple(lane))
            if mask is not None:
                self.item = k
                return mask
        return None

    def _block_entry(self, carries: int, tainted: list[int], returned: Any) -> _Entry:
        inner: list[tuple[Event, int]] = []
        through: dict[int, int] = {}
        for pending, passed in returned:
            inner += pending
            for index, bits in passed.items():
                through[index] = through.get(index, 0) | bits
        if carries:  # what reaches a carry reaches, in later steps, what that carry reaches
            later = {i: through[i] for i in range(carries) if i in through}
            through = {i: _carried_on(bits, later) for i, bits in through.items()}
            inner = [(event, _carried_on(bits, later)) for event, bits in inner]
        return _Entry([i for i in tainted if through.get(i)], None, inner, through)

    def _edges(
        self, node: Node, args: Sequence[Lanes], mask: Any, tainted: list[int]
    ) -> tuple[list[int], Any]:
        """Returns through which operands badness came, and at which elements one of them is bad."""
        if node.op.group != "elementwise":
            return tainted, bool(tainted)
        broken = np.zeros(mask.shape, bool)
        passing: list[int] = []
        for index in tainted:
            bad = self.bad(node.args[index], args[index])
            if bad is None:
                continue
            here = bad if bad.shape == mask.shape else np.broadcast_to(bad, mask.shape)
            if node.op.name == "where" and index:
                chosen = np.asarray(args[0][0]).astype(bool)
                here = here & (chosen if index == 1 else ~chosen)
            broken = broken | here
            if (here & mask).any():
                passing.append(index)
        return passing, broken

    def _event(
        self, frame: Frame, node: Node, args: Sequence[Lanes], value: Lanes, mask: Any, broken: Any
    ) -> Event | None:
        noted = self.born(frame, node, args, value, mask, broken)
        if noted is None:
            return None
        details, where = noted
        element = tuple(int(i) for i in np.unravel_index(int(np.argmax(where)), where.shape))
        type_ = node.type if self.item is None else node.type.items[self.item]
        event = Event(frame, node, element, int(np.sum(where)), int(where.size), details, type_)
        self.events.append(event)
        return event


def _carried_on(bits: int, later: dict[int, int]) -> int:
    """Returns the results that are reached when those in `bits` are, over any number of steps."""
    while True:
        more = bits
        for index, reached in later.items():
            if bits >> index & 1:
                more |= reached
        if more == bits:
            return bits
        bits = more


def _bad_item(bad: Bad, node: Node, index: int, lanes: Lanes) -> Any:
    item = node.type.items[index]
    return bad(_Typed(item), lanes)  # pyright: ignore[reportArgumentType]  (it reads the type)


@dataclass(frozen=True, slots=True)
class _Typed:
    """One of several results, which has a type and no node of its own."""

    type: Any


def _spread(inner: int, node: Node, bits: int, slots: dict[Node, dict[int, int]]) -> int:
    """Turns bits over a block's results into bits over the targets outside."""
    if not isinstance(node.type, TupleType):
        return bits if inner else 0
    got = 0
    for index, outside in slots.get(node, {}).items():
        if inner >> index & 1:
            got |= outside
    return got


def _extend(event: Event, start: Node, via: dict[Node, Node]) -> None:
    way = [start]
    while way[-1] in via:
        way.append(via[way[-1]])
    event.steps += len(way) - (start is event.node)
    event.trail += way if len(way) <= 2 * ENDS else [*way[:ENDS], *way[-ENDS:]]


def _close(state: State, found: Sequence[tuple[Event, int]], via: dict[Node, Node]) -> None:
    """Notes the way of the first event that goes on, and the end of those that do not."""
    depth = len(state.frame.key)
    ends: dict[Node, Node] | None = None
    first = True
    for event, bits in found:
        steps = event.frame.key
        here = event.node if len(steps) == depth else steps[depth][0]
        if bits and first:
            first = False
            _extend(event, here, via)
        elif not bits and not event.ended:
            ends = _ends(state) if ends is None else ends
            event.ended = True
            event.absorbed = ends.get(here)


def _ends(state: State) -> dict[Node, Node]:
    """Returns, for each bad node, the operation that first made a finite value of it."""
    ends: dict[Node, Node] = {}
    for node in reversed(state.entries):
        end = state.absorbed.get(node, ends.get(node))
        if end is None:
            continue
        ends[node] = end
        for index in state.entries[node].passing:
            ends.setdefault(node.args[index], end)
    return ends
