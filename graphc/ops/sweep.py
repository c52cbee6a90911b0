"""The two sweeps over a graph, reverse and forward, that engines and sub-graph rules share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from graphc.core.errors import GradError
from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, place_new_nodes
from graphc.core.system import GRAPHC, System
from graphc.core.type import TensorType, TupleType
from graphc.core.walk import collection_paused, topological_order
from graphc.ops.chain import accumulate, unmasked

#: `rule(adjoint, node, wanted)`: contributions to the wanted operands, see `core.op.Vjp`.
Rule = Callable[[Any, Node, Sequence[int]], Sequence[Node | None]]
#: Called with (user, operand index, contribution) for every edge the sweep passes.
Watcher = Callable[[Node, int, Node], None]


_FIRST = (0,)


def op_rule(
    adjoint: Any, node: Node, wanted: Sequence[int], system: System = GRAPHC
) -> Sequence[Node | None]:
    """Returns the contributions by the op's own reverse rule, or by another system's.

    Raises:
        GradError: the op has none; the record says why.
    """
    op = node.op
    rule = op.vjp if system is GRAPHC else (op.peers.get(system.name) or op).vjp
    if isinstance(rule, str):
        raise GradError(f"{describe(node, 3)} has no derivative: {rule}", place=node.place)
    found = rule(adjoint, node, wanted)
    return (
        found
        if system is GRAPHC or system.dead_branches_vanish
        else [_ordinary(value) for value in found]
    )


def rule_of(system: System) -> Rule:
    """Returns a system's reverse rules, for `reverse_sweep`."""
    return op_rule if system is GRAPHC else functools.partial(op_rule, system=system)


def _ordinary(value: Any) -> Any:
    """Returns an adjoint or tangent whose structural zeros are ordinary ones."""
    if isinstance(value, tuple):  # of an op of several results
        parts: tuple[Node | None, ...] = value
        return tuple([_ordinary(part) for part in parts])
    return None if value is None else unmasked(value)


@contextmanager
def _place_restored() -> Generator[None]:
    """Sets the place of new nodes back to what it was: a block is swept within the sweep of all."""
    before = place_new_nodes(None)
    place_new_nodes(before)
    try:
        yield
    finally:
        place_new_nodes(before)


def carries_tangent(node: Node) -> bool:
    """Tells whether a node's value can change continuously: a float, or several results."""
    kind = node.type
    return type(kind) is TupleType or kind.dtype.is_inexact


def active_nodes(order: Sequence[Node], sources: Sequence[Node]) -> set[Node]:
    """Returns the nodes of a topological order through which sources move the result smoothly."""
    found = set(sources)
    for node in order:
        if not found.isdisjoint(node.args) and carries_tangent(node):
            found.add(node)
    return found


def reverse_sweep(
    seeds: Mapping[Node, Node],
    wrt: Sequence[Node],
    rule: Rule = op_rule,
    watch: Watcher | None = None,
    keep: bool = False,
) -> dict[Node, Node]:
    """Propagates adjoints from the seeded nodes down to `wrt`.

    Args:
        seeds: for each result its adjoint.
        wrt: where adjoints are wanted; a node may lie below another.
        rule: the reverse rule of a node.
        watch: told of every contribution.
        keep: return the adjoint of every node passed, not of `wrt` alone.

    Returns:
        The adjoints that are not structurally zero.
    """
    with collection_paused(), _place_restored():
        return _reverse_sweep(seeds, wrt, rule, watch, keep)


def _reverse_sweep(
    seeds: Mapping[Node, Node], wrt: Sequence[Node], rule: Rule, watch: Watcher | None, keep: bool
) -> dict[Node, Node]:
    order = topological_order(seeds)
    active = active_nodes(order, wrt)
    wanted_nodes = set(wrt)
    plain = rule is op_rule  # then an op's own rule is called at once
    # Most nodes have one user: their adjoint is no list of one.
    pending: dict[Node, Node | list[Node]] = dict(seeds)
    items: dict[Node, dict[int, list[Node]]] = {}
    adjoints: dict[Node, Node] = {}
    for node in reversed(order):
        parts = pending.pop(node, None)
        if node not in active:
            continue
        if type(node.type) is TupleType:
            slots = items.pop(node, None)
            if slots is None:
                continue
            count = len(node.type.items)
            adjoint: Any = tuple(accumulate(slots[i]) if i in slots else None for i in range(count))
        elif parts is not None:
            adjoint = parts if isinstance(parts, Node) else accumulate(parts)
            if keep or node in wanted_nodes:
                adjoints[node] = adjoint
        else:
            continue
        if node.op.name == "item":
            slot = items.setdefault(node.args[0], {})
            slot.setdefault(node.params["index"], []).append(adjoint)
            continue
        args = node.args
        if len(args) == 1:
            wanted = _FIRST if args[0] in active else ()
        else:
            wanted = [i for i, a in enumerate(args) if a in active]
        if not wanted:
            continue
        place_new_nodes(node.place)
        own = node.op.vjp if plain else ""
        made = rule(adjoint, node, wanted) if isinstance(own, str) else own(adjoint, node, wanted)
        for index, value in zip(wanted, made, strict=True):
            if value is None:
                continue
            if watch is not None:
                watch(node, index, value)
            arg = args[index]
            before = pending.get(arg)
            if before is None:
                pending[arg] = value
            elif isinstance(before, Node):
                pending[arg] = [before, value]
            else:
                before.append(value)
    return adjoints


def forward_sweep(
    roots: Sequence[Node],
    tangents: Mapping[Node, Node],
    everywhere: str = "jvp",
    system: System = GRAPHC,
) -> list[Any]:
    """Propagates tangents from nodes up to the roots.

    Args:
        roots: where tangents are wanted.
        tangents: the given tangents, of the nodes' own types.
        everywhere: `"jvp"` for derivatives; `"bound"` for rounding errors: every node adds to them.
        system: whose side the derivatives take.

    Returns:
        For each root its tangent or None for zero; a tuple of them for an op of several results.
    """
    with collection_paused(), _place_restored():
        return _forward_sweep(roots, tangents, everywhere, system)


def _forward_sweep(
    roots: Sequence[Node], tangents: Mapping[Node, Node], everywhere: str, system: System
) -> list[Any]:
    order = topological_order(roots)
    active = active_nodes(order, list(tangents)) if everywhere == "jvp" else None
    found: dict[Node, Any] = dict(tangents)
    for node in order:
        if node in found or (active is not None and node not in active):
            continue
        if node.op.name == "item":
            several = found.get(node.args[0])
            found[node] = None if several is None else several[node.params["index"]]
            continue
        if not carries_tangent(node):
            continue
        record = node.op.peers.get(system.name) or node.op
        rule = record.jvp if everywhere == "jvp" else node.op.bound
        if isinstance(rule, str):
            raise GradError(f"{describe(node, 3)} has no derivative: {rule}", place=node.place)
        inputs = [found.get(a) for a in node.args]
        place_new_nodes(node.place)
        if everywhere != "jvp" or any(t is not None for t in inputs):
            made = rule(inputs, node)
            if everywhere == "bound" and isinstance(made, Node) and made.type.dtype.kind == "c":
                made = apply_named("abs", made)  # an error is a size, of a complex number too
            found[node] = made if system.dead_branches_vanish else _ordinary(made)
    return [found.get(root) for root in roots]


def tensor_type(node: Node) -> TensorType:
    """Returns the type of a node of one result."""
    assert isinstance(node.type, TensorType)
    return node.type
