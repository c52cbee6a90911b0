"""The derivative of a scan: what is kept from the forward loop, and the loop that runs back.

The body's reverse pass is split in two. What does not depend on the adjoints is computed in the
forward loop and stacked (a residual), unless it is had more cheaply: an entry of xs is read again,
what depends on neither carry nor entry is computed once, outside, and a value one cheap operation
away from others that are there is made of them. What depends on the adjoints runs in one loop the
other way, in which the adjoints of what the body took from outside are added up in the carry; but
those of matrices that a few rows are multiplied by are one product of stacks behind the loop.

Source: the split is the partial evaluation of Radul et al., "You Only Linearize Once" (2022).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.core.graph import Graph
from graphc.core.node import Node, apply_named, make, op_named
from graphc.core.system import GRAPHC, System
from graphc.core.type import TensorType, element_count
from graphc.core.walk import depends_on, rebuild, topological_order, topological_order_until
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.control import (
    fresh_formals,
    jvp_graph,
    or_zeros,
    remembered,
    results_of,
    spread_results,
)
from graphc.ops.flow.bodies import opened
from graphc.ops.logic import zeros_like
from graphc.ops.sweep import active_nodes, reverse_sweep, rule_of

#: Ops that cost next to nothing: what they make is made again rather than kept.
_CHEAP = frozenset(
    "add sub mul neg abs cast where maximum minimum square equal not_equal less less_equal greater "
    "greater_equal logical_and logical_or logical_not reshape transpose broadcast_to sign concat "
    "slice".split()
)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A scan's backward pass, without its operands.

    Attributes:
        forward: the body with what is kept among its results; the same carries.
        back: the body of the loop that runs back.
        seeded_carries: carries with an adjoint, in the order of the loop's carries.
        fixed: operands from outside whose adjoint is added up, behind those carries.
        entries: entries of xs whose adjoint is returned, one for each step.
        products: of other operands from outside, whose adjoint is one product behind the loop: the
            operand; the left factor as a result of `forward` (or, below 0, entry -1 - k of xs); the
            right factor among the last results of `back`.
        rights: how many right factors there are.
        kept: how many results of `forward`, behind the carries, the loop back reads.
        aside: how many behind those are left factors alone.
        read: entries of xs that the loop back reads again.
        hoisted: nodes over the body's formals that depend on operands from outside alone.
    """

    forward: Graph
    back: Graph
    seeded_carries: tuple[int, ...]
    fixed: tuple[int, ...]
    entries: tuple[int, ...]
    products: tuple[tuple[int, int, int], ...]
    rights: int
    kept: int
    aside: int
    read: tuple[int, ...]
    hoisted: tuple[Node, ...]


def scan_vjp(
    adjoint: Any, node: Node, wanted: Sequence[int], system: System = GRAPHC
) -> list[Node | None]:
    """Returns the adjoints of a scan's operands: one loop with residuals, one loop back."""
    params, args = node.params, node.args
    carries, scanned = params["carries"], params["scanned"]
    parts = adjoint if isinstance(adjoint, tuple) else (adjoint,)
    seeds = {i: a for i, a in enumerate(parts) if a is not None}
    given = tuple(i for i in seeds if i < carries)
    stacked = tuple(i for i in seeds if i >= carries)
    plan = scan_plan(params["graph"], carries, scanned, tuple(wanted), given, stacked, system)
    if plan is None:
        return [None] * len(wanted)
    forward = {**params, "graph": plan.forward}
    stored: list[Node] = []
    if plan.kept + plan.aside:
        stored = results_of(make(node.op, args, forward))[carries:]
    kept = stored[: plan.kept]
    outer = dict(zip(params["graph"].inputs, args, strict=True))
    start = [seeds[i] if i in seeds else zeros_like(args[i]) for i in plan.seeded_carries] + [
        zeros_like(args[i]) for i in plan.fixed
    ]
    entries = [*[seeds[i] for i in stacked], *kept, *[args[i] for i in plan.read]]
    hoisted = rebuild(plan.hoisted, outer)
    back = {
        "graph": plan.back,
        "carries": len(start),
        "scanned": len(entries),
        "length": params["length"],
        "reverse": not params["reverse"],
    }
    results = results_of(make(op_named("scan"), (*start, *entries, *hoisted), back))
    order = [*plan.seeded_carries, *plan.fixed, *plan.entries]
    found = dict(zip(order, results[: len(order)], strict=True))
    for i, left, right in plan.products:
        factor = stored[left] if left >= 0 else args[-1 - left]
        found[i] = _product(factor, results[len(order) + right])
    return [found.get(i) for i in wanted]


def _product(left: Node, right: Node) -> Node:
    """Returns the sum of left[t].T @ right[t] over t, as one product."""
    rows = left.shape[0] * left.shape[1]
    flat = [reshape(n, (rows, n.shape[2])) for n in (left, right)]
    return make(op_named("matmul"), tuple(flat), {"transpose_x": True})


@remembered
def scan_plan(
    graph: Graph,
    carries: int,
    scanned: int,
    wanted: tuple[int, ...],
    given: tuple[int, ...],
    stacked: tuple[int, ...],
    system: System,
) -> Plan | None:
    """Returns the backward pass of a body; None where no adjoint reaches what is wanted.

    Args:
        graph: the body.
        carries: how many of its inputs are carries.
        scanned: how many, behind those, are entries of xs.
        wanted: inputs whose adjoints are asked for.
        given: carries whose last value has an adjoint.
        stacked: other results that have one.
        system: by whose rules.
    """
    outputs, inputs = opened(graph.outputs), graph.inputs
    moving = _moving(outputs, inputs, carries, wanted)
    wrt = [inputs[i] for i in dict.fromkeys([*sorted(moving), *wanted])]
    alive = sorted(set(given) & moving)
    while True:
        seeded = [*alive, *stacked]
        seeds = fresh_formals(graph, [outputs[i] for i in seeded], "∂")
        joined: dict[Node, Node] = {}
        for position, seed in zip(seeded, seeds, strict=True):
            known = joined.get(outputs[position])
            joined[outputs[position]] = seed if known is None else known + seed
        adjoints = reverse_sweep(joined, wrt, rule_of(system))
        reached = {i for i in moving if inputs[i] in adjoints}
        if reached <= set(alive):
            break
        alive = sorted(reached | set(alive))
    fixed = [i for i in wanted if i >= carries + scanned and inputs[i] in adjoints]
    entries = [i for i in wanted if carries <= i < carries + scanned and inputs[i] in adjoints]
    if not alive and not fixed and not entries:
        return None
    factors = {i: adjoints[inputs[i]].args for i in fixed if _is_product(adjoints, inputs[i])}
    late = depends_on(topological_order(list(adjoints.values())), seeds)
    varying = depends_on(topological_order(outputs), inputs[: carries + scanned])
    for i, (left, right) in list(factors.items()):
        if left in late or left not in varying or right not in late:
            del factors[i]
    fixed = [i for i in fixed if i not in factors]
    rights = list(dict.fromkeys(right for _, right in factors.values()))
    results = [or_zeros(adjoints.get(inputs[i]), inputs[i]) for i in [*alive, *fixed, *entries]]
    results += rights
    kept, read, hoisted = _split(results, seeds, inputs, carries, scanned)
    stand_ins = _told_apart(fresh_formals(graph, [*kept, *hoisted], "r"), seeds)
    replaced = rebuild(results, dict(zip([*kept, *hoisted], stand_ins, strict=True)))
    sums = _told_apart(fresh_formals(graph, [inputs[i] for i in fixed], "Σ"), [*seeds, *stand_ins])
    for k, total in enumerate(sums, len(alive)):
        replaced[k] = apply_named("add", total, replaced[k])
    count = len(alive)
    back = Graph(
        [
            *seeds[:count],
            *sums,
            *seeds[count:],
            *stand_ins[: len(kept)],
            *[inputs[i] for i in read],
            *stand_ins[len(kept) :],
        ],
        replaced,
        f"{graph.name} backward",
    )
    lefts = list(dict.fromkeys(left for left, _ in factors.values()))
    places = {n: -1 - i for i, n in enumerate(inputs[: carries + scanned]) if i >= carries}
    aside = [n for n in lefts if n not in places and n not in set(kept)]
    places |= {n: k for k, n in enumerate([*kept, *aside])}
    forward = Graph(inputs, [*outputs[:carries], *kept, *aside], f"{graph.name} keeping")
    return Plan(
        forward=forward,
        back=back,
        seeded_carries=tuple(alive),
        fixed=tuple(fixed),
        entries=tuple(entries),
        products=tuple(
            (i, places[left], _position(rights, right)) for i, (left, right) in factors.items()
        ),
        rights=len(rights),
        kept=len(kept),
        aside=len(aside),
        read=tuple(read),
        hoisted=tuple(hoisted),
    )


def _is_product(adjoints: Mapping[Node, Node], formal: Node) -> bool:
    """Tells whether an adjoint is left.T @ right of few rows: cheaper stacked than added up."""
    node = adjoints[formal]
    if node.op.name != "matmul" or node.type != formal.type:
        return False
    if not node.params.get("transpose_x") or node.params.get("transpose_y"):
        return False
    left, right = node.args
    rows, columns = left.shape[0], left.shape[-1]
    small = isinstance(rows, int) and isinstance(columns, int) and rows <= columns
    return left.ndim == right.ndim == 2 and small


def _position(nodes: Sequence[Node], node: Node) -> int:
    return next(k for k, n in enumerate(nodes) if n is node)


def _told_apart(formals: Sequence[Node], others: Sequence[Node] = ()) -> list[Node]:
    """Returns formals renamed where one of the others has their name."""
    taken = {n.params["name"] for n in others}
    made: list[Node] = []
    for formal in formals:
        name = formal.params["name"]
        while name in taken:
            name += "'"
        taken.add(name)
        made.append(make(formal.op, (), {**formal.params, "name": name}))
    return made


def _moving(
    outputs: Sequence[Node], inputs: Sequence[Node], carries: int, wanted: Sequence[int]
) -> set[int]:
    """Returns the carries through which what is wanted moves the result."""
    order = topological_order(outputs)
    moving = {i for i in wanted if i < carries}
    while True:
        sources = [inputs[i] for i in {*wanted, *moving}]
        active = active_nodes(order, sources)
        more = {i for i in range(carries) if outputs[i] in active}
        if more <= moving:
            return moving
        moving |= more


def _split(
    results: Sequence[Node],
    seeds: Sequence[Node],
    inputs: Sequence[Node],
    carries: int,
    scanned: int,
) -> tuple[list[Node], list[int], list[Node]]:
    """Returns what is kept of each step, which entries are read again, and what is hoisted."""
    order = topological_order(results)
    late = depends_on(order, seeds)
    varying = depends_on(order, inputs[: carries + scanned])
    given = depends_on(order, inputs)
    needed: dict[Node, None] = {}
    for node in order:
        if node in late:
            needed.update(dict.fromkeys(a for a in node.args if a not in late))
    needed.update(dict.fromkeys(r for r in results if r not in late))
    entries = {n: i for i, n in enumerate(inputs[: carries + scanned]) if i >= carries}
    had = {n for n in order if n not in varying} | set(entries)
    kept = _cheapest([n for n in needed if n in varying and n not in entries], had)
    # What is computed again from what is kept needs other operands; those stand for themselves.
    made = topological_order_until(results, dict.fromkeys(kept))
    used = {r for r in results if r not in varying and r not in late}
    for user in made:
        if user in varying or user in late:
            used.update(user.args)
    hoisted = [n for n in made if n in given and n in used and n not in varying and n not in late]
    present = set(made)
    read = [i for n, i in entries.items() if n in present]
    return kept, read, hoisted


def _cheapest(needed: Sequence[Node], had: set[Node]) -> list[Node]:
    """Returns what to keep so that all that is needed can be made of it.

    A value that one cheap operation makes of others is given up where what it needs beyond those
    that are there anyway is no larger than itself. From users to operands, so that a chain of cheap
    operations goes back to its start.
    """
    position = {n: i for i, n in enumerate(topological_order(needed))}
    kept = set(needed)
    queue = sorted(kept, key=lambda n: position[n])
    while queue:
        node = queue.pop()
        if node not in kept or node.op.name not in _CHEAP or not node.args:
            continue
        if not all(isinstance(a.type, TensorType) for a in node.args):
            continue
        more = [a for a in dict.fromkeys(node.args) if a not in kept and a not in had]
        if not more or (len(more) == 1 and _bytes(more[0]) <= _bytes(node)):
            kept.discard(node)
            kept.update(more)
            queue = sorted([*queue, *more], key=lambda n: position[n])
    return sorted(kept, key=lambda n: position[n])


def _bytes(node: Node) -> float:
    count = element_count(node.type.shape)
    bits = 8 if node.type.dtype.kind == "b" else node.type.dtype.bits
    return count * bits if isinstance(count, int) else float(bits) * 1e9


def scan_pushed(rule: str, system: System = GRAPHC) -> Callable[[Sequence[Node | None], Node], Any]:
    """Returns a scan's forward rule, or its rounding rule: one loop that carries tangents too."""

    def push(tangents: Sequence[Node | None], node: Node) -> Any:
        params, args = node.params, node.args
        graph, carries, scanned = params["graph"], params["carries"], params["scanned"]
        given = tuple(i for i, t in enumerate(tangents) if t is not None)
        plan = push_plan(graph, carries, scanned, given, rule, system)
        if plan is None:
            return None
        body, moving, alive = plan

        def tangent(i: int) -> Node:
            t = tangents[i]
            return zeros_like(args[i]) if t is None else broadcast_to(t, args[i].shape)

        parts = [(0, carries), (carries, carries + scanned), (carries + scanned, len(args))]
        full: list[Node] = []
        for first, last in parts:
            full += [*args[first:last], *[tangent(i) for i in moving if first <= i < last]]
        extra = len([i for i in moving if i < carries])
        entered = len([i for i in moving if carries <= i < carries + scanned])
        made = {
            **params,
            "graph": body,
            "carries": carries + extra,
            "scanned": scanned + entered,
        }
        results = results_of(make(node.op, tuple(full), made))
        places = [*[i for i in moving if i < carries], *[i for i in alive if i >= carries]]
        return spread_results(results[carries:], places, node)

    return push


@remembered
def push_plan(
    graph: Graph, carries: int, scanned: int, given: tuple[int, ...], rule: str, system: System
) -> tuple[Graph, tuple[int, ...], tuple[int, ...]] | None:
    """Returns the body with tangents, the inputs that have one, and the outputs that have one."""
    moving = given
    while True:
        pushed, alive = jvp_graph(graph, moving, rule, system)
        more = tuple(sorted({*moving, *[i for i in alive if i < carries]}))
        if more == moving:
            break
        moving = more
    if not alive and not any(i < carries for i in moving):
        return None
    tangents = dict(zip(moving, pushed.inputs[len(graph.inputs) :], strict=True))
    by_output = dict(zip(alive, pushed.outputs, strict=True))
    inputs: list[Node] = []
    for first, last in (
        (0, carries),
        (carries, carries + scanned),
        (carries + scanned, len(graph.inputs)),
    ):
        inputs += graph.inputs[first:last]
        inputs += [t for i, t in tangents.items() if first <= i < last]
    outputs = [
        *graph.outputs[:carries],
        *[or_zeros(by_output.get(i), graph.outputs[i]) for i in moving if i < carries],
        *[broadcast_to(by_output[i], graph.outputs[i].shape) for i in alive if i >= carries],
    ]
    return Graph(inputs, outputs, pushed.name), moving, alive
