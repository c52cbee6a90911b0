"""Folding: which nodes of a large graph are drawn, and which of them stand for many.

A cut is a node through which everything later must pass (inputs and constants apart). Cuts divide
the topological order into segments; equal segments in a row, of a period up to 8, fold into one,
drawn once with the number of its rounds. What still passes the budget folds into one remainder.
Every step is linear in the graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphc.core.const import freeze
from graphc.core.graph import LEAF_OPS, Graph
from graphc.core.node import Node
from graphc.core.walk import topological_order
from graphc.render.glyphs import is_number

#: Cells drawn before the remainder folds.
BUDGET = 400
#: A small graph folds only what repeats this often; a large one whatever repeats.
ROUNDS_SMALL, ROUNDS_LARGE = 6, 3
#: Segments of one round.
LONGEST_PERIOD = 8


@dataclass(frozen=True, slots=True)
class Repeat:
    """A pattern that a graph goes through several times in a row.

    Attributes:
        number: counts the repeats of one picture, from 0.
        nodes: the nodes of the round that is drawn, in topological order.
        times: the number of rounds.
        shown: which round is drawn, from 1.
    """

    number: int
    nodes: tuple[Node, ...]
    times: int
    shown: int


@dataclass(frozen=True, slots=True)
class Folding:
    """How the nodes of a graph map to what is drawn.

    Attributes:
        order: every node, operands before users.
        cell: the node drawn for each node that is not drawn itself.
        repeat: the repeat that a drawn node belongs to, for those that do.
        round_of: the round of each node inside a repeat.
        hidden: the nodes in the remainder.
        leaves: for leaves that fold with the only repeat using them, how many the drawn one is.
    """

    order: Sequence[Node]
    cell: Mapping[Node, Node]
    repeat: Mapping[Node, Repeat]
    round_of: Mapping[Node, int]
    hidden: Mapping[Node, None]
    leaves: Mapping[Node, int]

    def drawn(self, node: Node) -> Node:
        """Returns the node that is drawn for this one."""
        return self.cell.get(node, node)

    def between_rounds(self, tail: Node, head: Node) -> bool:
        """Tells whether an edge leads from one round of a repeat to the next."""
        first = self.round_of.get(tail)
        if first is None or self.round_of.get(head, first) == first:
            return False
        one = self.repeat.get(self.drawn(tail))
        return one is not None and one is self.repeat.get(self.drawn(head))


def fold(
    roots: Sequence[Node], *, budget: int = BUDGET, repeats: bool = True, from_end: int = 1
) -> Folding:
    """Returns how the graph of the roots folds.

    Args:
        roots: the outputs.
        budget: drawn nodes above which the remainder folds, those farthest from the outputs first.
        repeats: False to fold no repeated structure.
        from_end: the round of a repeat that is drawn: 1 for the last one, 2 for the one before
            (whose backward rules are like those of all others: they do not meet the seed 1).
    """
    order = topological_order(roots)
    cell: dict[Node, Node] = {}
    repeat: dict[Node, Repeat] = {}
    round_of: dict[Node, int] = {}
    if repeats:
        least = ROUNDS_SMALL if len(order) <= budget // 4 else ROUNDS_LARGE
        operations = [node for node in order if node.args]
        segments = _segments(operations)
        outputs = set(roots) - set(operations[-1:])
        signer = _Signer(operations, outputs)
        for index, run in enumerate(_runs(signer, segments, least)):
            _enter(operations, index, run, from_end, cell, repeat, round_of)
    leaves = _fold_leaves(order, roots, cell, repeat, round_of) if repeat else {}
    hidden = _remainder(order, roots, cell, budget)
    return Folding(order, cell, repeat, round_of, hidden, leaves)


def _segments(operations: Sequence[Node]) -> list[int]:
    """Returns the positions of the cuts, ascending; the last node ends the last segment."""
    position = {node: i for i, node in enumerate(operations)}
    last_use = list(range(len(operations)))
    for i, node in enumerate(operations):
        for arg in node.args:
            if arg.args:
                last_use[position[arg]] = i
    cuts: list[int] = []
    reach = -1
    for i in range(len(operations)):
        if reach <= i:
            cuts.append(i)
        reach = max(reach, last_use[i])
    if operations and cuts[-1] != len(operations) - 1:
        cuts.append(len(operations) - 1)
    return cuts


class _Signer:
    """Tells which segments of the operations are equal but for the inputs they use."""

    def __init__(self, operations: Sequence[Node], outputs: set[Node]) -> None:
        self.operations = operations
        self.outputs = outputs
        self.bodies: dict[object, object] = {}
        self.known: dict[object, int] = {}

    def numbers(self, cuts: Sequence[int]) -> list[int]:
        """Returns a number for each segment; equal segments have equal numbers."""
        found: list[int] = []
        start = 0
        for cut in cuts:
            signature = self.signature(
                start, cut + 1, self.operations[start - 1] if start else None
            )
            found.append(self.known.setdefault(signature, len(self.known)))
            start = cut + 1
        return found

    def signature(self, start: int, stop: int, entry: Node | None) -> object:
        """Returns what a stretch of operations computes from the node where it is entered."""
        place: dict[Node, int] = {}
        inputs: dict[Node, int] = {}
        parts: list[object] = []
        for node in self.operations[start:stop]:
            operands: list[object] = []
            for arg in node.args:
                if arg is entry:
                    operands.append("entry")
                elif arg in place:
                    operands.append(place[arg])
                elif arg.op.name in LEAF_OPS:
                    operands.append((arg.op.name, arg.type, inputs.setdefault(arg, len(inputs))))
                elif not arg.args:
                    operands.append(("source", arg.uid))
                else:  # an operand from further back: this stretch is like no other
                    operands.append(("outside", node.uid))
            place[node] = len(place)
            # An output in the middle has a wire of its own, so it repeats nothing.
            mark = node.uid if node in self.outputs else None
            params = _params(node, self.bodies) if node.params else ()
            parts.append((node.op, params, node.type, tuple(operands), mark))
        return tuple(parts)

    def starts_from_input(self, size: int) -> bool:
        """Tells whether the first `size` operations are a round that begins with an input."""
        wanted = self.signature(size, 2 * size, self.operations[size - 1])
        stretch = self.operations[:size]
        inputs = {a: None for node in stretch for a in node.args if a.op.name in LEAF_OPS}
        return any(self.signature(0, size, entry) == wanted for entry in list(inputs)[:4])


def _params(node: Node, bodies: dict[object, object]) -> tuple[object, ...]:
    return tuple([
        (k, body_key(v, bodies) if isinstance(v, Graph) else freeze(v))
        for k, v in node.params.items()
    ])  # fmt: skip


def body_key(graph: Graph, known: dict[object, object]) -> object:
    """Returns what a block computes, whatever its inputs are called. Nesting is bounded, by 100."""
    if graph not in known:
        place: dict[Node, object] = {node: ("in", i) for i, node in enumerate(graph.inputs)}
        parts: list[object] = [graph.name, tuple(node.type for node in graph.inputs)]
        for node in graph.order():
            if node in place:
                continue
            params = _params(node, known)
            parts.append((node.op, params, tuple(place[a] for a in node.args)))
            place[node] = len(place)
        full = (*parts, tuple(place[node] for node in graph.outputs))
        # A number stands for the key: nested tuples would be hashed all the way down, each time.
        known[graph] = known.setdefault(full, len(known))
    return known[graph]


def _runs(signer: _Signer, cuts: Sequence[int], least: int) -> list[tuple[int, int, int]]:
    """Returns (first operation, operations a round, rounds) of what repeats, from left to right."""
    signatures = signer.numbers(cuts)
    begins = [0, *[cut + 1 for cut in cuts]]
    runs: list[tuple[int, int, int]] = []
    start, count = 0, len(signatures)
    while start < count:
        for period in range(1, min(LONGEST_PERIOD, (count - start) // least) + 1):
            end = start + period
            while end < count and signatures[end] == signatures[end - period]:
                end += 1
            rounds = (end - start) // period
            if rounds >= least:
                first, size = begins[start], begins[start + period] - begins[start]
                run, start = (first, size, rounds), start + period * rounds
                # A graph's first round starts from an input, not from a cut: let it be one of them.
                for shift in range(period if first <= size else 0):
                    at = (start - period * rounds) + shift
                    more = (end - at) // period
                    size = begins[at + period] - begins[at]
                    if begins[at] == size and more + 1 >= rounds and signer.starts_from_input(size):
                        run, start = (0, size, more + 1), at + period * more
                        break
                runs.append(run)
                break
        else:
            start += 1
    return runs


def _enter(
    operations: Sequence[Node],
    number: int,
    run: tuple[int, int, int],
    from_end: int,
    cell: dict[Node, Node],
    repeat: dict[Node, Repeat],
    round_of: dict[Node, int],
) -> None:
    """Notes one run: every round's nodes are drawn as those of one round."""
    first, size, times = run
    shown = times - from_end
    drawn = operations[first + size * shown : first + size * (shown + 1)]
    one = Repeat(number, tuple(drawn), times, shown + 1)
    for node in drawn:
        repeat[node] = one
    for r in range(times):
        for offset in range(size):
            node = operations[first + r * size + offset]
            round_of[node] = r
            if r != shown:
                cell[node] = drawn[offset]


def _fold_leaves(
    order: Sequence[Node],
    roots: Sequence[Node],
    cell: dict[Node, Node],
    repeat: dict[Node, Repeat],
    round_of: dict[Node, int],
) -> dict[Node, int]:
    """Folds the leaves that each round has of its own, such as the weights of equal layers."""
    use: dict[Node, tuple[Node, int, int] | None] = {}
    for node in order:
        for index, arg in enumerate(node.args):
            if arg.op.name in LEAF_OPS:
                here = (cell.get(node, node), index, round_of.get(node, -1))
                known = use.setdefault(arg, here)
                if known is not None and known[2] != here[2]:
                    use[arg] = None
    for root in roots:
        use.pop(root, None)
    families: dict[tuple[Node, int], list[Node]] = {}
    for leaf, here in use.items():
        if here is not None and here[2] >= 0:
            families.setdefault(here[:2], []).append(leaf)
    found: dict[Node, int] = {}
    for (user, index), family in families.items():
        one = repeat.get(user)
        if one is None or len(family) != one.times:
            continue
        shown = user.args[index]
        found[shown] = len(family)
        if len(one.nodes) > 1:
            repeat[shown] = one
        for leaf in family:
            round_of[leaf] = round_of[user]
            if leaf is not shown:
                cell[leaf] = shown
    return found


def _remainder(
    order: Sequence[Node], roots: Sequence[Node], cell: Mapping[Node, Node], budget: int
) -> dict[Node, None]:
    """Returns the drawn nodes that pass the budget: those farthest from the outputs.

    The distance is the longest one, so that whatever a hidden node needs is hidden too; a leaf,
    which needs nothing, counts its shortest.
    """
    drawn = [node for node in order if node not in cell and not is_number(node)]
    if len(drawn) <= budget:
        return {}
    height: dict[Node, int] = dict.fromkeys(roots, 0)
    for node in reversed(order):
        above = height[node] + 1
        for arg in node.args:
            known = height.get(arg)
            if known is None or (known < above if arg.args else known > above):
                height[arg] = above
    for node, shown in cell.items():
        height[shown] = min(height[shown], height[node])
    ranked = sorted(range(len(drawn)), key=lambda i: (height[drawn[i]], -i))
    kept = set(ranked[:budget])
    outputs = set(roots)
    return {n: None for i, n in enumerate(drawn) if i not in kept and n not in outputs}
