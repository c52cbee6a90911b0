"""The traversal loops that every pass uses; none of them recurses, so depth is no limit."""

from __future__ import annotations

import gc
import operator
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from graphc.core.collector import restore
from graphc.core.fork import in_forked_child
from graphc.core.node import Node, make, place_new_nodes

Value = TypeVar("Value")


@contextmanager
def orders_shared() -> Generator[None]:
    """Lets the parts of a pass share a walk: the last long order is kept until the pass ends.

    Nodes never change, so an order holds for as long as its roots are the same. Nobody may change
    the list that `topological_order` returns.
    """
    _shared.depth += 1
    try:
        yield
    finally:
        _shared.depth -= 1
        if not _shared.depth:
            _shared.last = None


class _Shared(threading.local):
    """This thread's passes within each other, and the last order: its roots and its nodes."""

    depth = 0
    last: tuple[list[Node], list[Node]] | None = None


_shared = _Shared()
#: Shorter orders are made anew: they would drive out that of the whole graph.
_SHORT = 1000


@contextmanager
def collection_paused() -> Generator[None]:
    """Pauses Python's cycle collector while a pass makes many nodes, see `core.collector`.

    It is on again afterwards if it was on before, and looks as often as it did.
    """
    thread = threading.get_ident()
    with _pause_lock:
        if not _pausing:
            _before.append(gc.isenabled())
        gc.disable()
        _pausing.append(thread)
    try:
        yield
    finally:
        with _pause_lock:
            _pausing.remove(thread)
            if not _pausing:
                restore()
                if _before.pop():
                    gc.enable()


#: The threads in a pause, as often as they are in one; and whether collection was on before.
_pausing: list[int] = []
_before: list[bool] = []
_pause_lock = threading.Lock()


@in_forked_child
def _end_pauses_of_other_threads() -> None:
    global _pause_lock
    _pause_lock = threading.Lock()
    _pausing[:] = [thread for thread in _pausing if thread == threading.get_ident()]
    if not _pausing and _before and _before.pop():
        gc.enable()


def topological_order(roots: Iterable[Node]) -> list[Node]:
    """Returns every node the roots need, operands before users.

    The order is that of a depth-first walk, operands left to right, so it depends on the graph
    alone and not on when its nodes were made. Its recursive twin:

        def visit(node):
            for arg in node.args: visit(arg)
            if node not in order: order.append(node)
    """
    if not _shared.depth:
        return topological_order_until(roots, {})
    given = list(roots)
    if _shared.last is not None:
        known, order = _shared.last
        if len(known) == len(given) and all(map(operator.is_, known, given)):
            return order
    order = topological_order_until(given, {})
    if len(order) > _SHORT:
        _shared.last = given, order
    return order


def fold(
    roots: Sequence[Node],
    step: Callable[[Node, list[Value]], Value],
    keep: Sequence[Node] | None = None,
) -> list[Value]:
    """Returns the roots' values, where `step(node, operand_values)` gives a node's value.

    A value is dropped after its last use, so a long chain holds two values at a time.

    Args:
        roots: nodes that are computed, and what they need.
        step: makes a node's value.
        keep: the roots whose values are wanted, where that is not all of them.
    """
    kept = roots if keep is None else keep
    order = topological_order(roots)
    uses = use_counts(order, kept)
    values: dict[Node, Value] = {}
    for node in order:
        values[node] = step(node, [values[a] for a in node.args])
        for arg in node.args:
            uses[arg] -= 1
            if not uses[arg]:
                values.pop(arg, None)
        if not uses[node]:
            del values[node]
    return [values[root] for root in kept]


def rebuild(
    roots: Sequence[Node],
    replace: Mapping[Node, Node],
    step: Callable[[Node, tuple[Node, ...]], Node] | None = None,
) -> list[Node]:
    """Returns the roots with nodes replaced and, above them, every node made anew.

    Args:
        roots: the nodes to rebuild.
        replace: what stands in for a node; its operands are then not visited for it.
        step: `step(node, new_args)` makes the new node; by default the same op and parameters.
            Untouched nodes come back as themselves.
    """
    done: dict[Node, Node] = dict(replace)
    before = place_new_nodes(None)
    try:
        for node in topological_order_until(roots, done):
            args = tuple([done[a] for a in node.args])
            place_new_nodes(node.place)  # what is made anew stands where the user wrote it
            if step is not None:
                done[node] = step(node, args)
            elif all(new is old for new, old in zip(args, node.args, strict=True)):
                done[node] = node
            else:
                done[node] = make(node.op, args, node.params)
    finally:
        place_new_nodes(before)
    return [done[root] for root in roots]


def topological_order_until(roots: Iterable[Node], stop: Mapping[Node, Any]) -> list[Node]:
    """Returns `topological_order` without the nodes in `stop` and what only they need."""
    order: list[Node] = []
    seen: set[Node] = set()  # `stop` may be far larger than what is walked: it is not copied
    stack: list[Node | None] = list(roots)
    stack.reverse()
    while stack:
        node = stack.pop()
        if node is None:  # the operands of the node below it are done
            node = stack.pop()
            assert node is not None
            order.append(node)
        elif node not in seen and node not in stop:
            seen.add(node)
            args = node.args
            if args:
                stack += (node, None)
                stack += args[::-1] if len(args) > 1 else args
            else:
                order.append(node)
    return order


def depends_on(order: Sequence[Node], sources: Iterable[Node]) -> set[Node]:
    """Returns the nodes of a topological order that depend on (or are) one of the sources."""
    found = set(sources)
    for node in order:
        if not found.isdisjoint(node.args):
            found.add(node)
    return found


def use_counts(order: Sequence[Node], roots: Iterable[Node]) -> dict[Node, int]:
    """Returns how often each node of a topological order is an operand; being a root is a use."""
    counts = dict.fromkeys(order, 0)
    for node in order:
        for arg in node.args:
            counts[arg] += 1
    for root in roots:
        counts[root] += 1
    return counts


def users(order: Sequence[Node]) -> dict[Node, list[Node]]:
    """Returns, for each node of a topological order, the nodes that use it, in that order."""
    found: dict[Node, list[Node]] = {node: [] for node in order}
    for node in order:
        for arg in dict.fromkeys(node.args):
            found[arg].append(node)
    return found
