"""What the backward pass needs again is kept, or computed once more: whatever a budget allows.

The forward half of a graph is cut into groups. What crosses a cut is kept; what else of a group the
backward half reads is computed again from there when the first of it is read (Chen and others,
"Training deep nets with sublinear memory cost", 2016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from graphc.core.errors import BudgetError
from graphc.core.graph import Graph, close_over
from graphc.core.node import Node, make, op_named
from graphc.core.type import TensorType
from graphc.core.walk import topological_order_until, users
from graphc.ops.control import item
from graphc.optimize.family import Context, Family
from graphc.optimize.memory.schedule import Schedule, schedule
from graphc.optimize.price import seconds
from graphc.optimize.tiling.tiling import TILING, tiled

NAME = "residuals"

#: Numbers of groups that are tried.
_GROUPS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
#: Bytes that the arrays of one block of rows may take, which are tried.
_BLOCKS = tuple(4**k for k in range(13, 4, -1))


def within_memory(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with so much recomputed that the budget is met; as they are without one.

    Raises:
        BudgetError: no way of recomputing meets it.
    """
    if context.memory is None:
        return list(roots)
    plan = schedule(roots, context.sizes)
    before = plan.peak
    if before <= context.memory:
        return list(roots)
    least, found = before, None
    for count in _GROUPS:
        made = _grouped(roots, plan, count)
        if made is None:
            break
        peak = schedule(made, context.sizes).peak
        if peak < least:
            least, found = peak, made
        if peak <= context.memory:
            break
    words = "groups of them computed again"
    if found is None or least > context.memory:
        blocks, peak = _in_blocks(roots, context)
        if peak < least:
            least, found, words = peak, blocks, "a block of rows at a time"
    if found is None or least > context.memory:
        raise BudgetError(
            f"the values of this graph need about {_megabytes(before)} at a time, and with "
            f"recomputing or in blocks {_megabytes(least)}, above memory={context.memory}",
            f"give memory={int(least) + 1} or more, or a smaller batch",
        )
    costs = [seconds(r, context.sizes, context.machine) for r in (roots, found)]
    context.weigh(
        NAME,
        f"values kept for the backward pass, {_megabytes(before)}",
        f"{words}, {_megabytes(least)}",
        costs[0],
        costs[1],
        why=f"memory={context.memory} asks for it",
        always=True,
    )
    return found


def _in_blocks(roots: Sequence[Node], context: Context) -> tuple[list[Node], float]:
    """Returns the roots with long arrays made a block of rows at a time, and their peak."""
    best, least = list(roots), float("inf")
    for size in _BLOCKS:
        machine = replace(context.machine, cache=float(size))
        made = tiled(roots, Context(context.sizes, machine, forced=frozenset({TILING.name})))
        peak = schedule(made, context.sizes).peak
        if peak < least:
            best, least = made, peak
        if context.memory is not None and peak <= context.memory:
            break
    return best, least


def _megabytes(count: float) -> str:
    return f"{count / 1e6:.3g} MB" if count >= 1e5 else f"{count:,.0f} bytes"


def _grouped(roots: Sequence[Node], plan: Schedule, count: int) -> list[Node] | None:
    """Returns the roots with all groups but the last recomputed; None for too few values."""
    turn, order, position = plan.turn, plan.order, plan.position
    used = users(order)
    early = [n for n in order[: turn + 1] if plan.sizes[n]]
    again = [n for n in early if plan.last[n] > turn and n not in plan.roots]
    if len(again) < count:
        return None
    cuts = _cuts(plan, again, used, count)
    kept: set[Node] = set()
    for cut in cuts:
        kept |= set(_crossing(plan, cut, used))
    groups: list[list[Node]] = [[] for _ in range(len(cuts) + 1)]
    for node in again:
        if node not in kept:
            groups[sum(position[node] > cut for cut in cuts)].append(node)
    group_of = {n: g for g, group in enumerate(groups[:-1]) for n in group}
    held = {g: _held(group, plan, used) for g, group in enumerate(groups[:-1])}
    new: dict[Node, Node] = {}
    recomputed: dict[int, Mapping[Node, Node]] = {}

    def read(node: Node) -> Node:
        group = group_of.get(node)
        if group is None or held[group] is None:
            return new.get(node, node)
        if group not in recomputed:
            recomputed[group] = _recompute(groups[group], kept, new[held[group]])  # pyright: ignore[reportArgumentType]
        return recomputed[group][node]

    for node in order:
        if position[node] <= turn:
            new[node] = node
            continue
        args = tuple([read(a) for a in node.args])
        same = all(a is b for a, b in zip(args, node.args, strict=True))
        new[node] = node if same else make(node.op, args, node.params)
        if not same:
            new[node].place = node.place
    return [new[root] for root in roots]


def _cuts(
    plan: Schedule, again: Sequence[Node], used: Mapping[Node, Sequence[Node]], count: int
) -> list[int]:
    """Returns positions that part what is needed again into groups of like size."""
    turn = plan.turn
    change = [0.0] * (turn + 2)
    for node in plan.order[: turn + 1]:
        forward = [plan.position[u] for u in used[node] if plan.position[u] <= turn]
        if forward and plan.sizes[node]:
            change[plan.position[node]] += plan.sizes[node]
            change[max(forward)] -= plan.sizes[node]
    width: list[float] = []
    total = 0.0
    for i in range(turn + 1):
        total += change[i]
        width.append(total)
    whole = sum(plan.sizes[n] for n in again)
    done, reached = 0.0, list[tuple[float, int]]()
    for node in again:
        done += plan.sizes[node]
        reached.append((done, plan.position[node]))
    cuts: set[int] = set()
    for part in range(1, count):
        low, high = whole * (part - 0.5) / count, whole * (part + 0.5) / count
        window = [p for total, p in reached if low <= total <= high]
        if window:
            cuts.add(min(window, key=lambda p: (width[p], -p)))
    return sorted(cuts)


def _crossing(plan: Schedule, cut: int, used: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """Returns the values computed up to a cut that the forward half reads behind it."""
    turn, position = plan.turn, plan.position
    return [
        n
        for n in plan.order[: cut + 1]
        if n.args and any(cut < position[u] <= turn for u in used[n])
    ]


def _held(
    group: Sequence[Node], plan: Schedule, used: Mapping[Node, Sequence[Node]]
) -> Node | None:
    """Returns the last value of the backward half that is there before the group is read."""
    turn, position = plan.turn, plan.position
    first = min([position[u] for n in group for u in used[n] if position[u] > turn], default=0)
    for node in reversed(plan.order[turn + 1 : first]):
        if plan.sizes[node] and isinstance(node.type, TensorType) and node.type.dtype.is_float:
            return node
    return None


def _recompute(group: Sequence[Node], kept: set[Node], held: Node) -> dict[Node, Node]:
    """Returns, for each value of a group, what stands for it: computed again, behind `held`."""
    own = set(group)
    stop = {n: n for n in kept if n not in own}
    order = topological_order_until(group, stop)
    inside = set(order)
    cut = dict.fromkeys(a for n in order for a in n.args if a in stop and a not in inside)
    graph, others = close_over(list(group), [*cut, held], "again")
    # The adjoint stands last: what it is does not matter, only that it is there.
    places = [*range(len(cut)), *range(len(cut) + 1, len(graph.inputs)), len(cut)]
    given = [*cut, *others, held]

    body = Graph([graph.inputs[i] for i in places], graph.outputs, graph.name)
    node = make(op_named("recompute"), tuple(given), {"graph": body, "held": 1})
    if len(group) == 1:
        return {group[0]: node}
    return {n: make(item, (node,), {"index": i}) for i, n in enumerate(group)}


RESIDUALS = Family(
    name=NAME,
    doc="under memory=, what the backward pass needs is kept or computed again, to fit",
    valid="everywhere: the same operations, some of them twice; where that does not do, blocks of "
    "rows, valid as in tiling",
    apply=within_memory,
)
