"""Sums of rows, each put in its place among zeros, as the stack of the rows.

That is what the gradient of `W[0], W[1], ...` is: n arrays as large as W that are zero but for one
row, added up. Stacked it is as large as W once, and the rows may come out of a loop.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.node import Node, make, place_new_nodes, scalar
from graphc.core.op import op_named
from graphc.core.type import TensorType
from graphc.core.walk import topological_order, use_counts
from graphc.ops.chain import broadcast_to
from graphc.ops.indexing import slice_transpose_op
from graphc.ops.shaping import concat_op, reshape_op, stack_op
from graphc.optimize.equal_blocks.rows import rows

#: Rows in a sum from which on it is a stack.
_LEAST = 4


def stacked_rows(roots: Sequence[Node]) -> list[Node]:
    """Returns the roots with sums of placed rows as stacks."""
    order = topological_order(roots)
    if not any(node.op is slice_transpose_op for node in order):
        return list(roots)
    tops = _tops(order, roots)
    if not tops:
        return list(roots)
    done: dict[Node, Node] = {}
    before = place_new_nodes(None)
    try:
        for node in order:
            place_new_nodes(node.place)
            terms = tops.get(node)
            if terms is not None:
                done[node] = _stack(terms, done, node.type)
                continue
            args = tuple([done[a] for a in node.args])
            same = all(new is old for new, old in zip(args, node.args, strict=True))
            done[node] = node if same else make(node.op, args, node.params)
    finally:
        place_new_nodes(before)
    return [done[root] for root in roots]


def _tops(order: Sequence[Node], roots: Sequence[Node]) -> dict[Node, list[Node]]:
    """Returns the sums of a few placed rows or more, with their terms."""
    add = op_named("add")
    uses = use_counts(order, roots)
    inner: set[Node] = set()
    for node in order:
        if node.op is add:
            inner.update(a for a in node.args if a.op is add and uses[a] == 1)
    found: dict[Node, list[Node]] = {}
    for node in order:
        if node.op is not add or node in inner:
            continue
        terms: list[Node] = []
        todo = [node]
        while todo:
            part = todo.pop()
            if part is node or part in inner:
                todo += part.args[::-1]
            else:
                terms.append(part)
        places = {_place(t) for t in terms} - {None}
        if len(places) >= _LEAST and all(t.type == node.type for t in terms):
            found[node] = terms
    return found


def _place(node: Node) -> int | None:
    """Returns which row a node is zero but for."""
    if node.op is not slice_transpose_op:
        return None
    first, *others = node.params["bounds"]
    if first is None or any(bound is not None for bound in others):
        return None
    start, stop, step = first
    fits = type(start) is int and type(stop) is int and stop - start == 1 and step == 1
    return start if fits and isinstance(node.shape[0], int) else None


def _stack(terms: Sequence[Node], done: dict[Node, Node], kind: TensorType) -> Node:
    """Returns the sum of terms, some of which are placed rows."""
    values: dict[int, Node] = {}
    rest: Node | None = None
    for term in terms:
        index = _place(term)
        if index is None:
            rest = done[term] if rest is None else rest + done[term]
            continue
        part = term.args[0]
        value = done[part]
        if part.op is reshape_op and part.args[0].shape == kind.shape[1:]:
            value = done[part.args[0]]
        else:
            value = make(reshape_op, (value,), {"shape": kind.shape[1:]})
        values[index] = values[index] + value if index in values else value
    count = kind.shape[0]
    assert isinstance(count, int), "the rows would have no places"
    if len(values) < count:
        zero = broadcast_to(scalar(0, kind.dtype), kind.shape[1:])
        values = {**dict.fromkeys(range(count), zero), **values}
    made = [values[index] for index in range(count)]
    stack = make(stack_op, tuple(made), {"axis": 0})
    return stack if rest is None else stack + rest


def joined_stack(values: Sequence[Node], places: Sequence[tuple[Node, int] | None]) -> Node | None:
    """Returns the stack of values of which most are rows of arrays: those arrays, joined.

    Args:
        values: what is stacked.
        places: for each, the array and row; None where it is by itself.

    Returns:
        The arrays joined; None where they are too many pieces.
    """
    pieces: list[Node] = []
    k = 0
    while k < len(values):
        place, stop = places[k], k + 1
        if place is None:
            shape = (1, *values[k].shape)
            pieces.append(make(reshape_op, (values[k],), {"shape": shape}))
        else:
            indices = [place[1]]
            while stop < len(values):
                after = places[stop]
                if after is None or after[0] is not place[0]:
                    break
                if len(indices) > 1 and after[1] - indices[-1] != indices[1] - indices[0]:
                    break
                if after[1] == indices[-1]:
                    break
                indices.append(after[1])
                stop += 1
            step = indices[1] - indices[0] if len(indices) > 1 else 1
            pieces.append(rows(place[0], indices[0], step, len(indices)))
        k = stop
        if len(pieces) > max(len(values) // 4, 3):
            return None
    return pieces[0] if len(pieces) == 1 else make(concat_op, tuple(pieces), {"axis": 0})
