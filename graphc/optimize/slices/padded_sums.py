"""A sum of arrays that are each zero but for a range, ranges side by side, is those joined.

The adjoint of an array that was cut into slices is such a sum: each slice's adjoint in zeros of
the whole's shape. Joined, nothing is added.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, make, place_new_nodes
from graphc.core.type import TensorType
from graphc.core.walk import use_counts
from graphc.optimize.family import Context, Family
from graphc.optimize.inside import in_bodies, substituted
from graphc.optimize.price import Prices

NAME = "joined slices"

#: Terms of a sum at most.
_TERMS = 64


def joined_slices(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with sums of neighbouring slices joined."""
    return in_bodies(roots, lambda nodes, order: _joined(nodes, order, context))


def _joined(roots: Sequence[Node], order: Sequence[Node], context: Context) -> list[Node]:
    if not any(n.op.name == "slice_transpose" for n in order):
        return list(roots)
    uses = use_counts(order, roots)
    within = {
        arg
        for node in order
        if node.op.name == "add"
        for arg in node.args
        if arg.op.name == "add" and uses[arg] == 1 and arg.type == node.type
    }
    prices = Prices(context.sizes, context.machine)
    replaced: dict[Node, Node] = {}
    for node in order:
        if node.op.name != "add" or node in within:
            continue
        terms = _terms(node, within)
        made = _without_zeros(node, terms)
        if made is None:
            continue
        given = {a for t in terms for a in (t.args if t.op.name == "slice_transpose" else (t,))}
        seconds = prices.of([node], given), prices.of([made], given)
        words = describe(node, 2), describe(made, 2)
        if context.weigh(NAME, *words, *seconds, place=node.place):
            replaced[node] = made
    return substituted(roots, replaced) if replaced else list(roots)


def _terms(node: Node, within: set[Node]) -> list[Node]:
    found: list[Node] = []
    pending = list(reversed(node.args))
    while pending:
        term = pending.pop()
        if term in within and len(found) + len(pending) < _TERMS:
            pending += reversed(term.args)
        else:
            found.append(term)
    return found


def _without_zeros(node: Node, terms: Sequence[Node]) -> Node | None:
    """Returns the sum with neighbouring ranges joined; None where there are none."""
    ranges: dict[int, list[tuple[int, int, Node]]] = {}
    for term in terms:
        found = _range(term) if term.type == node.type else None
        if found is not None:
            ranges.setdefault(found[0], []).append((found[1], found[2], term))
    for axis, parts in ranges.items():
        parts.sort(key=lambda part: part[:2])
        run = [parts[0]]
        for part in parts[1:]:
            if part[0] == run[-1][1]:
                run.append(part)
            elif len(run) > 1:
                break
            else:
                run = [part]
        if len(run) < 2:
            continue
        taken = {part[2] for part in run}
        if len(taken) < len(run):
            continue
        rest = [t for t in terms if t not in taken]
        before = place_new_nodes(node.place)
        try:
            total = _whole(axis, run)
            for term in rest:
                total = apply_named("add", total, term)
        finally:
            place_new_nodes(before)
        return total
    return None


def _whole(axis: int, run: Sequence[tuple[int, int, Node]]) -> Node:
    """Returns the ranges of a run side by side, in zeros where they are not the whole."""
    first = run[0][2]
    flat = apply_named("concat", *[part[2].args[0] for part in run], axis=axis)
    start, stop = run[0][0], run[-1][1]
    if (start, stop) == (0, first.shape[axis]):
        return flat
    bounds = tuple((start, stop, 1) if a == axis else None for a in range(first.ndim))
    return make(first.op, (flat,), {**first.params, "bounds": bounds})


def _range(term: Node) -> tuple[int, int, int] | None:
    """Returns axis, start and stop of the only range in which a term is not zero."""
    if term.op.name != "slice_transpose" or not isinstance(term.type, TensorType):
        return None
    bounds = term.params["bounds"]
    cut = [(axis, b) for axis, b in enumerate(bounds) if b is not None]
    if len(cut) != 1 or len(bounds) != term.ndim:
        return None
    axis, (start, stop, step) = cut[0]
    whole = all(isinstance(v, int) for v in (start, stop, step))
    return (axis, start, stop) if whole and step == 1 and 0 <= start < stop else None


JOINED_SLICES = Family(
    name=NAME,
    doc="a sum of arrays that are zero but for ranges side by side is those ranges joined",
    valid="x + 0 = x, up to the sign of a zero",
    apply=joined_slices,
)
