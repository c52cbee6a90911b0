"""Vertices and edges of a linearised graph, and the elimination of vertices one after another."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.node import Node, apply_named
from graphc.ops.chain import chain, is_constant


class Tangle:
    """A linearised graph: vertices are numbers, an edge holds the slope of its upper end.

    Attributes:
        below: for each vertex the vertices it depends on directly, with the slope by each.
        above: for each vertex those that depend on it directly.
        inner: the vertices to eliminate, operands before users.
    """

    __slots__ = ("above", "below", "inner")

    def __init__(self) -> None:
        self.below: list[dict[int, Any]] = []
        self.above: list[dict[int, None]] = []
        self.inner: list[int] = []

    def vertex(self) -> int:
        """Returns a new vertex."""
        self.below.append({})
        self.above.append({})
        return len(self.below) - 1

    def join(self, user: int, operand: int, slope: Any) -> None:
        """Adds an edge between vertices that have none yet."""
        self.below[user][operand] = slope
        self.above[operand][user] = None

    def copy(self, slope: Callable[[Any], Any]) -> Tangle:
        """Returns a copy, with something else in the place of each slope."""
        made = Tangle()
        made.below = [{u: slope(c) for u, c in row.items()} for row in self.below]
        made.above = [dict(row) for row in self.above]
        made.inner = self.inner
        return made


#: Products formed before an elimination is given up: it fills in.
LIMIT = 4_000_000


class Filled(Exception):
    """An elimination takes more products than `LIMIT`."""


def eliminate(
    tangle: Tangle,
    order: str,
    multiply: Callable[[int, Any, Any], Any],
    add: Callable[[Any, Any], Any],
) -> None:
    """Eliminates every inner vertex; then the edges are the Jacobian.

    To eliminate a vertex is to add, for each user and each operand of it, the product of the two
    slopes to the edge between those two. What it costs hangs on the order.

    Args:
        tangle: changed in place.
        order: `forward` (operands first), `reverse` (users first), or `markowitz`: always a vertex
            with the fewest products, users times operands; among equals the first.
        multiply: `multiply(vertex, upper slope, lower slope)`, told what is eliminated.
        add: the sum of two slopes.

    Raises:
        Filled: too many products.

    Source: Griewank and Walther, Evaluating Derivatives, 2nd edition, 2008, sections 9.2 and 10.3
        (Markowitz 1957 for sparse elimination).
    """
    below, above = tangle.below, tangle.above
    left = LIMIT
    heap: list[tuple[int, int]] = []
    rank: dict[int, int] = {}
    greedy = order == "markowitz"
    if greedy:
        rank = {v: i for i, v in enumerate(tangle.inner)}
        heap = [(len(above[v]) * len(below[v]), rank[v]) for v in tangle.inner]
        heapq.heapify(heap)
    sequence = iter(tangle.inner if order == "forward" else reversed(tangle.inner))
    done = bytearray(len(below))
    for _ in range(len(tangle.inner)):
        if greedy:
            vertex = -1
            while vertex < 0:
                degree, place = heapq.heappop(heap)
                vertex = tangle.inner[place]
                if done[vertex] or degree != len(above[vertex]) * len(below[vertex]):
                    vertex = -1  # an entry from before its neighbours changed
        else:
            vertex = next(sequence)
        users, operands = above[vertex], below[vertex]
        above[vertex], below[vertex] = {}, {}
        done[vertex] = 1
        left -= len(users) * len(operands)
        if left < 0:
            raise Filled
        for user in users:
            row = below[user]
            upper = row.pop(vertex)
            for operand, lower in operands.items():
                product = multiply(vertex, upper, lower)
                if operand in row:
                    row[operand] = add(row[operand], product)
                else:
                    row[operand] = product
                    above[operand][user] = None
        for operand in operands:
            above[operand].pop(vertex, None)
        if greedy:
            for near in (*users, *operands):
                if near in rank and not done[near]:
                    heapq.heappush(heap, (len(above[near]) * len(below[near]), rank[near]))


def count_products(tangle: Tangle, order: str, most: int | None = None) -> int | None:
    """Returns the multiplications of an order, those by 1 and -1 not counted.

    None where they are more than `most`, or its products more than `LIMIT`.
    """
    count = 0

    def multiply(_: int, upper: bool, lower: bool) -> bool:
        nonlocal count
        count += not (upper or lower)
        if most is not None and count > most:
            raise Filled
        return upper and lower

    try:
        eliminate(tangle.copy(_is_unit), order, multiply, lambda left, right: False)
    except Filled:
        return None
    return count


def _is_unit(slope: Node) -> bool:
    return is_constant(slope, 1.0) or is_constant(slope, -1.0) or _is_minus_one(slope)


def _is_minus_one(slope: Node) -> bool:
    return slope.op.name == "neg" and is_constant(slope.args[0], 1.0)


def product(upper: Node, lower: Node) -> Node:
    """Returns the product of two slopes, masks outside, without one by 1 or -1."""
    for one, other in ((upper, lower), (lower, upper)):
        if _is_minus_one(one) or is_constant(one, -1.0):
            made = chain(other, -1.0)
            assert made is not None
            return (
                made if made.dtype is upper.dtype else apply_named("cast", made, dtype=upper.dtype)
            )
    made = chain(upper, lower)
    assert made is not None
    return made


def as_dtype(value: Node, like: Node) -> Node:
    """Returns a value in another's dtype."""
    return value if value.dtype is like.dtype else apply_named("cast", value, dtype=like.dtype)


def slopes_between(rows: Sequence[int], columns: Sequence[int], tangle: Tangle) -> list[Any]:
    """Returns the edges left between outputs and sources, row by row; None where there is none."""
    return [tangle.below[row].get(column) for row in rows for column in columns]
