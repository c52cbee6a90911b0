"""A run of equal blocks, made a `scan` or a `map` over stacked operands where that is cheaper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from graphc.core.const import Const
from graphc.core.graph import Graph
from graphc.core.node import Node, apply_named, make, place_new_nodes
from graphc.core.op import op_named
from graphc.core.type import TensorType, TupleType
from graphc.ops.control import map_graph, results_of
from graphc.ops.logic import zeros_like
from graphc.optimize.equal_blocks.in_order import Ordering
from graphc.optimize.equal_blocks.placed import joined_stack
from graphc.optimize.equal_blocks.rows import Entries, affine, entry_type, row, rows
from graphc.optimize.equal_blocks.runs import MAX_BACK, Run, read_outside
from graphc.optimize.family import Context
from graphc.optimize.price import number_of

#: XLA compiles a node in about 2 ms, a loop over matrices in 0.4 s more, one whose body is
#: elementwise in 0.05 s, the small programs that stack arguments in 0.2 s, and a row that is taken
#: out of an array by itself, a kernel of its own, in 20 ms; a program counts as run 100 times.
COMPILE_NODE, COMPILE_ROW, COMPILE_LOOP, COMPILE_LIGHT, COMPILE_STACK = 2e-3, 2e-2, 0.4, 0.05, 0.2
RUNS = 100
#: XLA's time for a node of a long elementwise graph doubles at so many of them; and a loop moves so
#: many times the bytes that the elements of one pass over all of it would.
COMPILE_MANY, MOVED_MORE = 1_000, 4
#: Seconds to stack one argument outside of the program, and to take one row out of a result.
_STACKED, _TAKEN_APART = 2e-6, 2.5e-5
#: A batched call holds what is between its operations for all entries at once: up to this, bytes.
_BATCHED = 2**28


@dataclass(slots=True)
class _Parts:
    """A body in the making: its inputs by role, with the values from outside."""

    carries: list[tuple[Node, Node]] = field(default_factory=list[tuple[Node, Node]])
    after: list[Node] = field(default_factory=list[Node])
    entries: list[tuple[Node, Node]] = field(default_factory=list[tuple[Node, Node]])
    fixed: list[tuple[Node, Node]] = field(default_factory=list[tuple[Node, Node]])


#: Carries by node of a block and the serial numbers of what they begin with.
_Carried = dict[tuple[int, ...], Node]


class Maker:
    """Makes a graph anew with runs as loops; nodes are asked for in topological order.

    Attributes:
        made: what stands for a node of the graph as it was.
    """

    def __init__(
        self,
        name: str,
        ordering: Ordering,
        roots: Sequence[Node],
        context: Context,
        runs: Sequence[Run],
    ) -> None:
        self.made: dict[Node, Node] = {}
        self._name, self._ordering, self._context = name, ordering, context
        #: Rows that stand for nodes of rolled runs, and for leaves that are stacked.
        self._rolled: dict[Node, tuple[Node, int]] = {}
        self._stacked: dict[Node, tuple[Node, int]] = {}
        self._roots = set(roots)
        self._outside = read_outside(ordering, roots, runs) if runs else set[Node]()

    def get(self, node: Node) -> Node:
        """Returns what stands for a node all of whose operands have been asked for."""
        known = self.made.get(node)
        if known is not None:
            return known
        place = self._rolled.get(node)
        if place is not None:
            place_new_nodes(node.place)
            found = row(*place)
        elif node in self._ordering.rows:
            stack, index = self._ordering.rows[node]
            found = row(self.get(stack), index)
        elif node.args:  # what only rows are taken of
            found = make(node.op, tuple([self.get(a) for a in node.args]), node.params)
        else:
            found = node
        self.made[node] = found
        return found

    def fitted(self, run: Run) -> Run | None:
        """Returns the run without blocks at its ends whose operands are no rows of anything.

        Where a loop before took one block less, what is left over reads a value by itself.
        """
        good = np.ones(run.count, bool)
        for j, slots in enumerate(run.slots):
            for position, slot in enumerate(slots):
                if slot.kind == "strided":
                    values = self._operands(run, j, position)
                    there = [v in self._rolled for v in values]
                    if any(there):
                        good &= np.array(there)
        if good.all():
            return run
        edges = np.flatnonzero(np.diff(np.concatenate(([False], good, [False]))))
        if not len(edges):
            return None
        at = int(np.argmax(edges[1::2] - edges[::2]))
        first, stop = int(edges[2 * at]), int(edges[2 * at + 1])
        count = stop - first
        if count < 3:
            return None
        cut = Run(run.start + first * run.period, run.period, count, run.slots)
        nodes = self._ordering.nodes  # the blocks behind it read what its last ones made
        self._outside.update(nodes[max(cut.start, cut.stop - MAX_BACK * run.period) : cut.stop])
        return cut

    def rolled(self, run: Run) -> bool:
        """Makes a run one operation where that is cheaper; tells whether it did."""
        place_new_nodes(self._ordering.nodes[run.start].place)
        entries = self._entries(run)
        if entries is None or not self._weigh(run, list(entries.values())):
            return False
        self._build(run, entries)
        return True

    def joined(self, node: Node) -> Node | None:
        """Returns a stack of values that are mostly rows already; None where they are not."""
        places = [self._rolled.get(a) for a in node.args]
        if node.params["axis"] != 0 or not any(places):
            return None
        values = [a if p else self.get(a) for a, p in zip(node.args, places, strict=True)]
        return joined_stack(values, places)

    # -- what differs from block to block ----------------

    def _operands(self, run: Run, j: int, position: int) -> list[Node]:
        nodes = self._ordering.nodes
        first, stop = run.start + j, run.stop
        return [nodes[i].args[position] for i in range(first, stop, run.period)]

    def _entries(self, run: Run) -> dict[tuple[int, int], Entries] | None:
        """Returns the operands that differ, by node and position; None where they are no rows."""
        found: dict[tuple[int, int], Entries] = {}
        for j, slots in enumerate(run.slots):
            for position, slot in enumerate(slots):
                if slot.kind == "strided":
                    made = self._entry(self._operands(run, j, position))
                    if made is None:
                        return None
                    found[j, position] = made
        return found

    def _entry(self, values: list[Node]) -> Entries | None:
        first = values[0]
        if isinstance(first.type, TupleType):
            return None
        if first.op.name == "constant":
            return Entries(values)
        for places in (self._rolled, self._stacked, self._ordering.rows):
            if first not in places:
                continue
            found = [places.get(v) for v in values]
            stack = places[first][0]
            if any(p is None or p[0] is not stack for p in found):
                continue
            even = affine([p[1] for p in found if p is not None])
            if even is None:
                return None
            whole = stack if places is not self._ordering.rows else self.get(stack)
            return Entries(values, whole, *even)
        if not first.args:
            fresh = len(set(values)) == len(values)
            return Entries(values) if fresh else None
        return Entries(values, loose=len(values))

    # -- whether it pays ----------------

    def _weigh(self, run: Run, entries: Sequence[Entries]) -> bool:
        context, machine = self._context, self._context.machine
        rolls = run.moves or any(v in self._rolled for e in entries for v in e.values[:1])
        name = "roll" if rolls else "batch"
        if name != self._name:
            return False
        loose = sum(e.loose for e in entries)
        if loose and not run.moves and context.forced != frozenset({name}):
            return False
        n, p = run.count, run.period
        node = COMPILE_NODE / RUNS
        before = n * p * (node + machine.launch)
        block = self._ordering.nodes[run.start : run.start + p]
        light = run.moves and all(b.op.group == "elementwise" for b in block)
        if light and "scalars" in context.notes and context.forced != frozenset({name}):
            return False  # the machine, or XLA, is quicker at scalars one by one
        copied = {(id(e.stack), id(e.values[0]), e.step): self._copied(e) for e in entries}
        traffic = sum(copied.values())
        # Without a loop, each row read or written by itself is one operation more.
        taken = sum(1 for e in entries if e.stack is not None)
        before += n * taken * (COMPILE_ROW / RUNS + machine.launch)
        after = p * node + loose * node + traffic / machine.moved
        if run.moves:
            after += (COMPILE_LIGHT if light else COMPILE_LOOP) / RUNS
            after += n * (p + 1) * machine.launch
        else:
            after += p * (machine.launch + 5 * node)
        fresh = {id(e.values[0]) for e in entries if e.stack is None and e.kind != "constant"}
        after += len(fresh) * (COMPILE_STACK / RUNS + n * _STACKED)
        asked = sum(1 for i in range(run.start, run.stop) if self._ordering.nodes[i] in self._roots)
        after += asked * _TAKEN_APART
        if light:  # unrolled, XLA computes all of it in one go over the elements
            moved = n * sum(map(self._bytes, block)) / machine.moved
            before += n * p * node * n * p / COMPILE_MANY - n * p * machine.launch + moved
            after += MOVED_MORE * moved
        words = f"{n} equal blocks of {_names(block)}"
        made = "one loop" if run.moves else "one batched call"
        stacks = sum(1 for e in entries if e.stack is None)
        if stacks:
            made += f" over {stacks} packed stack{'s' if stacks > 1 else ''}"
        why = "" if after < before else "stacking and starting it costs more than it saves"
        return context.weigh(name, words, made, before, after, block[0].place, why)

    def _copied(self, entries: Entries) -> float:
        """Returns the bytes that are moved to have the entries side by side."""
        if entries.kind == "constant":
            return 0.0
        whole = entries.stack is not None and entries.stack.shape[0] == len(entries.values)
        return 0.0 if whole else 2.0 * len(entries.values) * self._bytes(entries.values[0])

    def _bytes(self, node: Node) -> float:
        if not isinstance(node.type, TensorType):
            return 0.0
        return number_of(node.size, self._context.sizes) * max(node.type.dtype.bits, 8) / 8

    # -- the loop itself ----------------

    def _build(self, run: Run, entries: dict[tuple[int, int], Entries]) -> None:
        nodes, p, n = self._ordering.nodes, run.period, run.count
        reverse = self._is_reverse(list(entries.values()))
        parts, known = _Parts(), dict[object, Node]()
        body: list[Node] = []
        pending: list[tuple[int, int]] = []
        carries = self._carry(run, parts, pending)
        for j, slots in enumerate(run.slots):
            node = nodes[run.start + p + j]
            args: list[Node] = []
            for position, slot in enumerate(slots):
                if slot.kind == "inside":
                    args.append(body[slot.node])
                elif slot.kind == "strided":
                    args.append(self._entered(entries[j, position], reverse, parts, known))
                elif slot.kind == "fixed":
                    args.append(self._fixed(node.args[position], parts, known))
                else:
                    first = self._operands(run, j, position)[: slot.back]
                    args.append(carries[slot.node, *[v.uid for v in first]])
            place_new_nodes(node.place)
            body.append(make(node.op, tuple(args), node.params))
        place_new_nodes(nodes[run.start].place)
        stacked, last = self._wanted(run)
        spots: dict[int, int] = {}
        for carry, (j, shift) in enumerate(pending):
            parts.after.append(body[j] if not shift else parts.carries[carry - 1][0])
            if not shift:
                spots.setdefault(j, carry)
        for j in last:
            if j not in spots:
                spots[j] = len(parts.carries)
                shape = self._formal("last", body[j].type, len(parts.carries))
                parts.carries.append((shape, zeros_like(body[j])))
                parts.after.append(body[j])
        results = self._run(run, parts, [body[j] for j in stacked], reverse)
        for j in last:
            self.made[nodes[run.stop - p + j]] = results[spots[j]]
        for spot, j in enumerate(stacked, len(parts.carries)):
            for k in range(n):
                place = n - 1 - k if reverse else k
                self._rolled[nodes[run.start + k * p + j]] = (results[spot], place)

    def _run(self, run: Run, parts: _Parts, ys: list[Node], reverse: bool) -> list[Node]:
        inputs = [*parts.carries, *parts.entries, *parts.fixed]
        formals = [formal for formal, _ in inputs]
        operands = tuple([value for _, value in inputs])
        if run.moves or parts.carries or self._is_large(run):
            graph = Graph(formals, [*parts.after, *ys], "layer")
            params = {
                "graph": graph,
                "carries": len(parts.carries),
                "scanned": len(parts.entries),
                "length": run.count,
                "reverse": reverse,
            }
            return results_of(make(op_named("scan"), operands, params))
        mapped = [True] * len(parts.entries) + [False] * len(parts.fixed)
        return map_graph(Graph(formals, ys, "block"), operands, mapped)

    def _is_large(self, run: Run) -> bool:
        block = self._ordering.nodes[run.start : run.start + run.period - 1]
        return run.count * sum(self._bytes(node) for node in block) > _BATCHED

    def _is_reverse(self, entries: Sequence[Entries]) -> bool:
        """Tells whether a loop from the last entry to the first copies less."""
        down = sum(self._bytes(e.values[0]) for e in entries if e.stack is not None and e.step < 0)
        up = sum(self._bytes(e.values[0]) for e in entries if e.stack is not None and e.step > 0)
        return down > up

    def _wanted(self, run: Run) -> tuple[list[int], list[int]]:
        """Returns which nodes of a block are read outside in several blocks, in the last alone."""
        nodes, p, n = self._ordering.nodes, run.period, run.count
        stacked: list[int] = []
        last: list[int] = []
        for j in range(p):
            read = [k for k in range(n) if nodes[run.start + k * p + j] in self._outside]
            if read == [n - 1] and run.moves:
                last.append(j)
            elif read:
                stacked.append(j)
        return stacked, last

    def _formal(self, role: str, kind: TensorType, index: int) -> Node:
        return apply_named("formal", name=f"{role}{index}", type=kind, level=0)

    def _entered(
        self, entries: Entries, reverse: bool, parts: _Parts, known: dict[object, Node]
    ) -> Node:
        key = ("entry", *[id(v) for v in entries.values])
        if key not in known:
            array = self._array(entries, reverse)
            known[key] = self._formal("entry", entry_type(array), len(parts.entries))
            parts.entries.append((known[key], array))
        return known[key]

    def _array(self, entries: Entries, reverse: bool) -> Node:
        """Returns the entries stacked, in the order in which the loop stores its results."""
        count = len(entries.values)
        if entries.stack is not None:
            first, step = entries.first, entries.step
            if reverse:
                first, step = first + step * (count - 1), -step
            return rows(entries.stack, first, step, count)
        values = entries.values[::-1] if reverse else entries.values
        if entries.kind == "constant":
            array = np.stack([v.params["value"].array for v in values])
            return make(op_named("constant"), (), {"value": Const(array)})
        stack = make(op_named("stack"), tuple([self.get(v) for v in values]), {"axis": 0})
        for index, value in enumerate(values):
            self._stacked.setdefault(value, (stack, index))
        return stack

    def _fixed(self, node: Node, parts: _Parts, known: dict[object, Node]) -> Node:
        value = self.get(node)
        if not value.args and value.op.name not in ("input", "param", "formal"):
            return value  # constants stand in the body
        if value not in known:
            known[value] = self._formal("fixed", value.type, len(parts.fixed))
            parts.fixed.append((known[value], value))
        return known[value]

    def _carry(self, run: Run, parts: _Parts, pending: list[tuple[int, int]]) -> _Carried:
        """Makes the carries of a run; returns them by node of the block and what they begin with.

        A value read two blocks later is carried on twice; who reads it one block later reads the
        first of these.
        """
        asked: dict[tuple[int, ...], tuple[int, list[Node]]] = {}
        for j, slots in enumerate(run.slots):
            for position, slot in enumerate(slots):
                if slot.kind == "carry":
                    first = self._operands(run, j, position)[: slot.back]
                    asked[slot.node, *[v.uid for v in first]] = (slot.node, first)
        made: _Carried = {}
        for key in sorted(asked, key=len, reverse=True):
            j, first = asked[key]
            if key in made:
                continue
            for shift, value in enumerate(reversed(first)):  # the block before comes first
                formal = self._formal("carry", value.type, len(parts.carries))
                parts.carries.append((formal, self.get(value)))
                pending.append((j, shift))
                made.setdefault((j, *key[len(key) - 1 - shift :]), formal)
        return made


def _names(block: Sequence[Node]) -> str:
    names = [node.op.name for node in block]
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
