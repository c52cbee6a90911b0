"""Equal blocks one after another: what of each block is its own, and where its operands come from.

In a topological order without leaves, a run is `count` blocks of `period` nodes. Node j of block k
is the same operation in every block, and each of its operands is one of: a node of the same block;
a node of a block before (what a loop carries); one node for all blocks; or another value in each
block, taken from values that are evenly spaced: leaves, constants, rows of an array, or nodes of
another run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.core.node import Node
from graphc.core.type import TensorType, TupleType
from graphc.optimize.equal_blocks.in_order import Ordering
from graphc.optimize.equal_blocks.periods import Stretch, stretches

#: A value may be read so many blocks later at most; each block costs one more carry.
MAX_BACK = 4
#: Carrying it is no way: the value is several.
_NEVER = 1e30


@dataclass(frozen=True, slots=True)
class Slot:
    """Where one operand of a block's node comes from.

    Attributes:
        kind: "inside", "carry", "fixed" or "strided".
        node: inside, carry: which node of the block makes it.
        back: carry: how many blocks before.
    """

    kind: str
    node: int = -1
    back: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Equal blocks in a row.

    Attributes:
        start: position of the first node.
        period: nodes of a block.
        count: blocks.
        slots: for each node of a block, its operands.
    """

    start: int
    period: int
    count: int
    slots: tuple[tuple[Slot, ...], ...]

    @property
    def stop(self) -> int:
        """One behind the last node."""
        return self.start + self.period * self.count

    @property
    def moves(self) -> bool:
        """Tells whether a block needs one before it."""
        return any(slot.kind == "carry" for slots in self.slots for slot in slots)


def find_runs(sequence: Ordering, repeats: int, least: int) -> list[Run]:
    """Returns runs that do not overlap, in order.

    Args:
        sequence: the graph.
        repeats: blocks that a run has at least.
        least: nodes that all its blocks have together, at least.
    """
    if len(sequence.nodes) < least:
        return []
    taken = np.zeros(len(sequence.nodes) + 1, bool)
    found: list[Run] = []
    for stretch in stretches(sequence.symbols(), least, repeats):
        for start, stop in _free(taken, stretch):
            if stop - start < max(least, stretch.period * repeats):
                continue
            for run in _runs_in(sequence, Stretch(stretch.period, start, stop), repeats, least):
                taken[run.start : run.stop] = True
                found.append(run)
    return sorted(found, key=lambda run: run.start)


def _free(taken: np.ndarray[Any, Any], stretch: Stretch) -> list[tuple[int, int]]:
    """Returns the parts of a stretch that no run has taken."""
    part = taken[stretch.start : stretch.stop]
    if not part.any():
        return [(stretch.start, stretch.stop)]
    edges = np.flatnonzero(np.diff(np.concatenate(([True], part, [True]))))
    return [
        (stretch.start + int(a), stretch.start + int(b))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]


def _runs_in(sequence: Ordering, stretch: Stretch, repeats: int, least: int) -> list[Run]:
    """Returns the runs of the stretch's period whose operands move evenly."""
    p, start, stop = stretch.period, stretch.start, stretch.stop
    steps = {i: sequence.steps(i, p) for i in range(start + p, stop) if _alike(sequence, i, p)}
    found: list[Run] = []
    i = start + 2 * p
    while i < stop:
        if not _even(steps, i, p):
            i += 1
            continue
        end = i + 1
        while end < stop and _even(steps, end, p):
            end += 1
        if end - i < p:  # not all nodes of a block have been seen to follow the rule
            i = end
            continue
        first = _extended(sequence, steps, i - 2 * p, max(start, found[-1].stop if found else 0), p)
        for _ in range(3):
            if end - first < max(least, repeats * p):
                break
            run = _run(sequence, steps, first, i - p, end, p)
            if run is not None and run.count >= repeats and run.count * p >= least:
                found.append(run)
                break
            first += p  # what the first block reads may not be there before the loop
        i = end
    return found


def _alike(sequence: Ordering, i: int, period: int) -> bool:
    return sequence.signature(i) == sequence.signature(i - period)


def _even(steps: dict[int, tuple[Any, ...]], i: int, period: int) -> bool:
    now = steps.get(i)
    return now is not None and None not in now and now == steps.get(i - period)


def _extended(
    sequence: Ordering, steps: dict[int, tuple[Any, ...]], start: int, floor: int, p: int
) -> int:
    """Returns an earlier start: the first block may take what it carries from anywhere."""
    nodes, limit = sequence.nodes, floor
    while start > limit:
        i = start - 1
        now, usual = steps.get(i + p), steps.get(i + 2 * p)
        if now is None or usual is None:
            break
        lowest = limit
        for code, expected, arg in zip(now, usual, nodes[i + p].args, strict=True):
            if code == expected:
                continue
            if expected != p:
                return start
            lag = i + p - sequence.position[arg]
            lowest = max(lowest, i - lag + 1)
        if lowest > i:
            break
        start, limit = i, lowest
    return start


def _run(
    sequence: Ordering, steps: dict[int, tuple[Any, ...]], first: int, even: int, end: int, p: int
) -> Run | None:
    """Returns the run with blocks cut where least is carried; None where an operand is not there.

    Args:
        sequence: the graph.
        steps: how operands move.
        first: the first node that may belong to it.
        even: the first node from which on all operands move by the rule.
        end: one behind the last.
        p: the period.
    """
    start = first + _phase(sequence, steps, first, end, p)
    count = (end - start) // p
    if count < 2 or start + (count - 1) * p < even:
        return None
    slots: list[tuple[Slot, ...]] = []
    for j in range(p):
        made: list[Slot] = []
        # The last two blocks follow the rule; the first may read a carry from elsewhere.
        last = start + (count - 1) * p + j
        for position, code in enumerate(steps[last]):
            slot = _slot(sequence, last, position, code, start, count, p)
            if slot is None:
                return None
            made.append(slot)
        slots.append(tuple(made))
    return Run(start, p, count, tuple(slots))


def _slot(
    sequence: Ordering, last: int, position: int, code: Any, start: int, count: int, p: int
) -> Slot | None:
    nodes, places = sequence.nodes, sequence.position
    arg = nodes[last].args[position]
    if not isinstance(code, int):
        if code[0] == "row":
            stack = places.get(sequence.rows[arg][0], -1)
            return Slot("strided") if stack < start else None
        return Slot("strided")
    if code == 0:
        if isinstance(arg.type, TupleType):
            return None
        stack = sequence.rows[arg][0] if arg in sequence.rows else arg
        return Slot("fixed") if places.get(stack, -1) < start else None
    place = places[arg]
    block = start + (count - 1) * p
    if code == p and place >= block:
        return Slot("inside", place - block)
    if isinstance(arg.type, TupleType):
        return None
    if code == p and place >= start:
        back = -((place - block) // p)
        if back > MAX_BACK or back >= count:
            return None
        for k in range(back):  # what the first blocks read must be there before them
            given = nodes[last - (count - 1 - k) * p].args[position]
            given = sequence.rows[given][0] if given in sequence.rows else given
            if places.get(given, -1) >= start:
                return None
        return Slot("carry", (place - block) % p, back)
    begun = places.get(nodes[last - (count - 1) * p].args[position])
    if begun is None or begun >= start or place >= start:
        return None
    return Slot("strided")


def _phase(
    sequence: Ordering, steps: dict[int, tuple[Any, ...]], first: int, end: int, p: int
) -> int:
    """Returns where a block begins, 0 to p - 1 behind `first`, so that least is carried."""
    if p == 1:
        return 0
    farthest: dict[int, tuple[int, float]] = {}
    for i in range(end - p, end):
        for arg, code in zip(sequence.nodes[i].args, steps[i], strict=True):
            place = sequence.position.get(arg)
            if code != p or place is None or place < first:
                continue
            made = (place - first) % p
            lag = i - place
            if lag > farthest.get(made, (0, 0.0))[0]:
                farthest[made] = (lag, _bytes(arg))
    cost = np.zeros(p)
    for made, (lag, size) in farthest.items():
        cost += size * (lag // p)
        low, high = made + 1, made + 1 + lag % p  # boundaries between the maker and its last reader
        cost[low : min(high, p)] += size
        if high > p:
            cost[max(low - p, 0) : high - p] += size
    return int(np.argmin(cost))


def _bytes(node: Node) -> float:
    """Returns a value's bytes; a named size counts as 128."""
    if not isinstance(node.type, TensorType):
        return _NEVER
    count = 1.0
    for size in node.type.shape:
        count *= size if isinstance(size, int) else 128
    return count * max(node.type.dtype.bits, 8) / 8


def read_outside(ordering: Ordering, roots: Sequence[Node], runs: Sequence[Run]) -> set[Node]:
    """Returns the nodes of runs that are read by nodes of no run, or of another."""
    owner = np.full(len(ordering.nodes) + 1, -1)
    for number, run in enumerate(runs):
        owner[run.start : run.stop] = number
    owners: list[int] = owner.tolist()
    position = ordering.position
    found = {node for node in roots if node in position}
    for i, node in enumerate(ordering.nodes):
        mine = owners[i]
        for arg in node.args:
            place = position.get(arg)
            if place is None:
                arg = ordering.rows[arg][0] if arg in ordering.rows else arg
                found.add(arg)
            elif owners[place] != mine:
                found.add(arg)
    for root in roots:
        if root in ordering.rows:
            found.add(ordering.rows[root][0])
    return found
